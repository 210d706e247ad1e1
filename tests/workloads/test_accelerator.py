"""What a class changes in a pod."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ome import api
from ome.workloads import AcceleratorInput, plan
from tests.workloads.support import load

CLASS: dict[str, Any] = {
    "discovery": {"nodeSelector": {"gpu": "h100", "pool": "class"}},
    "capabilities": {},
    "resources": [{"name": "nvidia.com/gpu", "quantity": "1"}],
}


def pod(
    spec: dict[str, Any] | None = None,
    config: dict[str, Any] | None = None,
    *,
    service: dict[str, Any] | None = None,
    runtime: dict[str, Any] | None = None,
    case: str = "minimal",
) -> dict[str, Any]:
    """The engine's pod under a class; ``service`` and ``runtime`` are laid over their blocks."""
    inputs = load(case)
    assert inputs.runtime is not None
    if service is not None:
        engine = api.EngineSpec.model_validate(service)
        changed = inputs.service.spec.model_copy(update={"engine": engine})
        inputs = replace(inputs, service=inputs.service.model_copy(update={"spec": changed}))
    if runtime is not None and inputs.runtime is not None:
        held = api.to_json(inputs.runtime.spec)
        held["engineConfig"] |= runtime.pop("engineConfig", {})
        parsed = api.ServingRuntimeSpec.model_validate({**held, **runtime})
        inputs = replace(inputs, runtime=replace(inputs.runtime, spec=parsed))
    accelerator = AcceleratorInput(
        "h100",
        api.AcceleratorClassSpec.model_validate({**CLASS, **(spec or {})}),
        None if config is None else api.AcceleratorModelConfig.model_validate(config),
    )
    made = plan(replace(inputs, accelerators={"engine": accelerator}))
    found: dict[str, Any] = made.components[0].objects[0]["spec"]["template"]["spec"]
    return found


