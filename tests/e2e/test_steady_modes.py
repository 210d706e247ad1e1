"""In every way to serve: applied again, labelled, under a new manager; pods stay as they are."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from ome.controllers.inferenceservice.needs import CHILD_KINDS
from ome.controllers.inferenceservice.workload import WORKLOADS, pods_of
from tests import cluster
from tests.e2e.harness import (
    agents,
    apply,
    apply_first,
    audit,
    delete_first,
    eventually,
    items,
    manager,
    writes,
)
from tests.workloads.custom_kinds import custom_kinds

if TYPE_CHECKING:
    from pathlib import Path

    from ome.kube.resource import Resource

pytestmark = [pytest.mark.cluster, pytest.mark.slow, pytest.mark.timeout(400)]

QUIET_SECONDS = 5.0
RUNNER = {
    "name": "ome-container",
    "image": "docker.io/lmsysorg/sglang:v0.5.5",
    "ports": [{"containerPort": 8080}],
}
GROUPS = {"leader": {"runner": RUNNER}, "worker": {"size": 1, "runner": RUNNER}}
ROUTER = {"runner": {**RUNNER, "name": "router"}, "config": {"policy": "cache_aware"}}
KEDA = {"ome.io/autoscalerClass": "keda"}
WAYS: dict[str, tuple[dict[str, Any], dict[str, str], set[str]]] = {
    "raw": (
        {"engine": {"maxReplicas": 3}},
        {},
        {"Deployment", "HorizontalPodAutoscaler", "PodDisruptionBudget", "ConfigMap"},
    ),
    "events": ({"engine": {}}, KEDA, {"Deployment", "ScaledObject"}),
    "nodes": ({"engine": GROUPS}, {}, {"LeaderWorkerSet"}),
    "scaled": ({"engine": GROUPS}, KEDA, {"LeaderWorkerSet", "ScaledObject"}),
    "meshed": (
        {"engine": {**GROUPS, "labels": {"sidecar.istio.io/inject": "true"}}},
        {},
        {"LeaderWorkerSet", "Sidecar"},
    ),
    "apart": (
        {"engine": {"runner": RUNNER}, "decoder": GROUPS, "router": ROUTER},
        {},
        {"Deployment", "LeaderWorkerSet", "Role", "RoleBinding", "ServiceAccount"},
    ),
    "ray": (
        {"engine": {"annotations": {"ome.io/deploymentMode": "MultiNodeRayVLLM"}}},
        {},
        {"RayCluster", "Deployment"},
    ),
    "zero": (
        {"model": {"name": "on-claim"}, "engine": {"minReplicas": 0, "runner": RUNNER}},
        {},
        {"Service"},
    ),
    "routed": ({"engine": {}}, {"ome.io/ingress-disable-creation": "false"}, {"HTTPRoute"}),
    "pinned": ({"engine": {}}, {"ome.io/pin-runtime": "true"}, {"Deployment", "ConfigMap"}),
}
"""Spec, annotations, and kinds that it must come to. On a claim: Knative takes no host paths."""


def service(name: str, namespace: str) -> dict[str, Any]:
    spec, annotations, _ = WAYS[name]
    return {
        "apiVersion": "ome.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {"name": name, "namespace": namespace, "annotations": annotations},
        "spec": {"model": {"name": "llama-3-8b"}, **spec},
    }


def world(namespace: str) -> list[dict[str, Any]]:
    ingress = {
        "ingressDomain": "example.com",
        "enableGatewayAPI": True,
        "omeIngressGateway": "edge/public",
        "disableIngressCreation": True,
    }
    prober = {"image": "example.test/prober:1", "startupInitialDelaySeconds": 0}
    settings = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "inferenceservice-config", "namespace": namespace},
        "data": {"ingress": json.dumps(ingress), "multinodeProber": json.dumps(prober)},
    }
    claim = {
        "apiVersion": "ome.io/v1beta1",
        "kind": "BaseModel",
        "metadata": {"name": "on-claim", "namespace": namespace},
        "spec": {
            "modelFormat": {"name": "safetensors"},
            "storage": {"storageUri": f"pvc://{namespace}:weights/a"},
        },
    }
    return [settings, claim, *(service(name, namespace) for name in WAYS)]


def every(resource: Resource, namespace: str) -> list[dict[str, Any]]:
    root = f"/apis/{resource.api_version}" if resource.group else f"/api/{resource.version}"
    path = f"{root}/namespaces/{namespace}/{resource.plural}"
    found = cluster.request("GET", path, labelSelector="ome.io/inferenceservice")["items"]
    return [
        {**item, "kind": resource.kind, "apiVersion": resource.api_version}
        for item in found
        if _is_ours(item["metadata"])
    ]


def _is_ours(metadata: dict[str, Any]) -> bool:
    """Whether the operator made it, and not a controller of what it made."""
    owners = metadata.get("ownerReferences") or ()
    return any(owner["kind"] == "InferenceService" for owner in owners)


def kinds_of(namespace: str) -> dict[str, set[str]]:
    """The kinds of the objects of each service."""
    found: dict[str, set[str]] = {name: set() for name in WAYS}
    for resource in CHILD_KINDS:
        for item in every(resource, namespace):
            found[item["metadata"]["labels"]["ome.io/inferenceservice"]].add(item["kind"])
    return found


def _is_whole(namespace: str) -> bool:
    """Whether each service has come to what it should."""
    try:
        found = kinds_of(namespace)
    except cluster.Problem as problem:
        if problem.code == 429:  # a kind that was just made is not served yet
            return False
        raise
    return all(kinds <= found[name] for name, (_, _, kinds) in WAYS.items())


def pods(namespace: str) -> dict[str, Any]:
    """What each workload says of its pods, and the pods that there are."""
    templates = {
        f"{item['kind']} {item['metadata']['name']}": (item["metadata"]["uid"], pods_of(item))
        for resource in WORKLOADS
        for item in every(resource, namespace)
    }
    return {
        **templates,
        "pods": sorted(item["metadata"]["uid"] for item in items("pods", namespace)),
    }


def generations(namespace: str) -> dict[str, int]:
    return {
        f"{item['kind']} {item['metadata']['name']}": item["metadata"]["generation"]
        for resource in WORKLOADS
        for item in every(resource, namespace)
    }


def until_quiet() -> None:
    """Until the manager has written nothing for a while."""
    eventually(lambda: not writes(audit(time.time() - QUIET_SECONDS)), 120, every=1)


def test_pods_stay_and_nothing_is_written_in_any_mode(tmp_path: Path, namespace: str) -> None:
    with custom_kinds(), agents(tmp_path / "agents.log", namespace, "--download-seconds=0.5"):
        with manager(tmp_path / "one.log", namespace):
            apply_first()
            for document in world(namespace):
                apply(document)
            eventually(lambda: _is_whole(namespace), 120, every=1)
            until_quiet()
            before, numbers, since = pods(namespace), generations(namespace), time.time()
            apply_first()
            for document in world(namespace):
                apply(document)
            time.sleep(QUIET_SECONDS)
        with manager(tmp_path / "two.log", namespace) as another:
            eventually(lambda: "controllers.started" in another.log.read_text(), 90)
            time.sleep(QUIET_SECONDS)
            assert writes(audit(since)) == []
            assert (pods(namespace), generations(namespace)) == (before, numbers)
            _describe(namespace, "red")
            _describe(namespace, None)
            assert pods(namespace) == before
            cluster.delete_collection("inferenceservices", namespace)
            eventually(lambda: not items("pods", namespace), 90)
            cluster.delete("basemodels", "on-claim", namespace)
            delete_first()


def _describe(namespace: str, team: str | None) -> None:
    """Label and annotate every service, as people and tools do."""
    since = time.time()
    words = {"labels": {"team": team}, "annotations": {"argocd.argoproj.io/tracking-id": team}}
    for name in WAYS:
        cluster.patch("inferenceservices", name, namespace, {"metadata": words})
    eventually(lambda: len(writes(audit(since))) >= len(WAYS), 60)
    until_quiet()
    for resource in WORKLOADS:
        for item in every(resource, namespace):
            named = f"{item['kind']} {item['metadata']['name']}"
            assert item["metadata"]["labels"].get("team") == team, named
