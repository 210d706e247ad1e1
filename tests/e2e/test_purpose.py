"""From kubectl apply to a served model, and nothing left when it is deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests import cluster
from tests.e2e.harness import (
    SERVICE,
    agents,
    apply,
    apply_first,
    delete_first,
    eventually,
    get,
    items,
    manager,
)

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(300)]

CHILDREN = (
    "deployments",
    "services",
    "horizontalpodautoscalers",
    "poddisruptionbudgets",
    "configmaps",
    "pods",
)


def children(namespace: str) -> list[str]:
    return [
        f"{kind}/{item['metadata']['name']}"
        for kind in CHILDREN
        for item in items(kind, namespace, labelSelector="ome.io/inferenceservice=chat")
    ]


def owned(namespace: str, uid: str) -> list[dict[str, Any]]:
    return [
        item
        for kind in ("deployments", "services", "configmaps")
        for item in items(kind, namespace)
        if any(owner["uid"] == uid for owner in item["metadata"].get("ownerReferences", []))
    ]


def test_a_twelve_line_service_becomes_ready_and_leaves_nothing(
    tmp_path: Path, namespace: str
) -> None:
    assert len(SERVICE.strip().splitlines()) <= 12
    manifest = SERVICE.replace("namespace: demo", f"namespace: {namespace}")
    with (
        manager(tmp_path / "manager.log", namespace),
        agents(tmp_path / "agents.log", namespace, "--download-seconds=0.5"),
    ):
        apply_first()
        apply(manifest)
        service = cluster.wait_ready("inferenceservices", "chat", namespace)
        nodes = sorted(item["metadata"]["name"] for item in items("nodes"))
        # Ready on the first node is enough to serve; the others follow.
        eventually(lambda: _model_status().get("nodesReady") == nodes)
        assert _model_status()["state"] == "Ready"
        assert service["status"]["url"] == f"http://chat.{namespace}.svc.cluster.local:8080"
        pods = items("pods", namespace)
        assert [pod["status"]["phase"] for pod in pods] == ["Running"]
        assert pods[0]["spec"]["nodeName"] in nodes
        eventually(lambda: "InferenceServiceReady" in _reasons(namespace))

        cluster.delete("inferenceservices", "chat", namespace)
        delete_first()
        eventually(lambda: not children(namespace))
        assert not owned(namespace, service["metadata"]["uid"])
        eventually(lambda: not _model_labels())
        eventually(lambda: not any(item.get("data") for item in _reports(namespace)))


def _model_status() -> dict[str, Any]:
    model = get("clusterbasemodels", "llama-3-8b") or {}
    return dict(model.get("status") or {})


def _reasons(namespace: str) -> set[str]:
    return {event.get("reason", "") for event in items("events", namespace)}


def _model_labels() -> list[str]:
    return [
        label
        for node in items("nodes")
        for label in node["metadata"].get("labels", {})
        if label.startswith("models.ome.io/")
    ]


def _reports(namespace: str) -> list[dict[str, Any]]:
    return [
        item
        for item in items("configmaps", namespace)
        if "models.ome/basemodel-status" in item["metadata"].get("labels", {})
    ]
