"""What a class changes in the pods of a group, where the user speaks of one part alone."""

from __future__ import annotations

from typing import Any

import pytest

from ome.workloads import plan
from tests.workloads.support import by_name, documents, inputs

Json = dict[str, Any]
AFFINITY: Json = {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": []}}
OWN: Json = {
    "podAntiAffinity": {
        "requiredDuringSchedulingIgnoredDuringExecution": [
            {"topologyKey": "kubernetes.io/hostname"}
        ]
    }
}
CLASS: Json = {
    "kind": "AcceleratorClass",
    "metadata": {"name": "h100"},
    "spec": {
        "discovery": {"nodeSelector": {"gpu": "h100"}, "affinity": AFFINITY},
        "capabilities": {},
        "resources": [{"name": "nvidia.com/gpu", "quantity": "8"}],
    },
}
RUNNER: Json = {"name": "ome-container", "image": "a"}
CONFIG: Json = {
    "environmentOverride": {"NCCL_DEBUG": "INFO"},
    "tensorParallelismOverride": {"tensorParallelSize": 16},
}
RUNTIME: Json = {
    "supportedModelFormats": [
        {
            "modelFormat": {"name": "safetensors"},
            "modelFramework": {"name": "transformers"},
            "acceleratorConfig": {"h100": CONFIG},
        }
    ],
    "engineConfig": {
        "leader": {"runner": {**RUNNER, "args": ["--tp=8"]}},
        "worker": {"runner": {**RUNNER, "args": ["--tp=8"]}, "size": 1},
    },
}
PARTS = ("leader", "worker")


def pods(engine: Json, **spec: Any) -> dict[str, Json]:
    """The pods of leader and worker under the class."""
    given = documents({"engine": engine, **spec}, runtime=RUNTIME)
    made = by_name(plan(inputs([*given, CLASS])))["LeaderWorkerSet/lws-chat-engine"]
    group = made["spec"]["leaderWorkerTemplate"]
    return {part: group[f"{part}Template"]["spec"] for part in PARTS}


def gpus(pod: Json) -> Any:
    return ((pod["containers"][0].get("resources") or {}).get("limits") or {}).get("nvidia.com/gpu")


def test_both_parts_follow_the_class() -> None:
    for pod in pods({}).values():
        assert pod["nodeSelector"]["gpu"] == "h100"
        assert pod["affinity"] == AFFINITY
        assert gpus(pod) == "8"
        container = pod["containers"][0]
        assert {"name": "NCCL_DEBUG", "value": "INFO"} in container["env"]
        assert container["args"] == ["--tp=16"]


@pytest.mark.parametrize("mine", PARTS)
@pytest.mark.parametrize(
    ("block", "changed"),
    [
        ({"nodeSelector": {"gpu": "mine"}}, ("mine", AFFINITY, "8")),
        ({"affinity": OWN}, ("h100", OWN, "8")),
        (
            {"runner": {"resources": {"limits": {"memory": "1Gi"}}}},
            ("h100", AFFINITY, None),
        ),
        ({"runner": {"resources": {"claims": [{"name": "c"}]}}}, ("h100", AFFINITY, None)),
        ({"runner": {"image": "b"}}, ("h100", AFFINITY, "8")),
    ],
)
def test_what_the_user_says_of_a_part_holds_there(mine: str, block: Json, changed: Any) -> None:
    for part, pod in pods({mine: block}).items():
        expected = changed if part == mine else ("h100", AFFINITY, "8")
        assert (pod["nodeSelector"]["gpu"], pod["affinity"], gpus(pod)) == expected


def test_an_affinity_of_the_component_keeps_the_classs_away() -> None:
    for pod in pods({"nodeSelector": {"gpu": "mine"}, "affinity": OWN}).values():
        assert pod["nodeSelector"]["gpu"] == "mine"
        assert "affinity" not in pod


def test_merged_weights_lose_the_models_key_and_not_the_class() -> None:
    weight = {
        "kind": "FineTunedWeight",
        "metadata": {"name": "law"},
        "spec": {
            "baseModelRef": {"name": "m"},
            "modelType": "LoRA",
            "hyperParameters": {"strategy": "lora"},
            "storage": {"storageUri": "oci://n/a/b/c/o/d"},
            "configuration": {"merged_weights": True},
        },
    }
    spec = {"model": {"name": "m", "fineTunedWeights": ["law"]}, "engine": {}}
    made = by_name(plan(inputs([*documents(spec, runtime=RUNTIME), CLASS, weight])))
    group = made["LeaderWorkerSet/lws-chat-engine"]["spec"]["leaderWorkerTemplate"]
    for part in PARTS:
        assert group[f"{part}Template"]["spec"]["nodeSelector"] == {"gpu": "h100"}
