"""Pruning, defaults and validation together: what holds of any document."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ome.api.openapi import SchemaNode, schema_for
from ome.sandbox import schema
from ome.sandbox.apiserver.kinds import custom_kinds
from tests.api.samples import FULL, SMALLEST, manifest
from tests.api.schemas import CRDS, defaulted, errors, pruned, root, without_rules
from tests.sandbox.schema.cases import CRD, document
from tests.support.tiers import examples

SAMPLE = custom_kinds(CRD)[0].schema
OURS = {kind: custom_kinds(crd)[0].schema for kind, crd in CRDS.items()}
PLAIN = {kind: custom_kinds(without_rules(crd))[0].schema for kind, crd in CRDS.items()}
"""Without CEL rules, of which the simple model knows nothing."""
FIELDS = CRD["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]

LEAVES = st.none() | st.booleans() | st.integers(-5, 9) | st.sampled_from(["a", "b", "80"])
NAMES = st.sampled_from(["a", "b", "name", "port", "size", "value", "low", "high", "x", "nested"])
ANYTHING = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)
relaxed = settings(deadline=None)
SPECS = st.dictionaries(st.sampled_from([*FIELDS, "typo"]), ANYTHING, max_size=6)


def stored(spec: Any, node: SchemaNode = SAMPLE) -> dict[str, Any]:
    """A Sample as it would be stored if nobody refused it."""
    made = copy.deepcopy(document("a", spec))
    schema.prune(made, node)
    schema.apply_defaults(made, node)
    return made


@relaxed
@given(SPECS)
def test_what_is_pruned_stays_pruned(spec: dict[str, Any]) -> None:
    made = document("a", copy.deepcopy(spec))
    schema.prune(made, SAMPLE)
    again = copy.deepcopy(made)
    assert schema.prune(again, SAMPLE) == []
    assert again == made


@relaxed
@given(SPECS)
def test_defaults_twice_are_defaults_once(spec: dict[str, Any]) -> None:
    made = stored(spec)
    again = copy.deepcopy(made)
    schema.apply_defaults(again, SAMPLE)
    assert again == made


@relaxed
@given(SPECS)
def test_defaults_are_known_fields(spec: dict[str, Any]) -> None:
    assert schema.prune(stored(spec), SAMPLE) == []


@relaxed
@given(SPECS)
def test_validation_only_looks(spec: dict[str, Any]) -> None:
    made = stored(spec)
    before = copy.deepcopy(made)
    schema.validate(made, SAMPLE, None)
    schema.validate(made, SAMPLE, before)
    assert made == before


@relaxed
@given(SPECS)
def test_what_did_not_change_is_let_pass(spec: dict[str, Any]) -> None:
    spec.pop("entries", None)  # a rule about change is asked even so
    made = stored(spec)
    assert schema.validate(made, SAMPLE, copy.deepcopy(made)) == []


@relaxed
@given(SPECS, SPECS)
def test_an_update_is_refused_for_nothing_that_a_create_is_not(
    spec: dict[str, Any], old: dict[str, Any]
) -> None:
    # Rules that speak of the old value apart, which a create does not ask.
    for name in ("fixed", "once", "entries"):
        spec.pop(name, None)
    made = stored(spec)
    on_create = set(schema.validate(made, SAMPLE, None))
    found = set(schema.validate(made, SAMPLE, stored(old)))
    waiting = [cause for cause in on_create if "were not checked" in cause.message]
    # With fewer other causes rules may be asked that a create did not come to.
    assert waiting or found <= on_create


@pytest.mark.parametrize("kind", sorted(OURS))
@pytest.mark.parametrize("samples", [FULL, SMALLEST], ids=["full", "smallest"])
def test_samples_of_our_kinds_are_valid(kind: str, samples: dict[str, Any]) -> None:
    sent = copy.deepcopy(manifest(kind, {"spec": samples[kind]["spec"]}))
    assert schema.prune(sent, OURS[kind]) == []
    schema.apply_defaults(sent, OURS[kind])
    assert sent["spec"] == defaulted(root(kind), manifest(kind, samples[kind]))["spec"]
    assert schema.validate(sent, OURS[kind], None) == []


@settings(max_examples=examples(200), deadline=None)
@given(st.sampled_from(sorted(OURS)), st.data())
def test_agrees_with_a_simple_model(kind: str, data: st.DataObject) -> None:
    spec = copy.deepcopy(FULL[kind]["spec"])
    _break(spec, data)
    sent = manifest(kind, {"spec": spec})
    node = OURS[kind]
    expected = pruned(root(kind), copy.deepcopy(sent))
    schema.prune(sent, node)
    assert sent["spec"] == expected["spec"]
    try:
        model = errors(root(kind), expected)
    except AttributeError:  # it takes every item of a keyed list for an object
        model = ["type"]
    causes = schema.validate(sent, PLAIN[kind], None)
    assert bool(causes) == bool(model), (causes, model)


def _break(value: Any, data: st.DataObject) -> None:
    """Put something else in one place of a document."""
    while isinstance(value, (dict, list)) and value:
        keys = sorted(value) if isinstance(value, dict) else range(len(value))
        key = data.draw(st.sampled_from(list(keys)))
        inner = value[key]
        if not isinstance(inner, (dict, list)) or not inner or data.draw(st.booleans()):
            value[key] = data.draw(st.sampled_from(["Wrong!", 7, True, [], {}, ["x"], {"x": 1}]))
            return
        value = inner


@pytest.mark.parametrize(
    ("kind", "sent", "dropped"),
    [
        ("core.v1.Pod", {"spec": {"containers": [{"typo": 1, "name": "a"}], "x": 1}},
         ["spec.containers[0].typo", "spec.x"]),
        ("core.v1.Pod", {"x": 1, "metadata": {"labels": {"any": "a"}, "label": {}}},
         ["x", "metadata.label"]),
        ("core.v1.ConfigMap", {"data": {"any": "a"}, "datum": {}}, ["datum"]),
        ("core.v1.Pod", {"metadata": {"managedFields": [{"fieldsV1": {"f:a": {".": {}}}}]}}, []),
    ],
)  # fmt: skip
def test_built_in_kinds_are_pruned_in_the_order_of_the_document(
    kind: str, sent: dict[str, Any], dropped: list[str]
) -> None:
    assert schema.prune(sent, schema_for(f"io.k8s.api.{kind}")) == dropped


def test_definitions_of_resources_are_pruned_inside_their_schemas() -> None:
    node = schema_for(
        "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinition"
    )
    inner: dict[str, Any] = {"type": "array", "items": {"type": "object", "typo": 1}}
    inner["additionalProperties"] = {"type": "string", "typo": 1}
    inner["default"] = {"free": {"form": 1}}
    inner["enum"] = [{"free": 1}]
    versions = [{"name": "v1", "schema": {"openAPIV3Schema": {"properties": {"a": inner}}}}]
    path = "spec.versions[0].schema.openAPIV3Schema.properties.a"
    assert schema.prune({"spec": {"versions": versions}}, node) == [
        f"{path}.items.typo",
        f"{path}.additionalProperties.typo",
    ]


@pytest.mark.parametrize("crd", CRDS.values(), ids=CRDS)
def test_our_definitions_keep_every_field(crd: dict[str, Any]) -> None:
    node = schema_for(
        "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinition"
    )
    sent = copy.deepcopy(crd)
    assert schema.prune(sent, node) == []
    assert schema.typecheck(sent, node, "CustomResourceDefinition", "v1") is None
    assert sent == crd


@relaxed
@given(SPECS)
def test_null_and_absent_fit_every_type(spec: dict[str, Any]) -> None:
    node = schema_for("io.k8s.api.core.v1.Pod")
    assert schema.typecheck(dict.fromkeys(spec), node, "Pod", "v1") is None


def test_a_pattern_that_is_none_is_a_cause_and_no_crash() -> None:
    node = SchemaNode({"type": "object", "properties": {"a": {"type": "string", "pattern": "["}}})
    (cause,) = schema.validate({"a": "x"}, node, None)
    assert cause.field == "a"
    assert "but pattern is invalid" in cause.message
