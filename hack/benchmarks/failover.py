"""Seconds without a leader after a kill and after a clean stop of two managers on a real server.

The limits are 17 seconds and one second. There is no peer: client-go's managers wait out the Lease.
"""

from __future__ import annotations

import argparse
import signal
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import _cluster as cluster
from benchmarks import _report as report

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(argv: Sequence[str]) -> int:
    """Measure both; 0 when both limits hold."""
    parser = argparse.ArgumentParser(prog="hack/bench failover", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    wanted = parser.parse_args(argv)
    cluster.require()
    times: dict[str, list[float]] = {"kill -9": [], "clean stop": []}
    for number in range(wanted.rounds):
        for how, ending in (("kill -9", signal.SIGKILL), ("clean stop", signal.SIGTERM)):
            times[how].append(_once(ending))
            print(f"round {number + 1}: {how} {times[how][-1]:.2f} s", flush=True)
    rows = [[how, min(found), max(found)] for how, found in times.items()]
    report.table(["seconds to a new leader", "least", "most"], rows)
    report.as_json("failover", {"seconds": times})
    return 0 if max(times["kill -9"]) < 17 and max(times["clean stop"]) < 1 else 1


def _once(ending: int) -> float:
    with tempfile.TemporaryDirectory() as folder, cluster.namespace() as where:
        managers: list[cluster.Manager] = []
        try:
            for name in ("first", "second"):
                managers.append(cluster.Manager(Path(folder), where, name, "--leader-elect"))
                managers[-1].wait_ready()
                if name == "first":
                    cluster.wait_for(lambda: managers[0].says(cluster.GAINED), 30, "a first leader")
            time.sleep(3)
            began = time.monotonic()
            managers[0].signal(ending)
            cluster.wait_for(lambda: managers[1].says(cluster.GAINED), 30, "a second leader", 0.02)
            return time.monotonic() - began
        finally:
            for manager in managers:
                manager.stop()
