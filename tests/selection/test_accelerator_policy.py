"""Which of several classes a policy chooses, and that nothing that fits beats it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ome import api
from ome.selection.constraints import unmet
from tests.selection.accelerators import choose, runtime, service, spec

if TYPE_CHECKING:
    from ome.selection import AcceleratorChoice


def by_policy(policy: str, **constraints: Any) -> AcceleratorChoice:
    return choose(service({"policy": policy, "constraints": constraints}))


@pytest.mark.parametrize(
    ("policy", "constraints", "chosen", "scores"),
    [
        (
            "BestFit",
            {"minMemory": 40, "preferredPrecisions": ["fp16"]},
            "a100",
            {"h100": 0.65, "a100": 1.0},
        ),
        ("BestFit", {"minMemory": 80}, "h100", {}),
        (
            "BestFit",
            {"minMemory": 16, "requiredFeatures": ["NVLink"]},
            "a100",
            {"h100": 0.44, "a100": 0.58},
        ),
        (
            "BestFit",
            {"minMemory": 40, "preferredPrecisions": ["int4", "fp16"]},
            "a100",
            {"h100": 0.65, "a100": 0.85},
        ),
        (
            "BestFit",
            {
                "minMemory": 16,
                "minComputePerformanceTFLOPS": 1000,
                "preferredPrecisions": ["fp16"],
            },
            "t4",
            {"h100": 0.44, "a100": 0.3736, "t4": 0.7195},
        ),
        ("BestFit", {}, "h100", {"h100": 1.0, "a100": 1.0, "t4": 1.0}),
        ("BestFit", {"minMemory": 0}, "h100", {"h100": 0.3, "a100": 0.3, "t4": 0.3}),
        ("Cheapest", {"minMemory": 16}, "t4", {"h100": -2, "a100": -1, "t4": 0}),
        ("Cheapest", {"minMemory": 40}, "a100", {"h100": -2, "a100": -1}),
        (
            "MostCapable",
            {"preferredPrecisions": ["fp16"]},
            "h100",
            {"h100": 1.0, "a100": 0.437, "t4": 0.1386},
        ),
        ("MostCapable", {"maxMemory": 50}, "a100", {"a100": 1.0}),
        ("FirstAvailable", {"maxMemory": 50}, "a100", {}),
        ("FirstAvailable", {"architectureFamilies": ["Turing", "nvidia-ampere"]}, "a100", {}),
        (
            "FirstAvailable",
            {"excludedClasses": ["h100"], "minArchitectureVersion": "8.0"},
            "a100",
            {},
        ),
    ],
)
def test_the_worked_example(
    policy: str, constraints: dict[str, Any], chosen: str, scores: dict[str, float]
) -> None:
    choice = by_policy(policy, **constraints)
    assert choice.name == chosen
    assert choice.reason == f"selected by policy {policy}"
    assert choice.verdicts[0].name == chosen
    found = {item.name: item.score for item in choice.verdicts}
    assert {name: found[name] for name in scores} == pytest.approx(scores, abs=1e-3)


@pytest.mark.parametrize(
    ("precisions", "figures", "expected"),
    [
        (["fp8"], {"int8Tops": 100}, 1.0),
        (["bf16"], {"fp16Tflops": 100}, 1.0),
        (["FP4", "int8"], {"int8Tops": 100}, 0.5),
        (["nvfp4"], {"int4Tops": 100}, 1.0),
        (["int4", "int8", "fp32"], {"fp32Tflops": 100}, 0.25),
        (["int4", "int8"], {"fp16Tflops": 100}, 0.25),  # fp16 after the whole list
        (["int4", "fp16"], {"fp32Tflops": 100}, 0.0),
        (["tf32"], {"fp32Tflops": 100}, 0.0),
        ([], {"fp32Tflops": 50}, 0.5),
        (["fp16"], None, 0.0),
    ],
)
def test_precisions_score_by_place(
    precisions: list[str], figures: dict[str, int] | None, expected: float
) -> None:
    one = spec(capabilities={"performance": figures})
    constraints = {"preferredPrecisions": precisions, "minComputePerformanceTFLOPS": 100}
    wanted = service({"policy": "BestFit", "constraints": constraints})
    choice = choose(wanted, runtime("a", "b"), {"a": one, "b": one})
    assert dict(choice.verdicts[0].parts)["compute"] == expected


@pytest.mark.parametrize(
    ("costs", "chosen", "reasons"),
    [
        ({"a": {"perHour": "3"}, "b": {"perHour": "2"}}, "b", {}),
        ({"a": {"perHour": "3"}, "b": {"perHour": "9", "spotPerHour": "0"}}, "b", {}),
        ({"a": {"perHour": "3"}, "b": {"perMillionTokens": "1"}}, "a", {"b": "no hourly price"}),
        ({"a": {"perHour": "3"}, "b": None}, "a", {"b": "no cost is given"}),
        ({"a": {"perMillionTokens": "3"}, "b": {"perMillionTokens": "2"}}, "b", {}),
        ({"a": {"perMillionTokens": "3"}, "b": {"tier": "low"}}, "a", {"b": "no token price"}),
        ({"a": {"tier": "gold"}, "b": {"tier": "LOW"}}, "b", {}),
        ({"a": {"tier": "gold"}, "b": {"tier": "medium"}}, "a", {}),
        ({"a": None, "b": {"tier": ""}}, "", {"a": "no cost is given", "b": "no cost is given"}),
    ],
)
def test_the_cheapest_by_the_finest_price_that_any_has(
    costs: dict[str, Any], chosen: str, reasons: dict[str, str]
) -> None:
    classes = {name: spec(cost=cost) for name, cost in costs.items()}
    choice = choose(service({"policy": "Cheapest"}), runtime(*classes), classes)
    assert choice.name == chosen
    said = {item.name: item.reason for item in choice.verdicts if item.reason}
    assert said.keys() == reasons.keys()
    assert all(said[name].startswith(text) for name, text in reasons.items())


def test_one_that_is_left_needs_no_price() -> None:
    choice = choose(service({"policy": "Cheapest"}), runtime("a"), {"a": spec()})
    assert choice.name == "a"
    assert choice.verdicts[0].score is None


@pytest.mark.parametrize("policy", ["BestFit", "Cheapest", "MostCapable", "FirstAvailable"])
def test_quantities_beyond_all_measure_are_compared_too(policy: str) -> None:
    """The API server takes them; they must not stop the services that look at the class."""
    huge = {"memoryGB": "1e400", "memoryBandwidthGBps": "1e400"}
    classes = {
        "a": spec(capabilities=huge, cost={"perHour": "1e400"}),
        "b": spec(capabilities={"memoryGB": "80Gi"}, cost={"perHour": "1"}),
    }
    asked = {"policy": policy, "constraints": {"minMemory": 80}}
    choice = choose(service(asked), runtime("a", "b"), classes)
    assert choice.name == {"BestFit": "b", "Cheapest": "b"}.get(policy, "a")


@pytest.mark.parametrize("policy", ["BestFit", "Cheapest", "MostCapable", "FirstAvailable"])
def test_of_equal_ones_the_runtimes_order_decides(policy: str) -> None:
    one = spec(cost={"perHour": "1"})
    for order in (["a", "b", "a"], ["b", "a"]):
        choice = choose(service({"policy": policy}), runtime(*order), {"a": one, "b": one})
        assert choice.name == order[0]
        assert len(choice.verdicts) == 2


classes = st.dictionaries(
    st.sampled_from("abcd"),
    st.builds(
        lambda memory, rate, price: spec(
            capabilities={"memoryGB": memory, "performance": {"fp16Tflops": rate}},
            cost=None if price is None else {"perHour": price},
        ),
        st.sampled_from([None, 0, 16, "40Gi", "80Gi"]),
        st.sampled_from([None, 0, 65, 312]),
        st.sampled_from([None, "0", "1.5"]),
    ),
)
selectors = st.builds(
    lambda policy, memory, precisions: {
        "policy": policy,
        "constraints": {"minMemory": memory, "preferredPrecisions": precisions},
    },
    st.sampled_from(["BestFit", "Cheapest", "MostCapable", "FirstAvailable"]),
    st.sampled_from([None, 0, 30]),
    st.sampled_from([None, ["fp16"], ["int4"]]),
)


@given(selectors, classes, st.permutations("abcd"))
def test_what_is_chosen_meets_the_constraints_and_nothing_beats_it(
    selector: dict[str, Any], held: dict[str, api.AcceleratorClassSpec], order: list[str]
) -> None:
    choice = choose(service(selector), runtime(*order), held)
    assert sorted(item.name for item in choice.verdicts) == sorted(order)
    fitting = [item for item in choice.verdicts if not item.reason]
    assert bool(choice.name) == bool(fitting)
    assert bool(choice.warning) == (not fitting)
    if choice.name:
        scores = [item.score for item in fitting if item.score is not None]
        assert fitting[0].name == choice.name
        assert not scores or fitting[0].score == max(scores)
        asked = api.AcceleratorConstraints.model_validate(selector["constraints"])
        assert unmet(choice.name, held[choice.name], asked) == ""


@given(selectors, classes)
def test_a_class_that_is_left_out_changes_no_choice(
    selector: dict[str, Any], held: dict[str, api.AcceleratorClassSpec]
) -> None:
    before = choose(service(selector), runtime(*"abcd"), held)
    out = {item.name for item in before.verdicts if item.reason}
    kept = [name for name in "abcd" if name not in out]
    if kept:
        assert choose(service(selector), runtime(*kept), held).name == before.name
