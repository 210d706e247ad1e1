from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ome.kube.managed_fields import applied_by, moved, owns, predecessors_of, union

OWNER = 'k:{"uid":"me"}'


def entry(manager: str, fields: dict[str, Any], operation: str = "Update", sub: str = "") -> Any:
    made = {"manager": manager, "operation": operation, "apiVersion": "v1", "fieldsV1": fields}
    return {**made, "subresource": sub} if sub else made


GO = entry("go", {"f:metadata": {"f:ownerReferences": {".": {}, OWNER: {}}}, "f:data": {"f:a": {}}})
USER = entry("kubectl-edit", {"f:data": {"f:b": {}}})
SCALER = entry("hpa", {"f:spec": {"f:replicas": {}}}, sub="scale")
OURS = entry("ours", {"f:data": {"f:c": {}}}, "Apply")


def test_a_predecessor_is_who_set_our_owner_or_is_named() -> None:
    entries = [GO, USER, SCALER, OURS]
    assert predecessors_of(entries, (), "me") == {"go"}
    assert predecessors_of(entries, (), "another") == frozenset()
    assert predecessors_of(entries, (), "") == frozenset()
    assert predecessors_of(entries, ["kubectl-edit", "ours", "hpa"], "") == {"kubectl-edit"}


def test_moving_joins_the_entries_and_leaves_the_others() -> None:
    entries = moved([GO, USER, SCALER, OURS], {"go"}, "ours")
    assert entries[:2] == [USER, SCALER]
    assert entries[2]["operation"] == "Apply"
    assert entries[2]["fieldsV1"] == union(GO["fieldsV1"], OURS["fieldsV1"])


def test_moving_makes_our_entry_when_there_is_none() -> None:
    (made,) = moved([GO], {"go"}, "ours")
    assert (made["manager"], made["operation"], made["apiVersion"]) == ("ours", "Apply", "v1")
    assert made["fieldsV1"] == GO["fieldsV1"]


def test_moving_nothing_changes_nothing() -> None:
    assert moved([USER, OURS], {"go"}, "ours") == [USER, OURS]


def test_owning_a_field() -> None:
    ours = applied_by([GO, entry("ours", {"f:spec": {"f:replicas": {}}}, "Apply")], "ours")
    assert owns(ours, "spec", "replicas")
    assert not owns(ours, "spec", "paused")
    assert not owns(None, "spec")
    assert applied_by([GO], "go") is None


fields: st.SearchStrategy[Any] = st.recursive(
    st.just({}),
    lambda inner: st.dictionaries(st.sampled_from(["f:a", "f:b", "."]), inner, max_size=3),
    max_leaves=8,
)


@given(fields, fields)
def test_a_union_has_all_of_both_and_no_order(left: Any, right: Any) -> None:
    both = union(left, right)
    assert both == union(right, left)
    assert union(both, left) == both
    assert union(left, left) == left
