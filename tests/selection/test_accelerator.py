"""Which class a service or a component may have: names and constraints, each with its reason."""

from __future__ import annotations

from typing import Any

import pytest

from ome import api
from ome.errors import SelectionError
from ome.selection import choose_accelerator
from ome.selection.constraints import unmet
from tests.selection.accelerators import choose, runtime, service, spec


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
