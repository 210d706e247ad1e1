"""However odd a manifest is, ``ome validate`` has lines for it and never a traceback."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ome.api import KINDS
from ome.api.crds.checking import completed, faults, field_text, root_schema
from ome.cli.manifests import Manifest
from ome.cli.offline import check
from tests.api.mutations import mutated
from tests.api.samples import FULL, SMALLEST, manifest
from tests.api.schemas import defaulted, errors, root
from tests.api.test_agreement import documents
from tests.support.tiers import examples

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

BY_KIND = {kind.KIND: kind for kind in KINDS}
SETTINGS = settings(
    max_examples=examples(60),
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
HEAD: SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {},
    optional={
        "apiVersion": st.sampled_from(["ome.io/v1beta1", "ome.io/v1", 1, None]),
        "metadata": st.sampled_from(
            [None, [], {"name": 1}, {"name": "a", "namespace": []}, {"annotations": {"a": None}}]
        ),
    },
)


@pytest.mark.parametrize("kind", sorted(FULL))
def test_no_manifest_is_too_odd(kind: str) -> None:
    properties = {"spec": root(kind)["properties"]["spec"]}
    schema: dict[str, Any] = {"type": "object", "properties": properties}
    bodies = mutated(documents(schema), schema, lambda path, inner: True)

    @SETTINGS
    @given(HEAD, bodies, st.booleans())
    def looked(head: dict[str, Any], body: tuple[dict[str, Any], Any], closed: bool) -> None:
        document = {"kind": kind, "apiVersion": "ome.io/v1beta1", **head, **body[0]}
        count, findings = check([Manifest("f", document)], namespace="a", self_contained=closed)
        assert count <= 1
        assert all(finding.text.startswith("f:1 ") for finding in findings)

    looked()


@pytest.mark.parametrize("kind", sorted(FULL))
def test_what_the_schema_refuses_is_found(kind: str) -> None:
    """The check of the schema and the tests' own model of an API server agree."""
    schema = {
        "type": "object",
        "properties": {name: root(kind)["properties"][name] for name in ("spec", "status")},
    }

    @SETTINGS
    @given(mutated(documents(schema), schema, lambda path, inner: True))
    def looked(changed: tuple[dict[str, Any], Any]) -> None:
        document = changed[0]
        found = [fault for fault in faults(schema, document) if fault.rule != "unknown"]
        assert bool(found) == bool(errors(schema, document)), found
        if not found:
            assert completed(schema, document) == defaulted(schema, document)

    looked()


@pytest.mark.parametrize("kind", sorted(FULL))
def test_samples_break_nothing(kind: str) -> None:
    schema = root_schema(BY_KIND[kind])
    for sample in (FULL[kind], SMALLEST[kind]):
        assert list(faults(schema, manifest(kind, sample))) == []


def test_fields_as_users_read_them() -> None:
    assert field_text(("spec", "a", 0, "b-c", "d.e/f")) == 'spec.a[0].b-c["d.e/f"]'
    assert field_text(()) == ""


def test_many_wrong_items_of_one_list_are_all_named() -> None:
    # Places are numbers: the eleventh comes after the third.
    names = [{"name": "same"} for _ in range(12)]
    spec = {"storage": {"storageUri": "hf://a/b"}, "modelFormat": {"name": "safetensors"}}
    document = {
        "kind": "ClusterServingRuntime",
        "apiVersion": "ome.io/v1beta1",
        "metadata": {"name": "a"},
        "spec": {"imagePullSecrets": [{**item, "modelFormat": spec} for item in names]},
    }
    _, findings = check([Manifest("f", document)], namespace="a", self_contained=False)
    text = " ".join(finding.text for finding in findings)
    assert all(f"imagePullSecrets[{place}]" in text for place in range(1, 12))


@pytest.mark.parametrize(("value", "whole"), [(2**63 - 1, True), (2**63, False), (2**70, False)])
def test_a_quantity_that_64_bits_do_not_hold_is_no_integer(value: int, whole: bool) -> None:
    """As a kube-apiserver answers."""
    spec = {"engine": {"runner": {"resources": {"limits": {"memory": value}}}}}
    found = list(faults({"properties": root("InferenceService")["properties"]}, {"spec": spec}))
    assert ([fault.message for fault in found] == []) is whole
    assert all("no integer or string" in fault.message for fault in found)
