"""Events per CPU-second of our informer, client-go's and kubernetes-asyncio's watch.

All take in the same recorded list and stream of 5 KB status ConfigMaps over TLS, one chunk for each
event. ``status`` keeps what the aggregate reads, runs its handlers and fills its queues; the peers
keep the same fields, have a namespace index and put each key into a work queue. In ``whole``
objects are kept whole and each event gives one back.
"""

from __future__ import annotations

import argparse
from statistics import median
from typing import TYPE_CHECKING, Any

from benchmarks import _report as report
from benchmarks import _stage as stage

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def main(argv: Sequence[str]) -> int:
    """Run the forms and the peers in turn; 0."""
    parser = argparse.ArgumentParser(prog="hack/bench ingest", description=__doc__)
    parser.add_argument("--objects", type=int, default=3000, help="in the list")
    parser.add_argument("--events", type=int, default=20000, help="in the stream")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each")
    parser.add_argument("--alone", action="store_true", help="without the peers")
    wanted = parser.parse_args(argv)
    peer = None if wanted.alone else stage.go_peer("informer")
    with stage.recorded(wanted.objects, wanted.events) as recording:
        runs: dict[str, Callable[[], dict[str, Any]]] = {
            "ours, status": lambda: recording.python("ours", "--form=status"),
            "ours, whole": lambda: recording.python("ours", "--form=whole"),
        }
        if peer is not None:
            runs |= {
                "client-go typed": lambda: recording.go(peer, "--form=typed"),
                "client-go typed, whole": lambda: recording.go(peer, "--form=typed", "--whole"),
                "client-go dynamic": lambda: recording.go(peer, "--form=dynamic"),
            }
        if not wanted.alone:
            runs["kubernetes-asyncio"] = lambda: recording.python("kubernetes_asyncio_watch")
        results: dict[str, list[dict[str, Any]]] = {name: [] for name in runs}
        for _ in range(wanted.rounds):
            for name, measure in runs.items():
                results[name].append(measure())
    _tell(results, wanted.events + 1)
    return 0


def _tell(results: dict[str, list[dict[str, Any]]], events: int) -> None:
    rates = {
        name: [events / (run["ended"]["cpu"] - run["listed"]["cpu"]) for run in runs]
        for name, runs in results.items()
    }
    lists = {
        name: [run["objects"] / (run["listed"]["cpu"] - run["before"]["cpu"]) for run in runs]
        for name, runs in results.items()
    }
    report.table(
        ["per CPU-second", "events", "least", "most", "listed objects"],
        [
            [name, *(round(f(rates[name])) for f in (median, min, max)), round(median(lists[name]))]
            for name in rates
        ],
    )
    ratios = {
        f"{ours} / {peer}": report.ratio(rates[ours], rates[peer])
        for ours, peer in (
            ("ours, status", "client-go typed"),
            ("ours, status", "client-go dynamic"),
            ("ours, status", "kubernetes-asyncio"),
            ("ours, whole", "client-go typed, whole"),
        )
        if peer in rates
    }
    for name, found in ratios.items():
        report.show_ratio(name, found)
    report.as_json("ingest", {"events_per_cpu_second": rates, "ratios": ratios})
