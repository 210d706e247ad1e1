"""Reports as text: one line for each run; with several experiments, beside the first one's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ome.cli.benchmark.figures import FIGURES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ome.cli.benchmark.figures import Figure
    from ome.cli.benchmark.sources import Experiment
    from ome.workloads.benchmark.results import Run

__all__ = ["change", "table_of"]


def table_of(experiments: Sequence[Experiment]) -> str:
    """The whole table; changes are against the same run of the first experiment."""
    several = len(experiments) > 1
    headings = ["scenario", "conc"] + (["of"] if several else [])
    rows = [[*headings, *(figure.heading for figure in FIGURES)]]
    base = {(run.scenario, run.concurrency): run for run in experiments[0].runs}
    keys = {(run.scenario, run.concurrency) for item in experiments for run in item.runs}
    for key in sorted(keys):
        for item in experiments:
            against = base.get(key) if item is not experiments[0] else None
            named = [item.name] if several else []
            for run in item.runs:
                if (run.scenario, run.concurrency) == key:
                    cells = [_cell(figure, run, against) for figure in FIGURES]
                    rows.append([run.scenario or "-", str(run.concurrency), *named, *cells])
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    words = len(headings)
    lines = []
    for row in rows:
        cells = [
            f"{cell:<{width}}" if column < words else f"{cell:>{width}}"
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines) + "\n"


def change(figure: Figure, run: Run, against: Run | None) -> float | None:
    """The change in percent; None when one of the two is not known or nothing to compare with."""
    now = figure.of(run)
    before = None if against is None else figure.of(against)
    if now is None or not before:
        return None
    return (now - before) / before * 100


def _cell(figure: Figure, run: Run, against: Run | None) -> str:
    percent = change(figure, run, against)
    text = figure.text(run)
    return text if percent is None else f"{text} ({percent:+.1f}%)"
