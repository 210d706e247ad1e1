"""Keys per CPU-second through our work queue and client-go's.

Each of many keys is added twice (the second is merged into the first), taken, forgotten and done.
"""

from __future__ import annotations

import argparse
import random
import time
from statistics import median
from typing import TYPE_CHECKING

import anyio

from benchmarks import _report as report
from benchmarks import _stage as stage
from ome.clock import SystemClock
from ome.reconciler.queue import WorkQueue
from ome.telemetry.metrics import Metrics

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(argv: Sequence[str]) -> int:
    """Run ours and the peer in turn; 0."""
    parser = argparse.ArgumentParser(prog="hack/bench queue", description=__doc__)
    parser.add_argument("--keys", type=int, default=5000)
    parser.add_argument("--turns", type=int, default=20, help="how often each key is handled")
    parser.add_argument("--rounds", type=int, default=5)
    wanted = parser.parse_args(argv)
    peer = stage.go_peer("queue")
    handled = wanted.keys * wanted.turns
    ours: list[float] = []
    theirs: list[float] = []
    for _ in range(wanted.rounds):
        ours.append(handled / anyio.run(_spend, wanted.keys, wanted.turns))
        if peer is not None:
            words = [str(peer), f"--keys={wanted.keys}", f"--rounds={wanted.turns}"]
            theirs.append(handled / stage.run(words)["cpu"])
    rates = {"ours": ours} | ({"client-go": theirs} if theirs else {})
    report.table(
        ["keys per CPU-second", "median", "least", "most"],
        [[name, *(round(f(values)) for f in (median, min, max))] for name, values in rates.items()],
    )
    ratios = {"ours / client-go": report.ratio(ours, theirs)} if theirs else {}
    for name, found in ratios.items():
        report.show_ratio(name, found)
    report.as_json("queue", {"keys_per_cpu_second": rates, "ratios": ratios})
    return 0


async def _spend(keys: int, turns: int) -> float:
    """CPU seconds of this process for all turns, with the metrics that the manager has."""
    names = [f"namespace/model-{number:05d}" for number in range(keys)]
    queue: WorkQueue[str] = WorkQueue(
        SystemClock(), random.Random(1), metrics=Metrics().queue("bench")
    )
    before = time.process_time()
    for _ in range(turns):
        for _ in range(2):
            for name in names:
                queue.add(name)
        while len(queue):
            key = await queue.get()
            queue.forget(key)
            queue.done(key)
    return time.process_time() - before
