"""300 nodes report 20 models: few status writes, exact lists."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests import cluster
from tests.e2e.harness import agents, apply, audit, eventually, items, manager

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.cluster, pytest.mark.slow, pytest.mark.timeout(400)]

NODES = 300
MODELS = 20
SELECTOR = {"ome.test/scale": "true"}
LABEL = "ome.test/scale=true"
WORDS = ("--download-seconds=2-20", "--failure-rate=0.1", "--seed=7")


def model(number: int) -> dict[str, Any]:
    return {
        "apiVersion": "ome.io/v1beta1",
        "kind": "ClusterBaseModel",
        "metadata": {"name": f"scale-{number}", "labels": SELECTOR},
        "spec": {
            "modelFormat": {"name": "safetensors"},
            "storage": {
                "storageUri": f"hf://example/scale-{number}",
                "path": f"/raid/models/scale-{number}",
                "nodeSelector": SELECTOR,
            },
        },
    }


def recomputed(namespace: str, key: str) -> dict[str, list[str]]:
    """Who reports what, straight from the ConfigMaps."""
    found: dict[str, list[str]] = {"Ready": [], "Failed": [], "Updating": []}
    for report in items("configmaps", namespace):
        text = (report.get("data") or {}).get(key)
        if text is not None:
            found[json.loads(text)["status"]].append(report["metadata"]["name"])
    return {state: sorted(names) for state, names in found.items()}


def statuses() -> dict[str, dict[str, Any]]:
    return {
        item["metadata"]["name"]: item.get("status") or {}
        for item in items("clusterbasemodels")
        if item["metadata"]["name"].startswith("scale-")
    }


def reported(status: dict[str, Any]) -> int:
    return len(status.get("nodesReady") or []) + len(status.get("nodesFailed") or [])


def test_three_hundred_nodes_with_twenty_models(tmp_path: Path, namespace: str) -> None:
    names = [f"scale-{number}" for number in range(NODES)]
    for name in names:
        metadata = {"name": name, "labels": SELECTOR}
        cluster.create({"apiVersion": "v1", "kind": "Node", "metadata": metadata})
    documents = "---\n".join(json.dumps(model(number)) + "\n" for number in range(MODELS))
    try:
        with (
            manager(tmp_path / "manager.log", namespace),
            agents(tmp_path / "agents.log", namespace, *WORDS, nodes=names),
        ):
            begin = time.time()
            apply(documents)
            eventually(
                lambda: (
                    len(statuses()) == MODELS
                    and all(reported(status) == NODES for status in statuses().values())
                ),
                240,
                every=2,
            )
            seconds = time.time() - begin
            for name, status in statuses().items():
                truth = recomputed(namespace, f"clusterbasemodel.{name}")
                assert status.get("nodesReady") == truth["Ready"]
                assert status.get("nodesFailed") == truth["Failed"]
                assert truth["Updating"] == []
            most = 2 + 2 * seconds  # the interval is one second below 1,000 names
            counts = _status_writes(begin)
            assert len(counts) == MODELS
            assert max(counts.values()) <= most, (seconds, counts)
            cluster.delete_collection("clusterbasemodels", wait=120, labelSelector=LABEL)
    finally:
        cluster.delete_collection("nodes", wait=0, labelSelector=LABEL)


def _status_writes(since: float) -> dict[str, int]:
    counts: dict[str, int] = {}
    for entry in audit(since):
        reference = entry.get("objectRef", {})
        if reference.get("subresource") == "status" and entry["verb"] in ("update", "patch"):
            counts[reference["name"]] = counts.get(reference["name"], 0) + 1
    return counts
