"""What a service waits for is noticed by itself; classes reach pods; runtimes say what is wrong."""

from __future__ import annotations

import json
import time
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests import cluster
from tests.e2e.harness import (
    agents,
    apply,
    audit,
    condition,
    eventually,
    get,
    items,
    manager,
    seconds,
)
from tests.support.commands import run_command

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = [pytest.mark.cluster, pytest.mark.slow, pytest.mark.timeout(300)]

FORMAT = {
    "modelFormat": {"name": "safetensors", "version": "1.0.0"},
    "modelFramework": {"name": "transformers", "version": "4.43.0"},
    "modelArchitecture": "LlamaForCausalLM",
}


def document(kind: str, name: str, namespace: str = "", **spec: Any) -> str:
    metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
    return yaml.safe_dump(
        {"apiVersion": "ome.io/v1beta1", "kind": kind, "metadata": metadata, "spec": spec}
    )


def model(namespace: str) -> str:
    storage = {"storageUri": "hf://example/late", "path": "/raid/late"}
    return document("BaseModel", "late", namespace, **FORMAT, storage=storage)


def runtime(namespace: str, name: str = "late", priority: int = 1) -> str:
    runner = {"name": "ome-container", "image": "example.test/serve:1"}
    return document(
        "ServingRuntime",
        name,
        namespace,
        supportedModelFormats=[{**FORMAT, "autoSelect": True, "priority": priority}],
        protocolVersions=["openAI"],
        acceleratorRequirements={"acceleratorClasses": [namespace]},
        engineConfig={"runner": {**runner, "ports": [{"containerPort": 8080}]}},
    )


def accelerator(name: str, label: str) -> str:
    return document(
        "AcceleratorClass",
        name,
        discovery={"nodeSelector": {"nvidia.com/gpu.family": label}},
        capabilities={"memoryGB": "80Gi"},
        resources=[{"name": "nvidia.com/gpu", "quantity": "2"}],
    )


def explain(name: str, namespace: str) -> tuple[int, dict[str, Any]]:
    done = run_command("explain", name, "-n", namespace, "-o", "json", seconds=60)
    return done.returncode, json.loads(done.stdout)


def begun(since: float, namespace: str) -> float:
    """After how many seconds the operator wrote the first workload of a namespace."""
    return min(
        seconds(entry) - since
        for entry in audit(since)
        if f"/namespaces/{namespace}/deployments" in entry["requestURI"]
        and entry["verb"] in ("create", "patch")
    )


def test_a_service_waits_for_model_runtime_and_class(tmp_path: Path, namespace: str) -> None:
    service = document(
        "InferenceService",
        "chat",
        namespace,
        model={"name": "late"},
        engine={"minReplicas": 1},
        acceleratorSelector={"acceleratorClass": namespace},
    )

    def says(reason: str) -> bool:
        return bool(condition("chat", "EngineReady", namespace).get("reason") == reason)

    with (
        manager(tmp_path / "manager.log", namespace),
        agents(tmp_path / "agents.log", namespace, "--download-seconds=0.2"),
    ):
        apply(service)
        eventually(lambda: says("ModelReconcileError"))
        apply(model(namespace))
        eventually(lambda: says("RuntimeSelectionError"))
        assert explain("chat", namespace)[0] == 1
        apply(runtime(namespace))
        eventually(lambda: says("AcceleratorClassError"))
        try:
            since = time.time()
            apply(accelerator(namespace, "hopper"))
            cluster.wait_ready("inferenceservices", "chat", namespace)
            assert begun(since, namespace) < 1
            (pod,) = items("pods", namespace)
            assert pod["spec"]["nodeSelector"]["nvidia.com/gpu.family"] == "hopper"
            limits = pod["spec"]["containers"][0]["resources"]["limits"]
            assert limits["nvidia.com/gpu"] == "2"
            code, said = explain("chat", namespace)
            assert code == 0
            assert said["runtime"]["name"] == "late"
            assert said["accelerators"]["engine"]["acceleratorClass"] == namespace
            held = eventually(lambda: (get("acceleratorclasses", namespace) or {}).get("status"))
            hopper = [
                item["metadata"]["name"]
                for item in items("nodes")
                if item["metadata"]["labels"].get("nvidia.com/gpu.family") == "hopper"
            ]
            assert held["nodes"] == sorted(hopper)
            assert held["totalAccelerators"] >= len(hopper)
        finally:
            # While somebody is there to let go of them: else the namespace waits for the next
            # manager, which another test starts.
            cluster.delete("inferenceservices", "chat", namespace)
            cluster.delete("basemodels", "late", namespace)
            cluster.delete("acceleratorclasses", namespace)


def test_two_runtimes_of_one_rank_are_told(tmp_path: Path, namespace: str) -> None:
    def distinct(name: str) -> dict[str, Any]:
        found = (get("servingruntimes", name, namespace) or {}).get("status") or {}
        conditions = {item["type"]: item for item in found.get("conditions") or ()}
        return dict(conditions.get("PrioritiesDistinct") or {})

    with manager(tmp_path / "manager.log", namespace):
        for name in ("one", "two"):
            apply(runtime(namespace, name))
        eventually(lambda: distinct("two").get("reason") == "SamePriority")
        assert "same priority as one" in distinct("two")["message"]
        eventually(lambda: distinct("one").get("status") == "False")
        apply(runtime(namespace, "two", priority=2))
        for name in ("one", "two"):
            eventually(partial(_is_true, distinct, name))


def _is_true(distinct: Callable[[str], dict[str, Any]], name: str) -> bool:
    return bool(distinct(name).get("status") == "True")
