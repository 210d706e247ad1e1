"""A plan as a whole: which components, in which order, and what is left of one that fails."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ome.workloads import RenderError, plan
from tests.support.tiers import examples
from tests.workloads.support import documents, inputs

Json = dict[str, Any]
BLOCK: Json = {"runner": {"image": "a"}}
CONFIGS = {"engineConfig": BLOCK, "decoderConfig": BLOCK, "routerConfig": BLOCK}


def names(spec: Json, runtime: Json | None = None) -> list[str]:
    return [item.name for item in plan(inputs(documents(spec, runtime=runtime))).components]


@pytest.mark.parametrize(
    ("spec", "runtime", "expected"),
    [
        ({"router": BLOCK, "decoder": BLOCK, "engine": BLOCK}, None, "engine decoder router"),
        ({"engine": {}, "decoder": {}, "router": {}}, CONFIGS, "engine decoder router"),
        # A runtime gives defaults to the blocks that a service has, and an engine in any case.
        ({}, CONFIGS, "engine"),
        ({"router": {}}, CONFIGS, "engine router"),
        ({"engine": BLOCK}, None, "engine"),
        ({"engine": BLOCK, "decoder": BLOCK}, {}, "engine decoder"),
    ],
)
def test_the_components_of_a_service(spec: Json, runtime: Json | None, expected: str) -> None:
    assert names(spec, runtime) == expected.split()


@pytest.mark.parametrize(
    ("spec", "before", "component"),
    [
        ({"engine": BLOCK, "router": {}}, ["engine"], "router"),
        ({"engine": BLOCK, "decoder": {}, "router": BLOCK}, ["engine"], "decoder"),
        ({"engine": BLOCK, "decoder": BLOCK, "router": {}}, ["engine", "decoder"], "router"),
    ],
)
def test_what_stands_before_a_failure_is_still_planned(
    spec: Json, before: list[str], component: str
) -> None:
    held = inputs(documents(spec))
    made = plan(held)
    assert [item.name for item in made.components] == before
    assert made.failure is not None
    assert made.failure.component == component
    assert f"set spec.{component}.runner" in made.failure.message
    assert (made.exposed, made.url) == (None, "")
    assert plan(held) == made


def test_an_engine_that_fails_leaves_nothing() -> None:
    with pytest.raises(RenderError) as raised:
        plan(inputs(documents({"engine": {}, "router": BLOCK})))
    assert raised.value.component == "engine"


# Equal inputs give equal plans, and plans change nothing that they were made from.

PARTS = st.fixed_dictionaries(
    {"runner": st.just({"image": "a"})},
    optional={
        "minReplicas": st.integers(0, 2),
        "leader": st.just(BLOCK),
        "worker": st.sampled_from([{**BLOCK, "size": 2}, {**BLOCK, "size": 0}]),
        "annotations": st.dictionaries(
            st.sampled_from(
                ["ome.io/inject-model-init", "ome.io/volcano-queue", "ome.io/deploymentMode"]
            ),
            st.sampled_from(["true", "MultiNodeRayVLLM", "MultiNode", "Serverless"]),
        ),
        "nodeSelector": st.dictionaries(st.sampled_from("abc"), st.sampled_from("xy")),
    },
)
ROUTERS = st.fixed_dictionaries(
    {"runner": st.just({"image": "r"})},
    optional={
        "minReplicas": st.integers(0, 2),
        "config": st.dictionaries(st.sampled_from("ABC"), st.sampled_from("12")),
    },
)
SPECS = st.fixed_dictionaries({"engine": PARTS}, optional={"decoder": PARTS, "router": ROUTERS})


def reversed_maps(value: Any) -> Any:
    """The same document with the members of every map the other way round."""
    if isinstance(value, dict):
        return {key: reversed_maps(value[key]) for key in reversed(list(value))}
    return [reversed_maps(item) for item in value] if isinstance(value, list) else value


@settings(max_examples=examples(40), deadline=None)
@given(SPECS, st.sampled_from([None, CONFIGS]))
def test_equal_inputs_give_equal_plans(spec: Json, runtime: Json | None) -> None:
    held = documents(spec, {"labels": {"a": "b", "c": "d"}}, runtime=runtime)
    before = copy.deepcopy(held)
    made = plan(inputs(held))
    assert plan(inputs(copy.deepcopy(before))) == made
    # Lists have an order, which pods would be replaced for; maps have none.
    assert plan(inputs(reversed_maps(before))) == made


@settings(max_examples=examples(40), deadline=None)
@given(SPECS)
def test_every_component_has_what_its_workloads_name(spec: Json) -> None:
    made = plan(inputs(documents(spec)))
    seen: set[tuple[str, str, str]] = set()
    for component in made.components:
        held = {
            (item["apiVersion"], item["kind"], item["metadata"]["name"])
            for item in component.objects
        }
        assert {(ref.api_version, ref.kind, ref.name) for ref in component.workloads} <= held
        assert len(held) == len(component.objects)
        assert not seen & held
        seen |= held
        for item in component.objects:
            labels = item["metadata"]["labels"]
            assert labels["component"] == component.name
            assert labels["ome.io/inferenceservice"] == "chat"
            assert item["metadata"]["ownerReferences"][0]["kind"] == "InferenceService"
