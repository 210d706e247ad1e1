"""``ome benchmark report``: from result files to a table, JSON and a page."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from ome.cli.benchmark import run
from ome.cli.benchmark.plots import Line, plot
from ome.cli.benchmark.sources import _of_document
from ome.errors import UserError
from ome.kube.resource import ObjectKey

if TYPE_CHECKING:
    from pathlib import Path


def write(folder: Path, level: int, speed: float, scenario: str = "D(100,100)") -> Path:
    """A result file as genai-bench writes them."""
    folder.mkdir(parents=True, exist_ok=True)
    found = {
        "scenario": scenario,
        "num_concurrency": level,
        "requests_per_second": speed,
        "error_rate": 0.0,
        "mean_output_throughput_tokens_per_s": speed * 100,
        "stats": {"ttft": {"p50": 0.1, "p99": 0.2}, "tpot": {"p50": 0.01, "p99": 0.02}},
    }
    path = folder / f"D100_100_text-to-text_num_concurrency_{level}_time_60s.json"
    path.write_text(json.dumps({"aggregated_metrics": found}))
    return path


def test_a_table_of_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path / "deep", 8, 20.0)
    write(tmp_path, 1, 5.5)
    (tmp_path / "experiment_metadata.json").write_text("{}")
    assert run(["report", str(tmp_path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split()[:3] == ["scenario", "conc", "req/s"]
    assert lines[1].split() == (
        ["D(100,100)", "1", "5.50", "550.0", "-", "100.0", "200.0", "10.00", "20.00", "0.0"]
    )
    assert lines[2].split()[:3] == ["D(100,100)", "8", "20.00"]


def test_several_are_compared_with_the_first(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path / "a", 1, 10.0)
    write(tmp_path / "b", 1, 12.0)
    write(tmp_path / "b", 2, 1.0)
    html = tmp_path / "page.html"
    words = [str(tmp_path / "a"), str(tmp_path / "b"), f"--html={html}"]
    assert run(["report", *words]) == 0
    out = capsys.readouterr().out
    assert "12.00 (+20.0%)" in out
    assert "1,200.0 (+20.0%)" in out
    page = html.read_text()
    assert page.count("<svg") == 6
    assert '<span class="better">+20.0%</span>' in page
    assert "http" not in page  # it needs nothing else


def test_folders_with_the_same_runs_are_experiments_of_their_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As below a prefix that several benchmarks wrote to: none is shown in another's place."""
    write(tmp_path / "monday", 1, 10.0)
    write(tmp_path / "tuesday", 1, 12.0)
    assert run(["report", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert f"{tmp_path}/monday" in out
    assert f"{tmp_path}/tuesday" in out
    assert "12.00 (+20.0%)" in out
    assert run(["report", str(tmp_path), "-o", "json"]) == 0
    told = json.loads(capsys.readouterr().out)["experiments"]
    assert [len(item["runs"]) for item in told] == [1, 1]


def test_a_run_that_is_there_twice_has_two_lines(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = write(tmp_path, 1, 10.0)
    first.rename(tmp_path / "D100_100_text-to-text_num_concurrency_1_time_30s.json")
    write(tmp_path, 1, 12.0)
    assert run(["report", str(tmp_path)]) == 0
    assert [line.split()[2] for line in capsys.readouterr().out.splitlines()[1:]] == [
        "10.00",
        "12.00",
    ]


def test_json_is_the_summary_of_a_status(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path, 1, 10.0)
    assert run(["report", str(path), "-o", "json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)["runs"]
    assert (found["concurrency"], found["requestsPerSecond"]) == (1, "10")


def test_what_users_write_is_escaped(tmp_path: Path) -> None:
    write(tmp_path, 1, 10.0, "<script>alert(1)</script>")
    html = tmp_path / "page.html"
    assert run(["report", str(tmp_path), "--html", str(html)]) == 0
    assert "<script>" not in html.read_text()


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["compare"], "unknown command 'compare'"),
        (["report"], "expected a result file"),
        (["report", "./none.json"], "no such file or folder"),
        (["report", "{empty}"], "no result of genai-bench in it"),
        (["report", "{bad}"], "no aggregated_metrics"),
        (["report", "{good}", "--html={empty}/no/page"], "No such file"),
    ],
)
def test_mistakes_are_told_in_a_line(tmp_path: Path, words: list[str], text: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "bad.json").write_text("{}")
    places = {
        "{empty}": str(tmp_path / "empty"),
        "{bad}": str(tmp_path / "bad.json"),
        "{good}": str(write(tmp_path, 1, 1.0)),
    }
    for name, place in places.items():
        words = [word.replace(name, place) for word in words]
    with pytest.raises(UserError, match=text):
        run(words)


@pytest.mark.parametrize(
    ("status", "text"),
    [
        ({}, r"has no results \(it is Pending\)"),
        ({"state": "Running", "details": "run 1/2"}, r"\(it is Running: run 1/2\)"),
        ({"resultLocation": "pvc://c/x"}, "kubectl cp"),
    ],
)
def test_jobs_without_figures_say_what_to_do(status: dict[str, Any], text: str) -> None:
    document = {"spec": {"outputLocation": {}}, "status": status}
    with pytest.raises(UserError, match=text):
        anyio.run(_of_document, ObjectKey("team", "b"), document)


def test_a_job_with_a_summary() -> None:
    told = {"scenario": "D(1,1)", "concurrency": 4, "ttftP50": "0.25", "requestsPerSecond": "3"}
    document = {"status": {"summary": [told]}}
    ((_, found),) = anyio.run(_of_document, ObjectKey("team", "b"), document)
    assert (found.concurrency, found.ttft, found.requests_per_second) == (4, {"p50": 0.25}, 3.0)
    assert found.summary() == told


def test_a_plot_of_nothing_is_nothing() -> None:
    assert plot("t", "x", [Line("a", ())]) == ""
    assert "<circle" in plot("t", "x", [Line("a", ((1.0, 0.0),))])
