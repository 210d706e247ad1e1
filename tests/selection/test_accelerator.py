"""Which class is chosen: the rules of names, policies and constraints, each with its reason."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ome import api
from ome.errors import SelectionError
from ome.selection import AcceleratorChoice, choose_accelerator
from ome.selection.constraints import unmet

GPUS: dict[str, dict[str, Any]] = {
    "h100": {
        "vendor": "NVIDIA",
        "family": "Hopper",
        "capabilities": {
            "memoryGB": "80Gi",
            "memoryBandwidthGBps": "3000",
            "performance": {
                "fp32Tflops": 67,
                "fp16Tflops": 1979,
                "int8Tops": 3958,
                "int4Tops": 7916,
            },
            "features": ["cuda", "tensor-cores", "nvlink", "fp8"],
            "computeCapability": "9.0",
        },
        "cost": {"perHour": "4", "spotPerHour": "2", "perMillionTokens": "100", "tier": "high"},
    },
    "a100": {
        "vendor": "NVIDIA",
        "family": "Ampere",
        "capabilities": {
            "memoryGB": "40Gi",
            "memoryBandwidthGBps": "1555",
            "performance": {"fp32Tflops": 19, "fp16Tflops": 312, "int8Tops": 624},
            "features": ["cuda", "tensor-cores", "nvlink"],
            "computeCapability": "8.0",
        },
        "cost": {"perHour": "2", "spotPerHour": "1", "perMillionTokens": "50", "tier": "medium"},
    },
    "t4": {
        "vendor": "NVIDIA",
        "family": "Turing",
        "capabilities": {
            "memoryGB": "16Gi",
            "memoryBandwidthGBps": "320",
            "performance": {"fp32Tflops": 8, "fp16Tflops": 65, "int8Tops": 130},
            "features": ["cuda", "tensor-cores"],
            "computeCapability": "7.5",
        },
        "cost": {"perHour": "1", "spotPerHour": "0", "perMillionTokens": "20", "tier": "low"},
    },
}


def spec(**fields: Any) -> api.AcceleratorClassSpec:
    return api.AcceleratorClassSpec.model_validate({"discovery": {}, "capabilities": {}, **fields})


def service(
    selector: Any = None, engine: Any = None, decoder: Any = None, annotation: str | None = None
) -> api.InferenceService:
    annotations = {} if annotation is None else {"ome.io/accelerator-class": annotation}
    blocks = {"engine": engine, "decoder": decoder}
    return api.InferenceService.model_validate(
        {
            "metadata": {"name": "s", "namespace": "demo", "annotations": annotations},
            "spec": {
                "model": {"name": "m"},
                "acceleratorSelector": selector,
                **{
                    name: {"acceleratorOverride": value}
                    for name, value in blocks.items()
                    if value is not None
                },
            },
        }
    )


def runtime(*classes: str, **required: Any) -> api.ServingRuntimeSpec:
    listed = {"acceleratorClasses": list(classes), **required}
    return api.ServingRuntimeSpec.model_validate({"acceleratorRequirements": listed})


def choose(
    wanted: api.InferenceService,
    listed: api.ServingRuntimeSpec | None = None,
    classes: dict[str, api.AcceleratorClassSpec] | None = None,
    component: str = "engine",
) -> AcceleratorChoice:
    held = {name: spec(**fields) for name, fields in GPUS.items()} if classes is None else classes
    return choose_accelerator(wanted, component, listed or runtime("h100", "a100", "t4"), held.get)


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


@pytest.mark.parametrize(
    ("constraints", "fields", "reason"),
    [
        ({"excludedClasses": ["c"]}, {}, "explicitly excluded"),
        ({"excludedClasses": ["C"]}, {}, ""),
        (
            {"architectureFamilies": ["hopper"]},
            {"family": "Ampere"},
            "architecture family ampere not in allowed list",
        ),
        ({"architectureFamilies": ["HOPPER"]}, {"family": "hopper"}, ""),
        ({"architectureFamilies": ["nvidia-hopper"]}, {"vendor": "NVIDIA", "family": "Hopper"}, ""),
        ({"architectureFamilies": ["ponte-vecchio"]}, {"family": "Ponte-Vecchio"}, ""),
        ({"architectureFamilies": []}, {"family": "Ampere"}, ""),
        ({"minMemory": 1}, {}, "missing memory specification for memory check"),
        ({"maxMemory": 1}, {}, "missing memory specification for memory check"),
        (
            {"minMemory": 80},
            {"capabilities": {"memoryGB": "79.6Gi"}},
            "memory 79GB < required 80GB",
        ),
        ({"minMemory": 80}, {"capabilities": {"memoryGB": 80}}, ""),
        ({"minMemory": 80}, {"capabilities": {"memoryGB": "80G"}}, "memory 74GB < required 80GB"),
        (
            {"maxMemory": 40},
            {"capabilities": {"memoryGB": "80Gi"}},
            "memory 80GB > max allowed 40GB",
        ),
        (
            {"requiredFeatures": ["Cuda", "NVLink"]},
            {"capabilities": {"features": ["CUDA"]}},
            "missing required feature: NVLink",
        ),
        (
            {"minArchitectureVersion": "9.0"},
            {},
            "missing compute capability for architecture version check",
        ),
        (
            {"minArchitectureVersion": "9.0"},
            {"capabilities": {"computeCapability": "8.9"}},
            "compute capability 8.9 < required 9.0",
        ),
        ({"minArchitectureVersion": "9.0"}, {"capabilities": {"computeCapability": "10.0"}}, ""),
        ({"minArchitectureVersion": "9.0"}, {"capabilities": {"computeCapability": "9"}}, ""),
        ({"minArchitectureVersion": "1" * 5000}, {"capabilities": {"computeCapability": "9"}}, ""),
        (
            {"minArchitectureVersion": "gfx942"},
            {"capabilities": {"computeCapability": "gfx90a"}},
            "compute capability gfx90a < required gfx942",
        ),
        ({"preferredPrecisions": ["fp8"], "minComputePerformanceTFLOPS": 9999}, {}, ""),
        ({"minMemory": 80, "excludedClasses": ["c"]}, {}, "explicitly excluded"),
    ],
)
def test_each_constraint_has_its_reason(
    constraints: dict[str, Any], fields: dict[str, Any], reason: str
) -> None:
    assert unmet("c", spec(**fields), api.AcceleratorConstraints(**_snake(constraints))) == reason


def _snake(constraints: dict[str, Any]) -> dict[str, Any]:
    parsed = api.AcceleratorConstraints.model_validate(constraints)
    return {name: getattr(parsed, name) for name in api.AcceleratorConstraints.model_fields}


NAME = {"acceleratorClass": "a100"}
POLICY = {"policy": "FirstAvailable"}


@pytest.mark.parametrize(
    ("wanted", "component", "chosen", "reason"),
    [
        (service(), "engine", "", "neither a class nor a policy is asked for"),
        (service({"constraints": {"minMemory": 1}}), "engine", "", "neither a class"),
        (service(NAME), "engine", "a100", "selected by name"),
        (service(NAME), "decoder", "a100", "selected by name"),
        (service(POLICY), "engine", "h100", "selected by policy FirstAvailable"),
        (service(NAME, engine={"acceleratorClass": "t4"}), "engine", "t4", "selected by name"),
        (service(NAME, engine={"acceleratorClass": "t4"}), "decoder", "a100", "selected by name"),
        (service(NAME, decoder={"acceleratorClass": "t4"}), "decoder", "t4", "selected by name"),
        (service(NAME, engine=POLICY), "engine", "a100", "selected by name"),
        (service({"policy": "Cheapest"}, engine=POLICY), "engine", "h100", "policy FirstAvailable"),
        (service(annotation="t4"), "engine", "t4", "selected by name"),
        (service(NAME, annotation="t4"), "engine", "a100", "selected by name"),
        (service(annotation=""), "engine", "", "neither"),
        (service({"acceleratorClass": "", **POLICY}), "engine", "h100", "FirstAvailable"),
    ],
)
def test_a_name_beats_a_policy_and_the_component_the_service(
    wanted: api.InferenceService, component: str, chosen: str, reason: str
) -> None:
    choice = choose(wanted, component=component)
    assert choice.name == chosen
    assert reason in choice.reason
    assert choice.warning == ""


def test_a_components_constraints_replace_the_services_whole() -> None:
    shared = {"policy": "FirstAvailable", "constraints": {"excludedClasses": ["h100", "a100"]}}
    own = {"constraints": {"minMemory": 10}}
    wanted = service(shared, engine=own)
    assert choose(wanted).name == "h100"
    assert choose(wanted, component="decoder").name == "t4"


def test_without_classes_in_the_runtime_there_is_none() -> None:
    for listed in (api.ServingRuntimeSpec(), runtime()):
        choice = choose(service(POLICY), listed)
        assert (choice.name, choice.warning) == ("", "")
    assert choose_accelerator(service(NAME), "engine", None, lambda name: None).name == ""


def test_a_named_class_must_exist_and_nothing_else_is_checked() -> None:
    with pytest.raises(SelectionError, match="accelerator class gone not found at cluster scope"):
        choose(service({"acceleratorClass": "gone"}))
    named = {"acceleratorClass": "t4", "constraints": {"excludedClasses": ["t4"]}}
    assert choose(service(named)).name == "t4"


def test_missing_candidates_are_passed_over() -> None:
    choice = choose(service(POLICY), runtime("gone", "t4"))
    assert choice.name == "t4"
    assert [(item.name, item.reason) for item in choice.verdicts] == [
        ("t4", ""),
        ("gone", "not found at cluster scope"),
    ]


def test_the_warning_names_every_class_with_its_reason() -> None:
    constraints = {"minMemory": 60, "excludedClasses": ["h100"]}
    choice = choose(
        service({"policy": "BestFit", "constraints": constraints}), runtime("h100", "t4")
    )
    assert choice.warning == (
        "No accelerator class satisfies policy BestFit for engine: h100 (explicitly excluded);"
        " t4 (memory 16GB < required 60GB)"
    )


@pytest.mark.parametrize(
    ("required", "chosen"),
    [
        ({"minMemory": 60}, "h100"),
        ({"requiredFeatures": ["nvlink"]}, "a100"),
        ({"minArchitectureVersion": "8.5"}, "h100"),
        ({"preferredPrecisions": ["int4"]}, "h100"),
        ({"minComputePerformanceTFLOPS": 7000}, "t4"),
    ],
)
def test_what_the_runtime_requires_counts_too(required: dict[str, Any], chosen: str) -> None:
    policy = "MostCapable" if "preferredPrecisions" in required else "BestFit"
    constraints = {"minMemory": 16, "preferredPrecisions": ["fp16"]}
    if policy == "MostCapable":
        constraints.pop("preferredPrecisions")
    wanted = service({"policy": policy, "constraints": constraints})
    assert choose(wanted, runtime("t4", "a100", "h100", **required)).name == chosen


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
