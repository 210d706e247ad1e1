"""Services in every mode, from apply to Ready, through a change of mode, to deletion."""

from __future__ import annotations

import json
import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests import cluster
from tests.e2e.harness import (
    agents,
    apply,
    apply_first,
    audit,
    condition,
    delete_first,
    eventually,
    get,
    items,
    manager,
    writes,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.cluster, pytest.mark.slow, pytest.mark.timeout(400)]

KINDS = {
    "leaderworkersets": ("leaderworkerset.x-k8s.io", "LeaderWorkerSet"),
    "services": ("serving.knative.dev", "Service"),
    "rayclusters": ("ray.io", "RayCluster"),
}
RUNNER = {
    "name": "ome-container",
    "image": "docker.io/lmsysorg/sglang:v0.5.5",
    "ports": [{"containerPort": 8080}],
}
MULTI = {"leader": {"runner": RUNNER}, "worker": {"size": 1, "runner": RUNNER}}
SPECS: dict[str, dict[str, Any]] = {
    "nodes": {"engine": MULTI},
    "apart": {
        "engine": {"runner": RUNNER},
        "decoder": MULTI,
        "router": {"runner": {**RUNNER, "name": "router"}, "config": {"policy": "cache_aware"}},
    },
    "zero": {"engine": {"minReplicas": 0, "runner": RUNNER}},
    "ray": {
        "engine": {
            "annotations": {"ome.io/deploymentMode": "MultiNodeRayVLLM"},
            "minReplicas": 1,
            "runner": RUNNER,
        }
    },
}

MISSING = {
    "nodes": ("EngineReady", "DeploymentModeError"),
    "apart": ("DecoderReady", "DeploymentModeError"),
    "zero": ("EngineReady", "ServerlessModeRejected"),
    "ray": ("EngineReady", "DeploymentModeError"),
}


def definition(plural: str, group: str, kind: str) -> dict[str, Any]:
    anything = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    schema = {"type": "object", "properties": {"spec": anything, "status": anything}}
    version = {
        "name": "v1",
        "served": True,
        "storage": True,
        "subresources": {"status": {}},
        "schema": {"openAPIV3Schema": schema},
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {
                "kind": kind,
                "plural": plural,
                "singular": kind.lower(),
                "listKind": f"{kind}List",
            },
            "versions": [version],
        },
    }


@contextmanager
def kinds_of_others() -> Iterator[None]:
    """The CRDs that the modes need; what was not there goes again."""
    made = []
    for plural, (group, kind) in KINDS.items():
        name = f"{plural}.{group}"
        if get("customresourcedefinitions", name) is None:
            cluster.create(definition(plural, group, kind))
            made.append(name)
    try:
        yield
    finally:
        for name in made:
            cluster.delete("customresourcedefinitions", name)


def service(name: str, namespace: str) -> dict[str, Any]:
    return {
        "apiVersion": "ome.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"model": {"name": "llama-3-8b"}, **SPECS[name]},
    }


def settings(namespace: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "inferenceservice-config", "namespace": namespace},
        "data": {
            "multinodeProber": json.dumps(
                {"image": "example.test/prober:1", "startupInitialDelaySeconds": 0}
            )
        },
    }


@pytest.mark.skipif(cluster.is_real(), reason="no controllers of Knative and Ray run there")
def test_every_mode_to_ready_and_to_nothing(tmp_path: Path, namespace: str) -> None:
    apply(settings(namespace))
    with agents(tmp_path / "agents.log", namespace, "--download-seconds=0.5"):
        apply_first()
        with ExitStack() as kinds:
            with manager(tmp_path / "manager.log", namespace):
                _refuses(namespace)
                kinds.enter_context(kinds_of_others())
                for name in SPECS:
                    cluster.wait_ready("inferenceservices", name, namespace, seconds=120)
                assert (get("inferenceservices", "zero", namespace) or {})["status"]["url"]
                time.sleep(2)
            since = time.time()
            with manager(tmp_path / "another.log", namespace) as another:
                eventually(lambda: "controllers.started" in another.log.read_text(), 90)
                time.sleep(3)
                assert writes(audit(since)) == []
                _changes_mode(namespace)
                for name in SPECS:
                    cluster.delete("inferenceservices", name, namespace)
                eventually(lambda: not items("pods", namespace), 90)
                eventually(lambda: not items("roles", namespace))
                delete_first()


def _refuses(namespace: str) -> None:
    """Every service says what it misses."""
    for name in SPECS:
        apply(yaml.safe_dump(service(name, namespace)))
    for name, (type_, reason) in MISSING.items():
        eventually(
            lambda name=name, type_=type_, reason=reason: (  # type: ignore[misc]
                condition(name, type_, namespace).get("reason") == reason
            ),
            90,
        )


def _changes_mode(namespace: str) -> None:
    """From many nodes to one pod, and from none to one: the objects of the old mode go."""
    for name in ("nodes", "zero"):
        change = [{"op": "replace", "path": "/spec/engine", "value": {"runner": RUNNER}}]
        cluster.patch("inferenceservices", name, namespace, change)
        eventually(
            lambda name=name: (
                (  # type: ignore[misc]
                    get("deployments", f"{name}-engine", namespace) or {}
                )
                .get("status", {})
                .get("availableReplicas")
            ),
        )
        cluster.wait_ready("inferenceservices", name, namespace)
    path = f"/apis/leaderworkerset.x-k8s.io/v1/namespaces/{namespace}/leaderworkersets"
    names = {item["metadata"]["name"] for item in cluster.request("GET", path)["items"]}
    assert names == {"lws-apart-decoder"}
    held = get("services", "zero-engine", namespace) or {}
    assert held["metadata"]["ownerReferences"][0]["kind"] == "InferenceService"