def runner(made: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = made["containers"][0]
    return found


def env(made: dict[str, Any]) -> dict[str, Any]:
    return {item["name"]: item.get("value") for item in runner(made)["env"]}


def gpus(made: dict[str, Any], name: str = "nvidia.com/gpu") -> tuple[Any, Any]:
    resources = runner(made)["resources"]
    return resources["requests"].get(name), resources["limits"].get(name)


def test_a_component_without_class_is_not_touched() -> None:
    inputs = load("minimal")
    other = AcceleratorInput("h100", api.AcceleratorClassSpec.model_validate(CLASS))
    assert plan(replace(inputs, accelerators={"decoder": other})) == plan(inputs)


def test_an_empty_class_changes_nothing() -> None:
    empty: dict[str, Any] = {"discovery": {}, "resources": None}
    inputs = load("minimal")
    assert pod(empty) == plan(inputs).components[0].objects[0]["spec"]["template"]["spec"]


def test_the_class_beats_the_runtime_and_the_user_beats_the_class() -> None:
    made = pod(
        service={"nodeSelector": {"pool": "user"}},
        runtime={
            "nodeSelector": {"gpu": "runtime", "zone": "a"},
            "engineConfig": {"nodeSelector": {"gpu": "engine", "rack": "7"}},
        },
    )
    assert made["nodeSelector"] == {
        "models.ome.io/clusterbasemodel.llama-3-8b": "Ready",
        "gpu": "h100",
        "pool": "user",
        "zone": "a",
        "rack": "7",
    }


AFFINITY: dict[str, Any] = {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": []}}
TERM = {"topologyKey": "kubernetes.io/hostname"}
OWN = {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [TERM]}}


@pytest.mark.parametrize(
    ("of_class", "of_runtime", "own", "expected"),
    [
        (AFFINITY, OWN, None, AFFINITY),
        (AFFINITY, None, OWN, OWN),
        (None, OWN, None, OWN),
        (AFFINITY, None, None, AFFINITY),
    ],
)
def test_affinity_is_replaced_whole_unless_the_user_gave_one(
    of_class: Any, of_runtime: Any, own: Any, expected: Any
) -> None:
    discovery = {} if of_class is None else {"affinity": of_class}
    made = pod(
        {"discovery": discovery},
        service={"minReplicas": 1, **({"affinity": own} if own else {})},
        runtime={"engineConfig": {"affinity": of_runtime}} if of_runtime else None,
    )
    assert made["affinity"] == expected


@pytest.mark.parametrize(
    ("quantity", "name", "expected"),
    [
        ("1", "nvidia.com/gpu", ("2", "2")),  # the runtime asks for two
        ("8", "nvidia.com/gpu", ("8", "8")),
        ("4", "amd.com/gpu", ("4", "4")),
        (3, "nvidia.com/gpu", (3, 3)),
    ],
)
def test_the_larger_count_wins(quantity: Any, name: str, expected: tuple[Any, Any]) -> None:
    made = pod({"resources": [{"name": name, "quantity": quantity}]})
    assert gpus(made, name) == expected


def test_request_and_limit_become_equal() -> None:
    limited = {"runner": {"name": "r", "image": "i", "resources": {"limits": {"x/gpu": "4"}}}}
    made = pod({"resources": [{"name": "x/gpu"}]}, runtime={"engineConfig": limited})
    assert gpus(made, "x/gpu") == ("4", "4")


def test_a_user_who_asks_for_resources_asks_for_all_himself() -> None:
    own = {"runner": {"name": "ome-container", "resources": {"limits": {"memory": "1Gi"}}}}
    made = pod({"resources": [{"name": "nvidia.com/gpu", "quantity": "8"}]}, service=own)
    assert gpus(made) == ("2", "2")


def test_the_environment_of_the_class_beats_the_users() -> None:
    config = {"environmentOverride": {"B": "2", "A": "1", "NCCL_DEBUG": "INFO"}}
    own = {"runner": {"name": "ome-container", "env": [{"name": "A", "value": "mine"}]}}
    made = pod(config=config, service=own)
    assert env(made)["NCCL_DEBUG"] == "INFO"
    assert env(made)["A"] == "1"
    names = [item["name"] for item in runner(made)["env"]]
    assert names.index("B") > names.index("MODEL_PATH")


def test_a_replaced_variable_has_no_source_any_more() -> None:
    own = {
        "runner": {
            "name": "ome-container",
            "env": [{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}],
        }
    }
    made = pod(config={"environmentOverride": {"A": "1"}}, service=own)
    assert {"name": "A", "value": "1"} in runner(made)["env"]


def test_arguments_and_sizes_of_the_class() -> None:
    config = {
        "runtimeArgsOverride": ["--port=9090", "--mem=0.9"],
        "tensorParallelismOverride": {"tensorParallelSize": 4, "dataParallelSize": 2},
    }
    made = pod(config=config)
    assert runner(made)["args"] == [
        "--host=0.0.0.0",
        "--port=9090",
        "--model-path=$(MODEL_PATH)",
        "--tp=4",
        "--mem=0.9",
    ]


@pytest.mark.parametrize(
    ("resources", "config", "expected"),
    [
        ([{"name": "nvidia.com/gpu", "quantity": "8"}], None, "8"),
        ([{"name": "amd.com/gpu", "quantity": "4"}], None, "4"),
        (
            [
                {"name": "cpu", "quantity": "112"},
                {"name": "memory", "quantity": "1680Gi"},
                {"name": "nvidia.com/gpu", "quantity": "8"},
            ],
            None,
            "8",
        ),
        ([{"name": "cpu", "quantity": "112"}], None, "2"),
        (None, None, "2"),
        (None, {"environmentOverride": {"PARALLELISM_SIZE": "16"}}, "16"),
    ],
)
def test_parallelism_is_counted_from_the_classs_resource(
    resources: Any, config: Any, expected: str
) -> None:
    assert env(pod({"resources": resources}, config))["PARALLELISM_SIZE"] == expected


def test_a_component_of_containers_only_gets_place_but_no_resources() -> None:
    bare = {"runner": None, "containers": [{"name": "c", "image": "i"}]}
    made = pod(
        {"discovery": {"nodeSelector": {"gpu": "h100"}, "affinity": AFFINITY}},
        {"environmentOverride": {"A": "1"}},
        runtime={"engineConfig": bare},
    )
    assert made["nodeSelector"]["gpu"] == "h100"
    assert made["affinity"] == AFFINITY
    assert "env" not in made["containers"][0]
    assert "resources" not in made["containers"][0]
