"""The Ray clusters of an engine that vLLM spreads over nodes, each with its prober."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from ome.api import names
from ome.workloads.errors import RenderError
from ome.workloads.prober import prober_pod
from ome.workloads.urls import service_host

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ome.workloads.inputs import Component, PlanInputs
    from ome.workloads.metadata import ComponentMetadata

__all__ = ["RAY_API_VERSION", "prober_name", "ray_clusters", "ray_name", "ray_replicas"]

RAY_API_VERSION = "ray.io/v1"
_KEPT = 50
_SHELL = ["/bin/bash", "-lc"]
_STOP = {"preStop": {"exec": {"command": [*_SHELL, "ray stop"]}}}
_INJECTED = (
    names.ANNOTATION_INJECT_MODEL_INIT,
    names.ANNOTATION_INJECT_ADAPTER,
    names.ANNOTATION_INJECT_SIDECAR,
)
_START = "ulimit -n 65536; echo worker; $KUBERAY_GEN_RAY_START_CMD"


def ray_name(name: str) -> str:
    """A name as KubeRay cuts it: the last 50 characters, beginning with a letter."""
    tail = name[-_KEPT:]
    return tail if tail[:1].isalpha() else "r" + tail[1:]


def prober_name(cluster: str) -> str:
    """The name of the prober of a cluster."""
    return ray_name(f"{cluster}-mnp")


def ray_replicas(component: Component) -> int:
    """How many clusters a component asks for."""
    asked = component.merged.get("minReplicas")
    return 1 if asked is None else max(int(asked), 0)


def ray_clusters(
    inputs: PlanInputs, component: Component, metadata: ComponentMetadata, pod: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Each RayCluster with its prober Deployment behind it. Raises ``RenderError``."""
    if not inputs.config.prober.image:
        raise RenderError(
            component.name,
            f"ConfigMap {names.CONFIGMAP_INFERENCE_SERVICE}, key multinodeProber: image is"
            f" required for deployment mode {names.MODE_RAY}; set it",
        )
    made: list[dict[str, Any]] = []
    for index in range(ray_replicas(component)):
        cluster = f"{metadata.name}-{index}"
        made += [
            _cluster(inputs, metadata, cluster, pod),
            _prober(inputs, metadata, cluster, index),
        ]
    return made


def _cluster(
    inputs: PlanInputs, metadata: ComponentMetadata, cluster: str, pod: Mapping[str, Any]
) -> dict[str, Any]:
    described = _described(metadata, cluster, inputs)
    labels, annotations = {**metadata.common, **metadata.queue}, dict(metadata.annotations)
    described["labels"] = dict(labels)
    shared = {"labels": labels, "annotations": annotations}
    head = {
        "headService": {"metadata": {"name": ray_name(cluster), **copy.deepcopy(shared)}},
        "serviceType": "ClusterIP",
        "rayStartParams": {"dashboard-host": "0.0.0.0", "metrics-export-port": "8000"},
        "template": {"metadata": copy.deepcopy(shared), "spec": _head(pod)},
    }
    workers = {
        "groupName": "wg",
        "replicas": 1,
        "rayStartParams": {},
        "template": {"metadata": copy.deepcopy(shared), "spec": _worker(pod)},
    }
    return {
        "apiVersion": RAY_API_VERSION,
        "kind": "RayCluster",
        "metadata": described,
        "spec": {"headGroupSpec": head, "workerGroupSpecs": [workers]},
    }


def _described(metadata: ComponentMetadata, name: str, inputs: PlanInputs) -> dict[str, Any]:
    described = metadata.object(name, labels=metadata.common)
    described["annotations"][names.ANNOTATION_RENDERING] = inputs.rendering
    return described


def _head(pod: Mapping[str, Any]) -> dict[str, Any]:
    spec = copy.deepcopy(dict(pod))
    for container in spec["containers"]:
        container.setdefault("lifecycle", copy.deepcopy(_STOP))
    return spec


def _worker(pod: Mapping[str, Any]) -> dict[str, Any]:
    """The same pods, whose containers only join the cluster."""
    spec = _head(pod)
    for container in spec["containers"]:
        container |= {"command": [*_SHELL, "--"], "args": [_START]}
    return spec


def _prober(
    inputs: PlanInputs, metadata: ComponentMetadata, cluster: str, index: int
) -> dict[str, Any]:
    host = service_host(ray_name(cluster), metadata.namespace, inputs.cluster_domain)
    selector = {names.LABEL_APP: metadata.app, names.LABEL_RAY_INDEX: str(index)}
    described = _described(metadata, prober_name(cluster), inputs)
    described["labels"] |= selector
    # Admission would look for the model server's container in a pod that has none.
    annotations = {
        key: value for key, value in metadata.annotations.items() if key not in _INJECTED
    }
    template = {"labels": dict(described["labels"]), "annotations": annotations}
    endpoint = f"http://{host}:{names.PORT_SERVICE}"
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": described,
        "spec": {
            "selector": {"matchLabels": selector},
            "strategy": {
                "type": "RollingUpdate",
                "rollingUpdate": {"maxUnavailable": "25%", "maxSurge": "25%"},
            },
            "revisionHistoryLimit": 10,
            "progressDeadlineSeconds": 600,
            "template": {"metadata": template, "spec": prober_pod(inputs.config.prober, endpoint)},
        },
    }
