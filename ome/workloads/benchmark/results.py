"""What genai-bench measured: one run from one of its result files, and a summary of many. Pure."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from ome.api.jsontext import read_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["BadResult", "Run", "summary_at_end", "summary_in", "summary_of"]

_MILLI = 1000.0
_FIGURES = (
    "requestsPerSecond",
    "outputTokensPerSecond",
    "totalTokensPerSecond",
    "errorRate",
    "ttftP50",
    "ttftP99",
    "tpotP50",
    "tpotP99",
)


class BadResult(ValueError):
    """A file is no result of genai-bench; the text says why not."""


@dataclass(frozen=True, slots=True)
class Run:
    """One scenario at one concurrency (or batch size); rates per second, times in seconds.

    A figure that the file does not have is None.
    """

    scenario: str
    concurrency: int
    requests: int | None
    error_rate: float | None
    requests_per_second: float | None
    output_tokens_per_second: float | None
    total_tokens_per_second: float | None
    ttft: Mapping[str, float]
    """By statistic: ``mean``, ``p50``, ``p99`` and so on."""
    tpot: Mapping[str, float]
    latency: Mapping[str, float]
    """Of whole requests."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """The run of a result file. Raises ``BadResult``."""
        try:
            document = read_json(text)
        except ValueError as error:
            raise BadResult(f"not JSON: {error}") from error
        found = document.get("aggregated_metrics") if isinstance(document, dict) else None
        if not isinstance(found, dict):
            raise BadResult("no aggregated_metrics in it; is it a result of genai-bench?")
        scale = 1 / _MILLI if document.get("_time_unit") == "ms" else 1.0
        held = found.get("stats")
        stats: dict[str, Any] = held if isinstance(held, dict) else {}
        by_batch = found.get("iteration_type") == "batch_size"
        level = found.get("batch_size" if by_batch else "num_concurrency")
        count = _number(found.get("num_requests"))
        return cls(
            str(found.get("scenario") or ""),
            int(_number(level) or 0),
            None if count is None else int(count),
            _number(found.get("error_rate")),
            _number(found.get("requests_per_second")),
            _number(found.get("mean_output_throughput_tokens_per_s")),
            _number(found.get("mean_total_tokens_throughput_tokens_per_s")),
            _statistics(stats.get("ttft"), scale),
            _statistics(stats.get("tpot"), scale),
            _statistics(stats.get("e2e_latency"), scale),
        )

    @classmethod
    def of_summary(cls, told: Mapping[str, Any]) -> Self:
        """The run of an entry of a status; what the entry does not say is unknown."""
        read = {name: _number_of(told.get(name)) for name in _FIGURES}

        def times(metric: str) -> dict[str, float]:
            named = (("p50", read[f"{metric}P50"]), ("p99", read[f"{metric}P99"]))
            return {name: value for name, value in named if value is not None}

        return cls(
            str(told.get("scenario") or ""),
            int(told.get("concurrency") or 0),
            None,
            read["errorRate"],
            read["requestsPerSecond"],
            read["outputTokensPerSecond"],
            read["totalTokensPerSecond"],
            times("ttft"),
            times("tpot"),
            {},
        )

    def summary(self) -> dict[str, Any]:
        """The run as a BenchmarkJob's status has it: figures are texts, unknown ones left out."""
        figures = {
            "requestsPerSecond": self.requests_per_second,
            "outputTokensPerSecond": self.output_tokens_per_second,
            "totalTokensPerSecond": self.total_tokens_per_second,
            "errorRate": self.error_rate,
            "ttftP50": self.ttft.get("p50"),
            "ttftP99": self.ttft.get("p99"),
            "tpotP50": self.tpot.get("p50"),
            "tpotP99": self.tpot.get("p99"),
        }
        told = {name: f"{value:.6g}" for name, value in figures.items() if value is not None}
        return {"scenario": self.scenario, "concurrency": self.concurrency, **told}


def summary_of(runs: Iterable[Run]) -> list[dict[str, Any]]:
    """The runs for a status, by scenario and concurrency."""
    ordered = sorted(runs, key=lambda run: (run.scenario, run.concurrency))
    return [run.summary() for run in ordered]


_MOST_RUNS = 200


_SUMMARY = re.compile(r'\{\s*"runs"\s*:')


def summary_at_end(log: str) -> list[dict[str, Any]]:
    """The last summary in a log, as ``summary_in`` reads one; empty when there is none.

    An image that reports after the tool has ended may print it: a log has room for more runs than
    a termination message.
    """
    found = None
    for found in _SUMMARY.finditer(log):  # noqa: B007  # the last one
        pass
    if found is None:
        return []
    try:
        _, end = json.JSONDecoder().raw_decode(log, found.start())
    except (ValueError, RecursionError):
        return []
    return summary_in(log[found.start() : end])


def summary_in(message: str) -> list[dict[str, Any]]:
    """The summary that an image left as its termination message; empty when it left none.

    Its form is what ``ome benchmark report --output json`` prints: ``{"runs": [...]}``.
    """
    try:
        runs = read_json(message).get("runs")
    except (ValueError, AttributeError):
        return []
    found: list[dict[str, Any]] = []
    for run in (runs if isinstance(runs, list) else [])[:_MOST_RUNS]:
        level = run.get("concurrency") if isinstance(run, dict) else None
        if type(level) is not int or not 0 <= level < 2**31:
            continue
        told = {name: run[name] for name in _FIGURES if isinstance(run.get(name), str)}
        found.append({"scenario": str(run.get("scenario") or ""), "concurrency": level, **told})
    return found


def _statistics(value: Any, scale: float) -> dict[str, float]:
    held = value if isinstance(value, dict) else {}
    found = {name: _number(item) for name, item in held.items()}
    return {name: item * scale for name, item in found.items() if item is not None}


def _number_of(text: Any) -> float | None:
    try:
        return float(text)
    except (TypeError, ValueError):
        return None


def _number(value: Any) -> float | None:
    try:
        number = float(value) if isinstance(value, int | float) else math.nan
    except OverflowError:
        return None
    return number if math.isfinite(number) else None
