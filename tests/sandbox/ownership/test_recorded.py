"""What a real API server did in each scenario, and what we do from the same inputs."""

from __future__ import annotations

import json
from functools import cache, reduce
from typing import TYPE_CHECKING, Any

import pytest

from ome.api.openapi.view import SchemaNode, schema_for
from ome.sandbox.ownership import apply, update
from ome.sandbox.refusal import Refused
from tests.sandbox.ownership.kinds import SAMPLE_CRD, WIDGET_CRD
from tests.sandbox.ownership.scenarios import RECORDED, SCENARIOS

if TYPE_CHECKING:
    from collections.abc import Iterable

BUILT_IN = {
    "ConfigMap": "io.k8s.api.core.v1.ConfigMap",
    "Service": "io.k8s.api.core.v1.Service",
    "Deployment": "io.k8s.api.apps.v1.Deployment",
}
NEVER = "2031-01-01T00:00:00Z"
CANONICAL = {"1000m": "1"}


def recorded() -> list[dict[str, Any]]:
    steps: list[dict[str, Any]] = []
    for line in RECORDED.read_text("utf-8").splitlines():
        one = json.loads(line)
        if "before" not in one:
            last = steps[-1]
            one["before"] = last["after"] if last["status"] < 300 else last["before"]
        steps.append(one)
    return steps


STEPS = recorded()


@cache
def schema(kind: str) -> SchemaNode:
    if kind in BUILT_IN:
        return schema_for(BUILT_IN[kind])
    crd = {"Widget": WIDGET_CRD, "Sample": SAMPLE_CRD}[kind]
    return SchemaNode(crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"])


def ignored(kind: str, subresource: str) -> tuple[tuple[str, ...], ...]:
    """The fields that are reset in a request, as each kind's strategy says."""
    if subresource:
        return (("spec",),) if kind in BUILT_IN else (("spec",), ("metadata",))
    return (("status",),) if kind not in ("ConfigMap", "Sample") else ()


def times(document: dict[str, Any] | None) -> set[str]:
    entries = (document or {}).get("metadata", {}).get("managedFields", ())
    return {entry["time"] for entry in entries if "time" in entry}


def replayed(one: dict[str, Any]) -> dict[str, Any]:
    """Our answer; an update begins where the server's defaulting ended."""
    step, before, after = one["step"], one["before"], one["after"]
    kind, subresource = (before or step["body"])["kind"], step.get("sub", "")
    options: dict[str, Any] = {
        "subresource": subresource,
        "ignored": ignored(kind, subresource),
        "now": max(times(after) - times(before), default=NEVER),
    }
    if step["do"] == "apply":
        options |= {"manager": step["by"], "force": step["force"]}
        result = apply(before, step["body"], schema(kind), **options)
        return {
            k: v for k, v in result.items() if k == "metadata" or (k,) not in options["ignored"]
        }
    metadata = {k: v for k, v in after["metadata"].items() if k != "managedFields"}
    sent = step["body"].get("metadata", {})
    if "managedFields" in sent:
        metadata["managedFields"] = sent["managedFields"]
    new = {**after, "metadata": metadata}
    return update(before, new, schema(kind), manager=step["by"] or "Python", **options)


def entries(document: dict[str, Any], *, timed: bool = True) -> list[dict[str, Any]]:
    managed = document["metadata"].get("managedFields", ())
    return [{k: v for k, v in entry.items() if timed or k != "time"} for entry in managed]


def assert_within(ours: Any, theirs: Any, path: str) -> None:
    """All that we have is there; the server may have added defaults, and dropped nulls."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for name, value in ours.items():
            if value not in (None, {}, []) and name != "managedFields":
                assert name in theirs, f"{path}.{name} should not be there"
                assert_within(value, theirs[name], f"{path}.{name}")
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for index, item in enumerate(ours):
            assert_within(item, theirs[index], f"{path}[{index}]")
    elif ours is not None:
        assert CANONICAL.get(ours, ours) == theirs, path


def assert_refused(one: dict[str, Any]) -> None:
    message = one["after"]["message"]
    if 'Invalid value: "null"' in message:
        # An emptied member of a custom resource becomes a null, which its validation refuses.
        path = message.split(": ")[1].split(".")
        assert reduce(lambda at, name: at[name], path, replayed(one)) is None
        return
    with pytest.raises(Refused) as refused:
        replayed(one)
    assert (refused.value.code, refused.value.message) == (one["status"], message)
    details = one["after"].get("details", {})
    # Which manager comes first is left to chance there.
    assert by_text(refused.value.details.get("causes", ())) == by_text(details.get("causes", ()))


def by_text(causes: Iterable[dict[str, str]]) -> list[str]:
    return sorted(json.dumps(cause, sort_keys=True) for cause in causes)


@pytest.mark.parametrize("one", STEPS, ids=lambda one: f"{one['scenario']}: {one['step']['do']}")
def test_as_the_real_server(one: dict[str, Any]) -> None:
    if one["status"] >= 300:
        assert_refused(one)
        return
    ours, theirs = replayed(one), one["after"]
    assert_within(ours, theirs, "")
    # Where nothing but a time would be written, the server leaves the object as it is.
    timed = NEVER not in times(ours)
    assert entries(ours, timed=timed) == entries(theirs, timed=timed)


def test_every_scenario_is_recorded() -> None:
    steps: dict[str, list[Any]] = {}
    for one in STEPS:
        steps.setdefault(one["scenario"], []).append(one["step"])
    assert steps == json.loads(json.dumps(SCENARIOS))
