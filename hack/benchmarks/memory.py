"""Private memory for each cached object: ours and client-go's, fresh processes, both forms.

The growth of private dirty pages from before the list until after it: as it is then (what a limit
has to allow) and once garbage was collected and given back to the system. ``status`` includes all
that the aggregate, the queues and as many Node objects take; the other forms only keep objects.
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
    parser = argparse.ArgumentParser(prog="hack/bench memory", description=__doc__)
    parser.add_argument("--objects", type=int, default=5000)
    parser.add_argument("--rounds", type=int, default=3)
    wanted = parser.parse_args(argv)
    peer = stage.go_peer("informer")
    with stage.recorded(wanted.objects, 0) as recording:
        runs: dict[str, Callable[[], dict[str, Any]]] = {
            f"ours, {form}": lambda form=form: recording.python(  # type: ignore[misc]
                "ours", f"--form={form}", "--no-stream"
            )
            for form in ("store", "whole", "status")
        }
        if peer is not None:
            alone = "--stream=false"
            runs |= {
                "client-go typed": lambda: recording.go(peer, alone),
                "client-go typed, whole": lambda: recording.go(peer, alone, "--whole"),
                "client-go dynamic": lambda: recording.go(peer, alone, "--form=dynamic"),
            }
        grown: dict[str, list[float]] = {name: [] for name in runs}
        settled: dict[str, list[float]] = {name: [] for name in runs}
        for _ in range(wanted.rounds):
            for name, measure in runs.items():
                found = measure()
                for values, what in ((grown, "unsettled"), (settled, "memory")):
                    growth = found["listed"][what] - found["before"]["memory"]
                    values[name].append(growth / found["objects"])
    report.table(
        ["bytes for each object", "median", "least", "most", "collected"],
        [
            [
                name,
                *(round(f(grown[name])) for f in (median, min, max)),
                round(median(settled[name])),
            ]
            for name in grown
        ],
    )
    ratios = {
        f"{ours} / {theirs}": report.ratio(grown[ours], grown[theirs])
        for ours, theirs in (
            ("ours, status", "client-go typed"),
            ("ours, store", "client-go typed"),
            ("ours, whole", "client-go typed, whole"),
            ("ours, store", "client-go dynamic"),
        )
        if theirs in grown
    }
    for name, found in ratios.items():
        report.show_ratio(name, found)
    report.as_json("memory", {"bytes_per_object": grown, "collected": settled, "ratios": ratios})
    return 0
