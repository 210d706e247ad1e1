"""What the users of the simulation declare."""

from __future__ import annotations

from typing import Any

from ome.api import names

__all__ = ["NAMESPACE", "OPERATOR", "base_model", "namespace", "runtime", "service", "stranger"]

NAMESPACE = "demo"
OPERATOR = "ome"
_GROUP = "ome.io/v1beta1"


def _format(model: str) -> dict[str, Any]:
    """Each model has a format of its own, so that exactly one runtime serves it."""
    return {
        "modelFormat": {"name": "safetensors", "version": "1.0.0"},
        "modelFramework": {"name": "transformers", "version": "4.43.0"},
        "modelArchitecture": f"Llama{model.removeprefix('model-').upper()}ForCausalLM",
    }


def namespace(name: str) -> dict[str, Any]:
    """A namespace."""
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def base_model(name: str, edition: int, *, everywhere: bool = True) -> dict[str, Any]:
    """A cluster-wide model; without ``everywhere`` only nodes with even numbers hold it."""
    storage: dict[str, Any] = {"storageUri": f"hf://example/{name}", "path": f"/raid/{name}"}
    if not everywhere:
        storage["nodeSelector"] = {"parity": "even"}
    return {
        "apiVersion": _GROUP,
        "kind": "ClusterBaseModel",
        # An annotation that pods carry, so each edition replaces them.
        "metadata": {
            "name": name,
            "annotations": {names.ANNOTATION_DECRYPTION_KEY: f"k-{edition}"},
        },
        "spec": {
            **_format(name),
            "vendor": "meta",
            "modelParameterSize": "8.03B",
            "storage": storage,
        },
    }


def runtime(name: str, model: str, edition: int) -> dict[str, Any]:
    """The runtime that serves a model; each edition has another image."""
    resources = {"cpu": "4", "memory": "40Gi", "nvidia.com/gpu": "1"}
    runner = {
        "name": "ome-container",
        "image": f"example.test/serve:{edition}",
        "args": ["--port=8080", "--model-path=$(MODEL_PATH)"],
        "ports": [{"containerPort": 8080, "name": "http1"}],
        "resources": {"requests": resources, "limits": resources},
    }
    supported = {**_format(model), "autoSelect": True, "priority": 1}
    return {
        "apiVersion": _GROUP,
        "kind": "ClusterServingRuntime",
        "metadata": {"name": name},
        "spec": {
            "supportedModelFormats": [supported],
            "modelSizeRange": {"min": "5B", "max": "9B"},
            "engineConfig": {"runner": runner},
        },
    }


def service(name: str, model: str, replicas: int, level: int) -> dict[str, Any]:
    """A service on a model."""
    environment = [{"name": "LOG_LEVEL", "value": str(level)}]
    return {
        "apiVersion": _GROUP,
        "kind": "InferenceService",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {
            "model": {"name": model},
            "engine": {
                "minReplicas": replicas,
                "maxReplicas": replicas,
                "runner": {"name": "ome-container", "env": environment},
            },
        },
    }


def stranger(kind: str, name: str) -> dict[str, Any]:
    """An object of somebody else under the name of a child."""
    metadata = {"name": name, "namespace": NAMESPACE, "labels": {"owner": "a-stranger"}}
    if kind == "Service":
        spec: dict[str, Any] = {"selector": {"app": "other"}, "ports": [{"port": 80}]}
        return {"apiVersion": "v1", "kind": kind, "metadata": metadata, "spec": spec}
    if kind == "HorizontalPodAutoscaler":
        target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "other"}
        spec = {"scaleTargetRef": target, "minReplicas": 1, "maxReplicas": 7}
        return {"apiVersion": "autoscaling/v2", "kind": kind, "metadata": metadata, "spec": spec}
    pod = {"containers": [{"name": "main", "image": "example.test/other:1"}]}
    # As in a copy of ours: another selector could not be changed, which would hide what tries to.
    labels = {names.LABEL_APP: name}
    spec = {
        "replicas": 0,
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": pod},
    }
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": metadata, "spec": spec}
