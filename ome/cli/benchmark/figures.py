"""The figures of a run that reports show: their heading, their value, which way is better."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from ome.workloads.benchmark.results import Run

__all__ = ["FIGURES", "Figure"]


@dataclass(frozen=True, slots=True)
class Figure:
    """One column."""

    heading: str
    value: Callable[[Run], float | None]
    scale: float = 1.0
    digits: int = 2
    more_is_better: bool = False

    def of(self, run: Run) -> float | None:
        """The figure in the unit of its heading."""
        value = self.value(run)
        return None if value is None else value * self.scale

    def text(self, run: Run) -> str:
        """As it is printed; a dash for what is not known."""
        value = self.of(run)
        return "-" if value is None else f"{value:,.{self.digits}f}"


FIGURES = (
    Figure("req/s", lambda run: run.requests_per_second, more_is_better=True),
    Figure("out tok/s", lambda run: run.output_tokens_per_second, digits=1, more_is_better=True),
    Figure("total tok/s", lambda run: run.total_tokens_per_second, digits=1, more_is_better=True),
    Figure("TTFT p50 ms", lambda run: run.ttft.get("p50"), 1000, 1),
    Figure("TTFT p99 ms", lambda run: run.ttft.get("p99"), 1000, 1),
    Figure("TPOT p50 ms", lambda run: run.tpot.get("p50"), 1000, 2),
    Figure("TPOT p99 ms", lambda run: run.tpot.get("p99"), 1000, 2),
    Figure("errors %", lambda run: run.error_rate, 100, 1),
)
