"""Many nodes report many models to one manager on a real API server.

Each update of a node changes all eight of its entries. What is measured is the manager alone: CPU,
memory, status writes, and how late the last status is. It runs alone: the peer is the Go operator,
which needs 14.3 CPU-seconds and 185 MB for this work and lags 3.3 s. Begin a control plane for it:
one that still clears away the objects of a run before is slower, and has more statuses written.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import _cluster as cluster
from benchmarks import _recording as recording
from benchmarks import _report as report
from benchmarks import _stage as stage

if TYPE_CHECKING:
    from collections.abc import Sequence

LABEL = "ome.bench/run=fanin"


def main(argv: Sequence[str]) -> int:
    """Measure; 0 when the statuses are exact and on time."""
    parser = argparse.ArgumentParser(prog="hack/bench fanin", description=__doc__)
    parser.add_argument("--nodes", type=int, default=3000)
    parser.add_argument("--updates", type=int, default=15000)
    parser.add_argument("--profile", default="", help="file for the manager's --profile")
    wanted = parser.parse_args(argv)
    cluster.require()
    with tempfile.TemporaryDirectory() as folder, cluster.namespace() as where:
        try:
            _prepare(wanted.nodes)
            words = [f"--profile={wanted.profile}"] if wanted.profile else []
            manager = cluster.Manager(Path(folder), where, "fanin", *words)
            try:
                return _measure(manager, where, wanted.nodes, wanted.updates)
            finally:
                manager.stop()
        finally:
            for kind in ("clusterbasemodels", "nodes"):
                cluster.kubectl("delete", kind, "-l", LABEL, "--wait=false")
            left = cluster.kubectl("get", "clusterbasemodels", "-l", LABEL, "-o", "name").split()
            if left:  # their manager is gone
                free = '{"metadata":{"finalizers":null}}'
                cluster.kubectl("patch", *left, "--type=merge", "-p", free)


def _prepare(nodes: int) -> None:
    """Node objects that nobody heartbeats, and the models."""
    name, value = LABEL.split("=")
    documents: list[dict[str, Any]] = [
        {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {"name": recording.node_name(number), "labels": {name: value}},
        }
        for number in range(nodes)
    ]
    for model in recording.models():
        metadata = {"name": model["metadata"]["name"], "labels": {name: value}}
        documents.append({**model, "metadata": metadata})
    cluster.create_all(documents)


def _measure(manager: cluster.Manager, where: str, nodes: int, updates: int) -> int:
    manager.wait_ready()
    time.sleep(8)  # finalizers and first statuses of the models
    before, since = manager.cpu, time.time()
    fleet = stage.run(
        [
            *(stage.PYTHON, "-m", "benchmarks.clients.fleet"),
            *(f"--kubeconfig={os.environ['KUBECONFIG']}", f"--namespace={where}"),
            *(f"--nodes={nodes}", f"--updates={updates}"),
        ],
        240,
    )
    spent, memory = manager.cpu - before, manager.memory()
    writes = [
        datetime.fromisoformat(entry["requestReceivedTimestamp"]).timestamp()
        for entry in cluster.audit(since, "ome/")
        if entry["verb"] == "patch" and entry.get("objectRef", {}).get("subresource") == "status"
    ]
    wrong = _wrong(fleet["truth"])
    lag = max(writes, default=0.0) - fleet["last"]
    per_agent = fleet["watched"] / 1e6
    rows: list[list[object]] = [
        ["updates", updates + nodes],
        ["over seconds", fleet["seconds"]],
        ["manager CPU-seconds", spent],
        ["manager resident MB, most", memory],
        ["lag of the last status, s", lag],
        ["status writes", len(writes)],
        ["MB to each agent's watch", per_agent],
        ["models with a wrong status", len(wrong)],
    ]
    report.table(["fanin", "value"], rows)
    result = {str(name): value for name, value in rows}
    report.as_json("fanin", {"nodes": nodes, **result})
    return 0 if not wrong and lag < 1.5 else 1


def _wrong(truth: dict[str, dict[str, list[str]]]) -> list[str]:
    items = json.loads(cluster.kubectl("get", "clusterbasemodels", "-l", LABEL, "-o", "json"))
    stored = {item["metadata"]["name"]: item.get("status") or {} for item in items["items"]}
    return [
        name
        for name, said in truth.items()
        if sorted(stored[name].get("nodesReady") or []) != sorted(said.get("Ready", []))
        or sorted(stored[name].get("nodesFailed") or []) != sorted(said.get("Failed", []))
    ]
