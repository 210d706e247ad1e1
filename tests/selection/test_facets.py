"""An index by facets gives the same choice as looking at everything."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ome.errors import SelectionError
from ome.selection import (
    LISTED,
    Exclusion,
    RuntimeCandidate,
    SelectionRequest,
    entry_matches,
    facets_of_model,
    facets_of_runtime,
    judge,
    near_misses,
    priority_conflict,
    select_runtime,
)
from ome.selection.verdict import closest
from tests.selection.support import candidate, entry, model, request, sizes, spec

if TYPE_CHECKING:
    from ome.api import BaseModelSpec

names = st.sampled_from([None, "x", "y"])
models = st.builds(
    lambda format_, framework, architecture, quantization: model(
        format_,
        framework=framework,
        modelArchitecture=architecture,
        quantization=quantization,
        modelParameterSize="7B",
    ),
    st.sampled_from(["safetensors", "onnx"]),
    names,
    names,
    names,
)
entries = st.builds(
    lambda format_, framework, architecture, quantization, auto: entry(
        format_,
        framework=framework,
        modelArchitecture=architecture,
        quantization=quantization,
        autoSelect=auto,
    ),
    st.sampled_from(["safetensors", "onnx"]),
    names,
    names,
    names,
    st.booleans(),
)
runtimes = st.lists(
    st.builds(
        lambda name, namespace, formats: candidate(name, *formats, namespace=namespace),
        st.sampled_from("abcd"),
        st.sampled_from(["", "demo"]),
        st.lists(entries, max_size=3),
    ),
    unique_by=lambda found: (found.name, found.namespace),
    max_size=6,
)


@given(models, entries)
def test_an_entry_that_matches_has_the_models_facets(wanted: BaseModelSpec, found: Any) -> None:
    if entry_matches(found, wanted):
        assert facets_of_model(wanted) in facets_of_runtime(spec(found))


@given(models, runtimes)
def test_the_index_changes_no_choice_and_no_text(
    wanted: BaseModelSpec, found: list[RuntimeCandidate]
) -> None:
    asked = request(wanted)
    few = [item for item in found if facets_of_model(wanted) in facets_of_runtime(item.spec)]
    assert outcome(asked, few, found) == outcome(asked, found, found)


def outcome(
    asked: SelectionRequest, candidates: list[RuntimeCandidate], every: list[RuntimeCandidate]
) -> tuple[object, ...]:
    try:
        chosen = select_runtime(asked, candidates, lambda: every)
    except SelectionError as error:
        return (str(error), error.verdicts[:LISTED])
    return (chosen.runtime, chosen.entry, chosen.score)


def test_a_runtime_that_looks_close_does_not_hide_a_closer_one() -> None:
    asked = request(model(modelParameterSize="7B"))
    found = [
        candidate("a", entry({"name": "safetensors", "version": "1.0"})),  # by its version: format
        candidate("b", entry(), **sizes("1B", "2B")),
        candidate("c", entry("onnx")),
        candidate("d", entry(autoSelect=False)),
    ]
    for count, names in enumerate(("d", "db", "dba", "dbac"), 1):
        assert "".join(item.runtime.name for item in closest(asked, found, count)) == names


@given(models, runtimes, st.integers(1, 6), st.booleans())
def test_the_closest_are_the_first_of_all_verdicts(
    wanted: BaseModelSpec, found: list[RuntimeCandidate], count: int, classes: bool
) -> None:
    changed = [
        candidate(
            item.name,
            *(item.spec.supported_model_formats or ()),
            namespace=item.namespace,
            disabled=place % 4 == 3,
            acceleratorRequirements={"acceleratorClasses": ["h100"] if place % 3 else []},
            **(sizes("1B", "2B") if place % 2 else {}),
        )
        for place, item in enumerate(found)
    ]
    asked = request(wanted, *(["h100"] if classes else []))
    verdicts = sorted((judge(item, asked) for item in changed), key=lambda item: item.closeness)
    eligible = [item for item in verdicts if item.exclusion is None]
    if not eligible:
        assert closest(asked, changed, count) == verdicts[:count]


@pytest.mark.parametrize(
    ("changes", "near"),
    [
        ({}, True),
        ({"quantization": "fp8"}, True),
        ({"framework": "diffusers"}, True),
        ({"format_": "onnx"}, True),
        ({"quantization": "fp8", "format_": "onnx"}, False),
        ({"modelArchitecture": "Qwen"}, False),
    ],
)
def test_near_is_the_same_architecture_and_one_thing_off(
    changes: dict[str, Any], near: bool
) -> None:
    base = {"framework": "transformers", "modelArchitecture": "Llama"}
    wanted = model(**base)
    (found,) = facets_of_runtime(spec(entry(**{**base, **changes})))
    shared = set(near_misses(facets_of_model(wanted))) & set(near_misses(found))
    assert bool(shared) is near


# The single reason: remove it, and the runtime is a candidate.

REPAIRS: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any], Exclusion]] = {
    # name: the fault in the runtime, in its entry, in the model; what it is called
    "disabled": ({"disabled": True}, {}, {}, Exclusion.DISABLED),
    "size": (sizes("1B", "2B"), {}, {}, Exclusion.SIZE),
    "class": ({"acceleratorRequirements": None}, {}, {}, Exclusion.ACCELERATOR),
    "auto": ({}, {"autoSelect": False}, {}, Exclusion.NOT_ELIGIBLE),
    "weight": (
        {},
        {"format_": {"name": "safetensors", "weight": -9}},
        {},
        Exclusion.NOT_ELIGIBLE,
    ),
    "format": ({}, {"format_": "onnx"}, {}, Exclusion.FORMAT),
    "version": (
        {},
        {"format_": {"name": "safetensors", "version": "2.0"}},
        {"format_": {"name": "safetensors", "version": "1.0"}},
        Exclusion.FORMAT,
    ),
    "framework": ({}, {"framework": "other"}, {}, Exclusion.FORMAT),
    "architecture": ({}, {"modelArchitecture": "Other"}, {}, Exclusion.FORMAT),
    "quantization": ({}, {"quantization": "int4"}, {}, Exclusion.FORMAT),
    "pipeline": ({}, {"diffusionPipeline": {"className": "Flux"}}, {}, Exclusion.FORMAT),
}
SOUND_ENTRY: dict[str, Any] = {"framework": "transformers", "modelArchitecture": "Llama"}
SOUND_RUNTIME: dict[str, Any] = {
    "acceleratorRequirements": {"acceleratorClasses": ["h100"]},
    **sizes("5B", "9B"),
}


@pytest.mark.parametrize("fault", sorted(REPAIRS))
def test_a_single_reason_removed_makes_a_candidate(fault: str) -> None:
    in_runtime, in_entry, in_model, exclusion = REPAIRS[fault]
    wanted = model(**{**SOUND_ENTRY, "modelParameterSize": "7B", **in_model})
    asked = request(wanted, "h100")
    broken = candidate("r", entry(**{**SOUND_ENTRY, **in_entry}), **{**SOUND_RUNTIME, **in_runtime})
    assert judge(broken, asked).exclusion is exclusion
    assert judge(broken, asked).reason
    mended = candidate("r", entry(**{**SOUND_ENTRY, **in_model}), **SOUND_RUNTIME)
    assert judge(mended, asked).exclusion is None


@given(st.sets(st.sampled_from(sorted(REPAIRS)), min_size=1))
def test_several_faults_are_told_in_the_order_of_the_checks(faults: set[str]) -> None:
    in_runtime: dict[str, Any] = {}
    in_entry: dict[str, Any] = {}
    faults -= {"version"} | ({"weight"} if "format" in faults else set())  # one field, two faults
    for fault in faults:
        in_runtime |= REPAIRS[fault][0]
        in_entry |= REPAIRS[fault][1]
    broken = candidate("r", entry(**{**SOUND_ENTRY, **in_entry}), **{**SOUND_RUNTIME, **in_runtime})
    asked = request(model(**{**SOUND_ENTRY, "modelParameterSize": "7B"}), "h100")
    kinds = {REPAIRS[fault][3] for fault in faults}
    order = [
        Exclusion.DISABLED,
        Exclusion.ACCELERATOR,
        Exclusion.FORMAT,
        Exclusion.SIZE,
        Exclusion.NOT_ELIGIBLE,
    ]
    expected = next((kind for kind in order if kind in kinds), None)
    assert judge(broken, asked).exclusion is expected


@pytest.mark.parametrize(
    ("left", "right", "conflict"),
    [
        ({}, {}, "safetensors"),
        ({"priority": 2}, {}, ""),
        ({"priority": None}, {"priority": None}, ""),
        ({"autoSelect": False}, {}, ""),
        ({"modelArchitecture": "Llama"}, {}, ""),
        ({"quantization": "fp8"}, {"quantization": "fp8"}, "safetensors"),
        ({"name": "ST"}, {"name": "st"}, "ST"),
        ({"format_": {"name": "safetensors", "operator": "GreaterThan"}}, {}, ""),
        ({"format_": {"name": "safetensors", "operator": "Equal"}}, {}, "safetensors"),
    ],
)
def test_a_priority_conflict_is_compared_by_value(
    left: dict[str, Any], right: dict[str, Any], conflict: str
) -> None:
    protocols = {"protocolVersions": ["openAI"]}
    one, other = (spec(entry(**{"priority": 1, **side}), **protocols) for side in (left, right))
    assert priority_conflict(one, other) == conflict
    apart = spec(entry(**{"priority": 1, **right}), protocolVersions=["cohere"])
    ranged = spec(entry(**{"priority": 1, **right}), **protocols, **sizes("1B", "2B"))
    disabled = spec(entry(**{"priority": 1, **right}), **protocols, disabled=True)
    for third in (apart, ranged, disabled, spec(entry(priority=1))):
        assert priority_conflict(one, third) == ""
