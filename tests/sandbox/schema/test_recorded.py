"""The recorded answers of a real API server, and what the sandbox makes of the same documents."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from ome.api.openapi import SchemaNode, schema_for
from ome.sandbox import schema
from ome.sandbox.apiserver.kinds import custom_kinds
from ome.sandbox.refusal import Refused
from tests.sandbox.schema.cases import BODIES, CASES, CRD, document, recorded

ANSWERS = recorded("case")
SAID = recorded("body")
NODE: SchemaNode = custom_kinds(CRD)[0].schema
BUILT_IN = {
    "Deployment": "io.k8s.api.apps.v1.Deployment",
    "Pod": "io.k8s.api.core.v1.Pod",
    "Secret": "io.k8s.api.core.v1.Secret",
}
ELSEWHERE = {
    "template with a bad label": "labels of embedded objects are not checked",
    "old is of another type": "what is unchanged is not converted for its rules",
    "transition from another type": "old values are taken as they are",
    "a limit is no quantity": "said by the defaults of built-in kinds",
}
"""What this room does not refuse, and why."""

_PLAINER = "the real server speaks of its parser"
DIFFERENT = {
    "a list": "only who asked knows that it must be an object",
    "a text": "only who asked knows that it must be an object",
    "a probe's port is a boolean": "the real server names its embedded struct on the way",
    "a probe's port is a fraction": "the real server names its embedded struct on the way",
    "no JSON": _PLAINER,
    "no JSON of a sample": _PLAINER,
    "no yaml": _PLAINER,
    "nothing": _PLAINER,
    "unknown and duplicate fields of a deployment": "duplicates first, not as they stand",
    "yaml with a duplicate": "the field's path instead of its line",
}
"""Bodies that are refused in other words, and why."""


def outcome(case: dict[str, Any]) -> dict[str, Any]:
    """What becomes of a case: the spec, or the refusal."""
    sent = document(case.get("name", "a"), copy.deepcopy(case["spec"]))
    problems = schema.field_problems(schema.prune(sent, NODE), [])
    if problems and case.get("validation") != "Ignore":
        said = f"strict decoding error: {', '.join(problems)}"
        return {"message": f'Sample in version "v1" cannot be handled as a Sample: {said}'}
    schema.apply_defaults(sent, NODE)
    old = None
    if "old" in case:
        old = document("a", copy.deepcopy(case["old"]))
        schema.apply_defaults(old, NODE)
    causes = schema.validate(sent, NODE, old)
    if causes:
        return {"causes": sorted((c.field, c.reason, c.message) for c in causes)}
    return {"spec": sent.get("spec")}


def expected(answer: dict[str, Any]) -> dict[str, Any]:
    if "spec" in answer:
        return {"spec": answer["spec"]}
    if not answer["causes"]:
        return {"message": answer["message"]}
    return {"causes": sorted((c["field"], c["reason"], c["message"]) for c in answer["causes"])}


@pytest.mark.parametrize("name", [name for name in CASES if name not in ELSEWHERE])
def test_a_custom_resource_fares_as_on_the_real_server(name: str) -> None:
    assert outcome(CASES[name]) == expected(ANSWERS[name])


def handled(name: str) -> str:
    """What is said of a body."""
    text = BODIES[name][1].encode()
    try:
        value, duplicates = schema.decode(text, strict=True)
    except Refused as refused:
        return refused.message
    if not isinstance(value, dict):
        return "no object"
    kind = value["kind"]
    node = schema_for(BUILT_IN[kind]) if kind in BUILT_IN else NODE
    if wrong := schema.typecheck(value, node, kind, "v1"):
        return wrong
    problems = schema.field_problems(schema.prune(value, node), duplicates)
    said = f"strict decoding error: {', '.join(problems)}"
    return f'{kind} in version "v1" cannot be handled as a {kind}: {said}'


@pytest.mark.parametrize("name", [name for name in BODIES if name not in ELSEWHERE])
def test_a_body_is_refused_as_by_the_real_server(name: str) -> None:
    same = handled(name) == SAID[name]["message"]
    assert same is (name not in DIFFERENT), (handled(name), SAID[name]["message"])
