"""The nodes of classes against a plain recomputation, and which resources count."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ome import api
from ome.controllers.acceleratorclass.aggregate import Aggregate, NodeFacts, counts


def spec(selector: dict[str, str] | None = None, **fields: Any) -> api.AcceleratorClassSpec:
    held = {"discovery": {"nodeSelector": selector or {}}, "capabilities": {}, **fields}
    return api.AcceleratorClassSpec.model_validate(held)


@pytest.mark.parametrize(
    ("selector", "memory", "labels", "node_memory", "belongs"),
    [
        ({"gpu": "h100"}, None, {"gpu": "h100"}, "", True),
        ({"gpu": "h100"}, None, {"gpu": "a100"}, "", False),
        ({"gpu": "h100"}, None, {}, "", False),
        ({"spot": ""}, None, {}, "", True),
        ({}, None, {}, "", True),
        (None, None, {"any": "thing"}, "", True),
        ({}, "80Gi", {}, "2113549036Ki", True),
        ({}, "80Gi", {}, "64Gi", False),
        ({}, "80Gi", {}, "", False),
        ({}, 80, {}, "64Gi", False),
        ({}, 80, {}, "80Gi", True),
    ],
)
def test_a_node_belongs_by_labels_and_memory(
    selector: dict[str, str] | None,
    memory: Any,
    labels: dict[str, str],
    node_memory: str,
    belongs: bool,
) -> None:
    aggregate = Aggregate()
    aggregate.accelerator_class("c", spec(selector, capabilities={"memoryGB": memory}))
    assert aggregate.node("n", NodeFacts(labels, node_memory)) == ({"c"} if belongs else set())
    assert set(aggregate.nodes("c").nodes) == ({"n"} if belongs else set())


@pytest.mark.parametrize(
    ("resources", "expected"),
    [
        ([{"name": "nvidia.com/gpu"}], 8),
        ([{"name": "nvidia.com/mig-1g.10gb"}, {"name": "nvidia.com/gpu"}], 7),
        ([{"name": "example.com/none"}], 0),
        ([{"name": "cpu"}, {"name": "memory"}, {"name": "amd.com/gpu"}], 4),
        ([{"name": "cpu"}], 8 + 7 + 4 + 2),
        (None, 8 + 7 + 4 + 2),
    ],
)
def test_accelerators_are_counted_by_the_resource_of_devices(resources: Any, expected: int) -> None:
    held = {
        "cpu": "96",
        "nvidia.com/gpu": "8",
        "nvidia.com/mig-1g.10gb": "7",
        "amd.com/gpu": "4",
        "gpu.intel.com/i915": "2",
        "gpu.intel.com/memory.max": "64000",
        "example.com/nic": "8",
    }
    assert counts(spec(resources=resources), held) == expected


def test_a_heartbeat_touches_no_class() -> None:
    aggregate = Aggregate()
    aggregate.accelerator_class("c", spec())
    assert aggregate.node("n", NodeFacts({}, "1Gi")) == {"c"}
    assert aggregate.node("n", NodeFacts({}, "1Gi")) == set()
    assert aggregate.node("n", NodeFacts({"new": "label"}, "1Gi")) == set()
    assert aggregate.node("n", NodeFacts({}, "", {"nvidia.com/gpu": "8"})) == {"c"}
    assert aggregate.node("n", None) == {"c"}
    assert aggregate.node("n", None) == set()


nodes = st.builds(
    NodeFacts,
    st.dictionaries(st.sampled_from("xy"), st.sampled_from(["", "1", "2"])),
    st.sampled_from(["", "1Gi", "64Gi"]),
    st.dictionaries(st.just("nvidia.com/gpu"), st.sampled_from(["1", "8"])),
    st.dictionaries(st.just("nvidia.com/gpu"), st.sampled_from(["1", "8"])),
)
classes = st.builds(
    lambda selector, memory: spec(selector, capabilities={"memoryGB": memory}),
    st.dictionaries(st.sampled_from("xy"), st.sampled_from(["", "1"])),
    st.sampled_from([None, 32, "1Gi"]),
)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("node"), st.sampled_from("abc"), st.none() | nodes),
        st.tuples(st.just("class"), st.sampled_from("CD"), st.none() | classes),
    ),
    max_size=15,
)


@given(steps)
def test_the_aggregate_equals_a_recomputation(history: list[tuple[str, str, Any]]) -> None:
    aggregate = Aggregate()
    held: dict[str, dict[str, Any]] = {"node": {}, "class": {}}
    for what, name, value in history:
        before = {key: aggregate.nodes(key).nodes.copy() for key in held["class"]}
        if what == "node":
            touched = aggregate.node(name, value)
            after = {key: aggregate.nodes(key).nodes for key in held["class"]}
            assert touched == {key for key in after if after[key] != before[key]}
        else:
            aggregate.accelerator_class(name, value)
        held[what][name] = value
    fresh = Aggregate()
    for name, facts in held["node"].items():
        if facts is not None:
            fresh.node(name, facts)
    for name, found in held["class"].items():
        fresh.accelerator_class(name, found)
        assert aggregate.nodes(name) == fresh.nodes(name)
        assert aggregate.nodes(name).total == sum(
            pair[0] for pair in aggregate.nodes(name).nodes.values()
        )
