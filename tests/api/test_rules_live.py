"""The rules and the schemas on an API server, under a group of their own."""

from __future__ import annotations

import copy
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings

from ome.api.crds import all_crds
from tests import cluster
from tests.api.mutations import mutated
from tests.api.rules import REFUSED, TAKEN, TAKEN_BY_RULES, stored_before
from tests.api.schemas import CRDS, errors, root, without_rules
from tests.api.test_agreement import documents
from tests.api.test_crds_live import established
from tests.cluster import Problem
from tests.support.tiers import examples

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(300)]

GROUP = "rules.test.ome.io"
NAMESPACE = "ome-rules-test"
KINDS = ("InferenceService", "ServingRuntime", "ClusterServingRuntime", "BenchmarkJob")
"""Those with rules."""
EVERY = (*KINDS, "BaseModel", "ClusterBaseModel", "FineTunedWeight", "AcceleratorClass")
NAMESPACED = ("InferenceService", "ServingRuntime", "BenchmarkJob", "BaseModel")


def crds(*, rules: bool) -> list[dict[str, Any]]:
    """Ours under another group, with or without their rules."""
    found = []
    for crd in copy.deepcopy(all_crds()):
        names = crd["spec"]["names"]
        names.pop("shortNames", None)
        crd["metadata"]["name"] = f"{names['plural']}.{GROUP}"
        crd["spec"]["group"] = GROUP
        if not rules:
            found.append(without_rules(crd))
        elif names["kind"] in KINDS:
            found.append(crd)
    return found


def install(*, rules: bool) -> None:
    """Apply them; a CRD that was there is changed in place."""
    for crd in crds(rules=rules):
        cluster.apply(crd)
    for crd in crds(rules=rules):
        cluster.eventually(partial(established, crd["metadata"]["name"]), every=0.5)


def foreign(document: dict[str, Any]) -> dict[str, Any]:
    """The document in the group of the test."""
    found = {**copy.deepcopy(document), "apiVersion": f"{GROUP}/v1beta1"}
    if document["kind"] in NAMESPACED:
        found["metadata"]["namespace"] = NAMESPACE
    return found


def place(kind: str) -> str:
    """The path of the object from before the rules."""
    plural = CRDS[kind]["spec"]["names"]["plural"]
    scope = f"/namespaces/{NAMESPACE}" if kind in NAMESPACED else ""
    return f"/apis/{GROUP}/v1beta1{scope}/{plural}/{stored_before(kind)['metadata']['name']}"


def refusal(document: dict[str, Any]) -> str:
    """What the server says instead of storing it; empty when it would."""
    try:
        cluster.create(document, NAMESPACE, dryRun="All", fieldValidation="Ignore")
    except Problem as problem:
        return f"{problem.code}: {problem}"
    return ""


@contextmanager
def _cleaned() -> Iterator[None]:
    cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
    try:
        yield
    finally:
        for kind in KINDS:  # a finalizer that a failed test left would keep its CRD for ever
            with suppress(Problem):
                patch(kind, {"finalizers": None})
        for crd in crds(rules=False):
            cluster.delete("customresourcedefinitions", crd["metadata"]["name"], wait=0)
        # Looking at a megabyte of schema ten times a second costs more than all else here.
        cluster.eventually(lambda: not is_served())
        cluster.delete("namespaces", NAMESPACE)


def is_served() -> bool:
    """Whether the server knows the group."""
    return any(group["name"] == GROUP for group in cluster.request("GET", "/apis")["groups"])


def patch(kind: str, metadata: dict[str, Any]) -> None:
    """Taken; the server warns of what it would refuse today."""
    cluster.request("PATCH", place(kind), {"metadata": metadata}, "application/merge-patch+json")


@pytest.fixture(scope="module", autouse=True)
def _without() -> Iterator[None]:
    """The CRDs without rules, and objects that the rules refuse."""
    with _cleaned():
        install(rules=False)
        for kind in KINDS:
            cluster.create(foreign(stored_before(kind)), NAMESPACE)
        yield


@pytest.fixture(scope="module")
def ruled(_without: None) -> None:
    """From here on the rules are there."""
    install(rules=True)


@pytest.mark.slow
@pytest.mark.parametrize("kind", EVERY)
def test_the_server_takes_what_the_model_of_the_schema_takes(kind: str) -> None:
    """Nearly right documents: refused by the server exactly where ``errors`` refuses them."""
    schema = {"type": "object", "properties": {"spec": root(kind)["properties"]["spec"]}}
    found: list[dict[str, Any]] = []

    @settings(
        max_examples=examples(80),
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
    refused = [bool(refusal(item)) for item in found]
    assert 10 < sum(refused) < len(found)
    for item, is_refused in zip(found, refused, strict=True):
        ours = errors(schema, item)
        assert bool(ours) == is_refused, (ours, item)


@pytest.mark.usefixtures("ruled")
def test_refused() -> None:
    # A server takes a moment to use a changed CRD.
    cluster.eventually(lambda: all(refusal(foreign(document)) for document, _, _ in REFUSED))
    for document, _, text in REFUSED:
        assert text in refusal(foreign(document))


@pytest.mark.usefixtures("ruled")
def test_taken() -> None:
    for document in (*TAKEN, *TAKEN_BY_RULES):
        assert refusal(foreign(document)) == ""


@pytest.mark.usefixtures("ruled")
@pytest.mark.parametrize("kind", KINDS)
def test_an_object_from_before_the_rules_gets_and_loses_its_finalizer(kind: str) -> None:
    patch(kind, {"finalizers": ["ome.io/test"]})
    patch(kind, {"labels": {"a": "b"}})
    cluster.request("DELETE", place(kind))
    patch(kind, {"finalizers": None})
    with pytest.raises(Problem, match="not found"):
        cluster.request("GET", place(kind))
