"""Progress from the tool's log, and figures from its result files."""

from __future__ import annotations

import json
import logging
from io import StringIO
from typing import Any

import pytest
from rich.console import Console
from rich.logging import RichHandler

from ome.workloads.benchmark import progress_in, runs_planned
from ome.workloads.benchmark.results import BadResult, Run, summary_at_end, summary_in, summary_of
from tests.workloads.benchmark.support import job

SPEC = job(trafficScenarios=["D(100,100)", "N(480,240)/(300,150)"], numConcurrency=[1, 8]).spec


def logged(*messages: str, width: int = 80) -> str:
    """Messages as the tool writes them to a console that is no terminal."""
    out = StringIO()
    handler = RichHandler(console=Console(file=out, width=width))
    for message in messages:
        record = logging.LogRecord("x", logging.INFO, "cli.py", 445, message, (), None)
        handler.emit(record)
    return out.getvalue()


def started(level: int) -> str:
    return f"Starting benchmark with concurrency={level}, spawn_rate={level}"


def finished(scenario: str, level: int) -> str:
    return f"⏩ Run for scenario {scenario}, num_concurrency {level} has finished after 12 seconds."


@pytest.mark.parametrize("width", [80, 120, 200])
def test_progress_through_a_run(width: int) -> None:
    first = [started(1)]
    found = progress_in(logged(*first, width=width), SPEC)
    assert (found.completed, found.planned, found.text) == (
        0,
        4,
        "running run 1/4: D(100,100), concurrency=1",
    )
    then = [*first, finished("D(100,100)", 1), started(8), finished("D(100,100)", 8)]
    found = progress_in(logged(*then, width=width), SPEC)
    assert (found.completed, found.text) == (2, "finished run 2/4: D(100,100), concurrency=8")
    # Only the end of a log is read: the runs before are known from the names.
    last = [finished("N(480,240)/(300,150)", 1), started(8)]
    found = progress_in(logged(*last, width=width), SPEC)
    assert (found.completed, found.text) == (
        3,
        "running run 4/4: N(480,240)/(300,150), concurrency=8",
    )


@pytest.mark.parametrize("text", ["", "nothing of interest\n", "Run for scenario"])
def test_a_log_that_says_nothing(text: str) -> None:
    assert progress_in(text, SPEC).text == "starting"


@pytest.mark.parametrize(
    ("changes", "runs"),
    [
        ({}, 45),
        ({"numConcurrency": [1]}, 5),
        ({"task": "text-to-embeddings", "trafficScenarios": ["E(1)"], "numConcurrency": [1]}, 7),
        ({"task": "image-to-text"}, 27),
    ],
)
def test_how_many_runs_there_will_be(changes: dict[str, Any], runs: int) -> None:
    assert len(runs_planned(job(**changes).spec)) == runs


def result(unit: str = "s", **changes: object) -> str:
    stats = {"ttft": {"p50": 0.5, "p99": 2.0, "mean": None}, "tpot": {"p50": 0.02}}
    found = {
        "scenario": "D(100,100)",
        "num_concurrency": 8,
        "num_requests": 100,
        "error_rate": 0.01,
        "requests_per_second": 12.25,
        "mean_output_throughput_tokens_per_s": 1234.5678,
        "stats": stats,
        **changes,
    }
    return json.dumps({"aggregated_metrics": found, "_time_unit": unit})


def test_a_result_file() -> None:
    run = Run.parse(result())
    assert (run.scenario, run.concurrency, run.requests) == ("D(100,100)", 8, 100)
    assert run.ttft == {"p50": 0.5, "p99": 2.0}
    assert run.summary() == {
        "scenario": "D(100,100)",
        "concurrency": 8,
        "requestsPerSecond": "12.25",
        "outputTokensPerSecond": "1234.57",
        "errorRate": "0.01",
        "ttftP50": "0.5",
        "ttftP99": "2",
        "tpotP50": "0.02",
    }
    assert Run.parse(result("ms")).ttft["p50"] == pytest.approx(0.0005)
    assert Run.parse(result(iteration_type="batch_size", batch_size=4)).concurrency == 4


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"aggregated_metrics": 1}', "[" * 100_000])
def test_what_is_no_result(text: str) -> None:
    with pytest.raises(BadResult):
        Run.parse(text)


def test_figures_that_are_no_numbers_are_unknown() -> None:
    run = Run.parse(
        '{"aggregated_metrics": {"num_concurrency": 1e999, "error_rate": %s}}' % ("9" * 400)
    )
    assert (run.concurrency, run.error_rate) == (0, None)


def test_a_summary_survives_its_way_through_a_termination_message() -> None:
    runs = [Run.parse(result(num_concurrency=level)) for level in (8, 1)]
    told = summary_of(runs)
    assert [run["concurrency"] for run in told] == [1, 8]
    assert summary_in(json.dumps({"runs": told})) == told


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "[]",
        '{"runs": 1}',
        '{"runs": [1, {"concurrency": "1"}, {"concurrency": true}]}',
        '{"runs":' + "[" * 100_000,
    ],
)
def test_other_messages_are_no_summary(text: str) -> None:
    assert summary_in(text) == []
    assert summary_at_end(text) == []


RUNS = {"runs": [{"scenario": "D(1,1)", "concurrency": 4, "ttftP50": "0.25"}]}


@pytest.mark.parametrize(
    ("log", "found"),
    [
        ("", []),
        ("nothing of the kind", []),
        (f"before\n{json.dumps(RUNS)}\nafter", RUNS["runs"]),
        (json.dumps(RUNS, indent=2), RUNS["runs"]),
        (json.dumps({"runs": []}) + json.dumps(RUNS), RUNS["runs"]),
        (json.dumps(RUNS) + '\n{"runs": [{"scen', []),
        ('{"runs": 1}', []),
    ],
)
def test_figures_at_the_end_of_a_log(log: str, found: list[object]) -> None:
    assert summary_at_end(log) == found
