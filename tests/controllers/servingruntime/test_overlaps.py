"""Runtimes of the same rank, against a plain comparison of each with each."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ome.api import ServingRuntimeSpec
from ome.controllers.servingruntime.overlaps import LISTED, Overlaps
from ome.kube.resource import ObjectKey
from ome.selection import priority_conflict


def spec(priority: int | None = 1, **fields: Any) -> ServingRuntimeSpec:
    entry = {"modelFormat": {"name": "safetensors"}, "autoSelect": True, "priority": priority}
    held = {"supportedModelFormats": [entry], "protocolVersions": ["openAI"], **fields}
    return ServingRuntimeSpec.model_validate(held)


def test_a_sixth_changes_no_text() -> None:
    overlaps = Overlaps()
    keys = [ObjectKey("demo", f"r{number}") for number in range(LISTED + 3)]
    for key in keys:
        overlaps.runtime(key, spec())
    (found,) = overlaps.of(keys[0])
    assert found == ("safetensors", ("r1", "r2", "r3", "r4", "r5"), True)
    assert overlaps.runtime(keys[-1], None) == set(keys[:-1])
    assert overlaps.of(keys[0]) == [found]


def test_who_comes_and_goes_touches_those_of_its_rank() -> None:
    overlaps = Overlaps()
    one, two, three = (ObjectKey("demo", name) for name in ("one", "two", "three"))
    assert overlaps.runtime(one, spec()) == set()
    assert overlaps.runtime(three, spec(3)) == set()
    assert overlaps.runtime(two, spec()) == {one}
    assert overlaps.runtime(two, spec()) == set()
    assert overlaps.runtime(two, spec(3)) == {one, three}
    assert overlaps.runtime(two, None) == {three}


def test_other_namespaces_do_not_meet() -> None:
    overlaps = Overlaps()
    overlaps.runtime(ObjectKey("a", "r"), spec())
    assert overlaps.runtime(ObjectKey("b", "s"), spec()) == set()
    assert overlaps.of(ObjectKey("a", "r")) == []


specs = st.builds(
    lambda priority, disabled, protocols: spec(
        priority, disabled=disabled, protocolVersions=protocols
    ),
    st.sampled_from([None, 1, 2]),
    st.sampled_from([False, False, True]),
    st.sampled_from([["openAI"], ["openAI", "cohere"], ["cohere"], []]),
)
keys = st.sampled_from([ObjectKey("a", "x"), ObjectKey("a", "y"), ObjectKey("b", "x")])


@given(st.lists(st.tuples(keys, specs | st.none()), max_size=12))
def test_the_index_equals_a_comparison_of_each_with_each(
    history: list[tuple[ObjectKey, ServingRuntimeSpec | None]],
) -> None:
    overlaps, held = Overlaps(), dict[ObjectKey, ServingRuntimeSpec]()
    for key, found in history:
        before = {other: overlaps.of(other) for other in held}
        touched = overlaps.runtime(key, found)
        held.pop(key, None)
        if found is not None:
            held[key] = found
        changed = {other for other in held if other != key and overlaps.of(other) != before[other]}
        assert changed <= touched
    for key, found in held.items():
        others = {
            other.name
            for other, right in held.items()
            if other != key and other.namespace == key.namespace and priority_conflict(found, right)
        }
        assert {name for _, names, _ in overlaps.of(key) for name in names} == others
