"""A service that serves several adapters: they come, one moves to nodes, one goes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ome.api.truncate import weight_node_label
from tests import cluster
from tests.e2e.harness import agents, apply, condition, eventually, items, manager

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.cluster, pytest.mark.slow, pytest.mark.timeout(400)]

FORMAT = {
    "modelFormat": {"name": "safetensors", "version": "1.0.0"},
    "modelFramework": {"name": "transformers", "version": "4.43.0"},
    "modelArchitecture": "LlamaForCausalLM",
}
RUNNER = {
    "name": "ome-container",
    "image": "docker.io/vllm/vllm-openai:v0.11.0",
    "command": ["vllm", "serve"],
    "args": ["$(MODEL_PATH)", "--port=8080"],
    "ports": [{"containerPort": 8080}],
}


def document(kind: str, name: str, namespace: str = "", **spec: Any) -> dict[str, Any]:
    metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
    return {"apiVersion": "ome.io/v1beta1", "kind": kind, "metadata": metadata, "spec": spec}


def weight(name: str, namespace: str, **storage: str) -> dict[str, Any]:
    return document(
        "FineTunedWeight",
        name,
        baseModelRef={"name": "base", "namespace": namespace},
        modelType="LoRA",
        hyperParameters={"strategy": "lora"},
        storage={"storageUri": f"oci://n/a/b/c/o/{name}", **storage},
    )


def service(namespace: str, *weights: str) -> dict[str, Any]:
    model = {"name": "base", "kind": "BaseModel", "fineTunedWeights": list(weights)}
    return document("InferenceService", "chat", namespace, model=model, engine={"minReplicas": 1})


def served(namespace: str) -> list[tuple[str, list[str]]]:
    """The adapters of each pod that is not going: by annotation, and by what the engine is told."""
    found = []
    for pod in items("pods", namespace):
        if not pod["metadata"].get("deletionTimestamp"):
            named = pod["metadata"]["annotations"].get("ome.io/inject-fine-tuned-adapter", "")
            words = pod["spec"]["containers"][0]["args"]
            found.append((named, [word for word in words if "/opt/ml/adapters/" in word]))
    return found


def copies_seen(namespace: str, name: str) -> dict[str, str]:
    """By path in the engine, the directories of a node that has the weight."""
    (pod,) = [pod for pod in items("pods", namespace) if "deletionTimestamp" not in pod["metadata"]]
    node = cluster.get("nodes", pod["spec"]["nodeName"]) or {}
    assert node["metadata"]["labels"][weight_node_label(name)] == "Ready"
    volumes = {item["name"]: item.get("hostPath") or {} for item in pod["spec"]["volumes"]}
    mounts = pod["spec"]["containers"][0]["volumeMounts"]
    return {
        item["mountPath"]: volumes[item["name"]]["path"]
        for item in mounts
        if item["name"].startswith("fine-tuned-weight") and item["readOnly"]
    }


def test_several_adapters_come_and_go(tmp_path: Path, namespace: str) -> None:
    law, tax = f"{namespace}-law", f"{namespace}-tax"

    def tells(text: str) -> bool:
        return text in condition("chat", "EngineReady", namespace).get("message", "")

    storage = {"storageUri": "hf://example/base", "path": "/raid/base"}
    supported = [{**FORMAT, "autoSelect": True, "priority": 1}]
    engine = {"runner": RUNNER}
    with (
        manager(tmp_path / "manager.log", namespace),
        agents(tmp_path / "agents.log", namespace, "--download-seconds=0.2"),
    ):
        for given in (
            document("BaseModel", "base", namespace, **FORMAT, storage=storage),
            document(
                "ServingRuntime",
                "vllm",
                namespace,
                supportedModelFormats=supported,
                protocolVersions=["openAI"],
                engineConfig=engine,
            ),
            weight(law, namespace),
            service(namespace, law, tax),
        ):
            apply(given)
        try:
            text = f"No FineTunedWeight with the name: {tax}"
            eventually(lambda: tells(text), 150)
            assert served(namespace) == []
            apply(weight(tax, namespace))
            cluster.wait_ready("inferenceservices", "chat", namespace)
            pairs = [f"{name}=/opt/ml/adapters/{name}" for name in (law, tax)]
            assert served(namespace) == [(f"{law},{tax}", pairs)]
            apply(weight(tax, namespace, storageUri=f"hf://acme/{tax}", path="/raid/tax"))
            eventually(lambda: served(namespace) == [(law, pairs)], 150)
            cluster.wait_ready("inferenceservices", "chat", namespace)
            assert copies_seen(namespace, tax) == {"/opt/ml/adapters/" + tax: "/raid/tax"}
            apply(service(namespace, law))
            eventually(lambda: served(namespace) == [(law, [])])
            cluster.wait_ready("inferenceservices", "chat", namespace)
            cluster.delete("finetunedweights", law)
            text = f"No FineTunedWeight with the name: {law}"
            eventually(lambda: tells(text), 150)
            assert served(namespace) == [(law, [])]  # what serves goes on
        finally:
            cluster.delete("inferenceservices", "chat", namespace)
            for name in (law, tax):
                cluster.delete("finetunedweights", name)
            cluster.delete("basemodels", "base", namespace)
        eventually(lambda: not items("deployments", namespace) and not items("pods", namespace))
    assert "reconcile.panic" not in (tmp_path / "manager.log").read_text()
