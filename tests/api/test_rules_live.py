"""The rules and the schemas on a real API server, under a group of their own."""

from __future__ import annotations

import copy
import json
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings

from ome.api.crds import all_crds
from tests.api.mutations import mutated
from tests.api.rules import REFUSED, TAKEN, TAKEN_BY_RULES, stored_before
from tests.api.schemas import CRDS, errors, root
from tests.api.test_agreement import documents
from tests.api.test_crds_live import MANAGER, kubectl, ok

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.control_plane, pytest.mark.timeout(300)]

GROUP = "rules.test.ome.io"
NAMESPACE = "ome-rules-test"
KINDS = ("InferenceService", "ServingRuntime", "ClusterServingRuntime", "BenchmarkJob")
NAMESPACED = ("InferenceService", "ServingRuntime", "BenchmarkJob")


def crds(*, rules: bool) -> list[dict[str, Any]]:
    """Ours under another group, with or without their rules."""
    found = []
    for crd in copy.deepcopy(all_crds()):
        names = crd["spec"]["names"]
        if names["kind"] in KINDS:
            names.pop("shortNames", None)
            crd["metadata"]["name"] = f"{names['plural']}.{GROUP}"
            crd["spec"]["group"] = GROUP
            found.append(crd if rules else _without_rules(crd))
    return found


def _without_rules(value: Any) -> Any:
    if isinstance(value, dict):
        kept = {key: item for key, item in value.items() if key != "x-kubernetes-validations"}
        return {key: _without_rules(item) for key, item in kept.items()}
    return [_without_rules(item) for item in value] if isinstance(value, list) else value


def install(*, rules: bool) -> None:
    """Apply them; a CRD that was there is changed in place."""
    items = crds(rules=rules)
    document = json.dumps({"apiVersion": "v1", "kind": "List", "items": items})
    ok("apply", "--server-side", MANAGER, "-f", "-", given=document)
    names = [f"crd/{crd['metadata']['name']}" for crd in items]
    ok("wait", "--for=condition=Established", "--timeout=60s", *names)


def foreign(document: dict[str, Any]) -> dict[str, Any]:
    """The document in the group of the test."""
    found = {**copy.deepcopy(document), "apiVersion": f"{GROUP}/v1beta1"}
    if document["kind"] in NAMESPACED:
        found["metadata"]["namespace"] = NAMESPACE
    return found


def place(kind: str) -> tuple[str, ...]:
    """The object from before the rules, as words for kubectl."""
    plural = CRDS[kind]["spec"]["names"]["plural"]
    scope = ("-n", NAMESPACE) if kind in NAMESPACED else ()
    return (f"{plural}.{GROUP}", stored_before(kind)["metadata"]["name"], *scope)


def dry_run(manifests: list[dict[str, Any]]) -> dict[str, str]:
    """The refusal of each document that is refused, by a name that it is given."""
    for number, item in enumerate(manifests):
        item["metadata"]["name"] = f"s{number}"
    items = json.dumps({"apiVersion": "v1", "kind": "List", "items": manifests})
    done = kubectl("create", "--dry-run=server", "--validate=false", "-f", "-", given=items)
    lines = re.findall(r'"(s\d+)" is invalid: (.*)', done.stderr)
    assert len(lines) == done.stderr.count("Error from server"), done.stderr
    return dict(lines)


@contextmanager
def _cleaned() -> Iterator[None]:
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
    ok("apply", "--server-side", MANAGER, "-f", "-", given=json.dumps(space))
    try:
        yield
    finally:
        for kind in KINDS:  # a finalizer that a failed test left would keep its CRD for ever
            unlock = json.dumps({"metadata": {"finalizers": None}})
            kubectl("patch", *place(kind), "--type=merge", "-p", unlock)
        names = [crd["metadata"]["name"] for crd in crds(rules=False)]
        kubectl("delete", "crd", *names, "--ignore-not-found", "--timeout=60s")
        kubectl("delete", "namespace", NAMESPACE, "--timeout=60s")


@pytest.fixture(scope="module", autouse=True)
def _without() -> Iterator[None]:
    """The CRDs without rules, and objects that the rules refuse."""
    with _cleaned():
        install(rules=False)
        for kind in KINDS:
            ok("create", "-f", "-", given=json.dumps(foreign(stored_before(kind))))
        yield


@pytest.fixture(scope="module")
def ruled(_without: None) -> None:
    """From here on the rules are there."""
    install(rules=True)


@pytest.mark.parametrize("kind", KINDS)
def test_the_server_takes_what_the_model_of_the_schema_takes(kind: str) -> None:
    """Nearly right documents: refused by the server exactly where ``errors`` refuses them."""
    schema = {"type": "object", "properties": {"spec": root(kind)["properties"]["spec"]}}
    found: list[dict[str, Any]] = []

    @settings(
        max_examples=80,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(mutated(documents(schema), schema, lambda path, inner: len(path) > 1))
    def collect(changed: tuple[dict[str, Any], Any]) -> None:
        document = {"spec": {}, **changed[0]}
        found.append(foreign({"kind": kind, "metadata": {"name": "a"}, **document}))

    collect()
    refused = dry_run(found)
    assert 10 < len(refused) < len(found)
    for item in found:
        ours = errors(schema, item)
        assert bool(ours) == (item["metadata"]["name"] in refused), (ours, item)


def refusals(documents: list[dict[str, Any]]) -> list[str]:
    """The errors of creating them all, in their order."""
    given = json.dumps({"apiVersion": "v1", "kind": "List", "items": documents})
    done = kubectl("create", "--dry-run=server", "--validate=false", "-f", "-", given=given)
    return done.stderr.splitlines()


@pytest.mark.usefixtures("ruled")
def test_refused() -> None:
    found: list[str] = []
    for _ in range(40):  # a server takes a moment to use a changed CRD
        found = refusals([foreign(document) for document, _, _ in REFUSED])
        if len(found) == len(REFUSED):
            break
    for line, (_, _, text) in zip(found, REFUSED, strict=True):
        assert text in line


@pytest.mark.usefixtures("ruled")
def test_taken() -> None:
    assert refusals([foreign(document) for document in (*TAKEN, *TAKEN_BY_RULES)]) == []


@pytest.mark.usefixtures("ruled")
@pytest.mark.parametrize("kind", KINDS)
def test_an_object_from_before_the_rules_gets_and_loses_its_finalizer(kind: str) -> None:
    where = place(kind)

    def patch(metadata: dict[str, Any]) -> None:
        """Taken; the server warns of what it would refuse today."""
        body = json.dumps({"metadata": metadata})
        ok("patch", *where, "--type=merge", "-p", body)

    patch({"finalizers": ["ome.io/test"]})
    patch({"labels": {"a": "b"}})
    ok("delete", *where, "--wait=false")
    patch({"finalizers": None})
    assert "NotFound" in kubectl("get", *where).stderr
