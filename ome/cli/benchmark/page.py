"""Reports as one HTML page that needs nothing else: plots, then the table."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from ome.cli.benchmark.figures import FIGURES
from ome.cli.benchmark.plots import Line, plot
from ome.cli.benchmark.table import change

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ome.cli.benchmark.figures import Figure
    from ome.cli.benchmark.sources import Experiment
    from ome.workloads.benchmark.results import Run

__all__ = ["page_of"]

_PLOTTED = ("out tok/s", "req/s", "TTFT p50 ms", "TTFT p99 ms", "TPOT p50 ms", "TPOT p99 ms")
_STYLE = """
body{font:14px/1.4 system-ui,sans-serif;margin:2rem;color:#1f2328;background:#fff}
main{display:grid;grid-template-columns:repeat(auto-fit,minmax(420px,1fr));gap:1.5rem}
svg{width:100%}text{font-size:11px;fill:#57606a;text-anchor:middle}
text.title{font-size:13px;font-weight:600;fill:#1f2328;text-anchor:start}text.y{text-anchor:end}
.grid{stroke:#d8dee4}.line{fill:none;stroke-width:2}
ul{list-style:square;margin:0;padding-left:1.2rem;font-size:12px}
table{border-collapse:collapse;margin-top:2rem}td,th{padding:.3rem .7rem;text-align:right}
th{border-bottom:2px solid #d8dee4}td{border-bottom:1px solid #eaeef2}
.word{text-align:left}.better{color:#1a7f37}.worse{color:#cf222e}
"""


def page_of(experiments: Sequence[Experiment]) -> str:
    """The whole page."""
    title = "Benchmark: " + ", ".join(item.name for item in experiments)
    chosen = [figure for figure in FIGURES if figure.heading in _PLOTTED]
    plots = (
        plot(figure.heading, "concurrency", list(_lines(experiments, figure)))
        for figure in sorted(chosen, key=lambda figure: _PLOTTED.index(figure.heading))
    )
    drawn = "".join(f"<section>{text}</section>" for text in plots if text)
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}'
        f"</title><style>{_STYLE}</style></head><body><h1>{escape(title)}</h1>"
        f"<main>{drawn}</main>{_table(experiments)}</body></html>\n"
    )


def _lines(experiments: Sequence[Experiment], figure: Figure) -> Iterator[Line]:
    for item in experiments:
        for scenario in dict.fromkeys(run.scenario for run in item.runs):
            name = scenario if len(experiments) == 1 else f"{item.name}: {scenario}"
            found = [
                (float(run.concurrency), value)
                for run in item.runs
                if run.scenario == scenario and (value := figure.of(run)) is not None
            ]
            yield Line(name, tuple(found))


def _table(experiments: Sequence[Experiment]) -> str:
    base = {(run.scenario, run.concurrency): run for run in experiments[0].runs}
    head = "".join(f"<th>{escape(figure.heading)}</th>" for figure in FIGURES)
    rows = "".join(
        _row(item, run, base.get((run.scenario, run.concurrency)) if number else None)
        for number, item in enumerate(experiments)
        for run in item.runs
    )
    words = '<th class="word">experiment</th><th class="word">scenario</th><th>concurrency</th>'
    return f"<table><thead><tr>{words}{head}</tr></thead><tbody>{rows}</tbody></table>"


def _row(item: Experiment, run: Run, against: Run | None) -> str:
    cells = "".join(_cell(figure, run, against) for figure in FIGURES)
    return (
        f'<tr><td class="word">{escape(item.name)}</td><td class="word">{escape(run.scenario)}</td>'
        f"<td>{run.concurrency}</td>{cells}</tr>"
    )


def _cell(figure: Figure, run: Run, against: Run | None) -> str:
    percent = change(figure, run, against)
    if percent is None:
        return f"<td>{figure.text(run)}</td>"
    better = (percent > 0) == figure.more_is_better
    kind = "" if percent == 0 else "better" if better else "worse"
    return f'<td>{figure.text(run)} <span class="{kind}">{percent:+.1f}%</span></td>'
