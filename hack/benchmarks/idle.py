"""What the manager costs while nothing happens: nodes that heartbeat, on a real server.

Below one per cent of a core, and no request in the audit log but watches and the Lease. There is no
peer here.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import _cluster as cluster
from benchmarks import _report as report

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(argv: Sequence[str]) -> int:
    """Measure; 0 when both limits hold."""
    parser = argparse.ArgumentParser(prog="hack/bench idle", description=__doc__)
    parser.add_argument("--nodes", type=int, default=5000)
    parser.add_argument("--seconds", type=float, default=300)
    wanted = parser.parse_args(argv)
    cluster.require()
    cluster.add_nodes(wanted.nodes, "idle")
    try:
        with tempfile.TemporaryDirectory() as folder, cluster.namespace() as where:
            manager = cluster.Manager(Path(folder), where, "idle", "--leader-elect")
            try:
                return _measure(manager, wanted.seconds, wanted.nodes)
            finally:
                manager.stop()
    finally:
        cluster.kubectl("delete", "nodes", "-l", "ome.bench/run=idle", "--wait=false")


def _measure(manager: cluster.Manager, seconds: float, nodes: int) -> int:
    manager.wait_ready()
    cluster.wait_for(lambda: manager.says(cluster.GAINED), 30, "a leader")
    time.sleep(15)
    began, since, before = time.monotonic(), time.time(), manager.cpu
    time.sleep(seconds)
    share = (manager.cpu - before) / (time.monotonic() - began)
    entries = cluster.audit(since, "ome/")
    kinds = Counter(
        f"{entry['verb']} {entry.get('objectRef', {}).get('resource', entry['requestURI'])}"
        for entry in entries
    )
    report.table(["requests", "number"], [[kind, count] for kind, count in kinds.most_common()])
    heartbeats = sum(
        entry.get("objectRef", {}).get("subresource") == "status"
        for entry in cluster.audit(since, "kwok/")
    )
    memory = manager.memory("VmRSS")
    print(f"{share:.2%} of a core, {memory:.0f} MB, {nodes} nodes, {heartbeats} heartbeats")
    beyond = {
        kind: count
        for kind, count in kinds.items()
        if not kind.startswith("watch ") and not kind.endswith(" leases")
    }
    result = {
        "nodes": nodes,
        "heartbeats": heartbeats,
        "seconds": seconds,
        "share_of_core": share,
        "memory_mb": memory,
        "beyond": beyond,
    }
    report.as_json("idle", result)
    return 0 if share < 0.01 and not beyond else 1
