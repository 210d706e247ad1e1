"""How far a benchmark is, read from what genai-bench logs; and how far it will have to go. Pure.

The tool logs through rich, which breaks lines at the width of a terminal and writes the source
position at the right edge: both are taken out before anything is looked for.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ome.api import BenchmarkJobSpec

__all__ = ["Progress", "progress_in", "runs_planned"]

_SCENARIOS = {
    "text-to-text": (
        "N(480,240)/(300,150)",
        "D(100,100)",
        "D(100,1000)",
        "D(2000,200)",
        "D(7800,200)",
    ),
    "text-to-embeddings": ("E(64)", "E(128)", "E(256)", "E(512)", "E(1024)"),
    "image-to-text": ("I(512,512)", "I(1024,512)", "I(2048,2048)"),
    "image-to-embeddings": ("I(512,512)", "I(1024,512)", "I(2048,2048)"),
}
_CONCURRENCIES = (1, 2, 4, 8, 16, 32, 64, 128, 256)
_BATCHES = (1, 2, 4, 8, 24, 48, 96)
_POSITION = re.compile(r"\b\w+\.py:\d+")
_FINISHED = re.compile(
    r"Run for scenario (\S+), (?:num_concurrency|batch_size) (\d+) has finished after (\d+) seconds"
)
_STARTED = re.compile(r"Starting benchmark with concurrency=(\d+)")


@dataclass(frozen=True, slots=True)
class Progress:
    """Runs that have ended, of how many, and the last one that the log speaks of."""

    completed: int
    planned: int
    scenario: str = ""
    concurrency: int = 0
    running: bool = False
    """Whether that last one still runs."""

    @property
    def text(self) -> str:
        """One line for users."""
        if not self.scenario and not self.running:
            return "starting"
        number = min(self.completed + self.running, self.planned)
        doing = "running" if self.running else "finished"
        where = f"{self.scenario}, " if self.scenario else ""
        return f"{doing} run {number}/{self.planned}: {where}concurrency={self.concurrency}"


def runs_planned(spec: BenchmarkJobSpec) -> list[tuple[str, int]]:
    """Every (scenario, concurrency or batch size) in the order in which they are run."""
    scenarios = spec.traffic_scenarios or _SCENARIOS.get(spec.task, ())
    levels = tuple(spec.num_concurrency or _CONCURRENCIES)
    if spec.task == "text-to-embeddings":
        levels = _BATCHES
    return [(scenario, level) for scenario in scenarios for level in levels]


def progress_in(log: str, spec: BenchmarkJobSpec) -> Progress:
    """How far the end of a log says the benchmark is; runs are placed by their names."""
    planned = runs_planned(spec)
    text = " ".join(_POSITION.sub("", log).split())
    completed, at, scenario, level = 0, 0, "", 0
    for found in _FINISHED.finditer(text):
        run = (found[1], int(found[2]))
        completed = planned.index(run) + 1 if run in planned else completed + 1
        at, (scenario, level) = found.end(), run
    started = list(_STARTED.finditer(text, at))
    if not started:
        return Progress(completed, len(planned), scenario, level)
    if completed < len(planned):
        scenario = planned[completed][0]
    return Progress(completed, len(planned), scenario, int(started[-1][1]), running=True)
