"""``ome benchmark report``: what benchmarks measured, as a table, as JSON, as a page with plots."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import anyio

from ome.cli.benchmark.page import page_of
from ome.cli.benchmark.sources import gather
from ome.cli.benchmark.table import table_of
from ome.cli.goflags import Flag, HelpWanted, parse
from ome.cli.output import form_of, names_text, output_flags, written
from ome.cli.reading import CLUSTER_FLAGS, Where
from ome.errors import UserError
from ome.workloads.benchmark.results import summary_of

if TYPE_CHECKING:
    from collections.abc import Sequence

FLAGS = (
    Flag(
        "of", (), "a result file, a folder of them, or a BenchmarkJob as NAME or NS/NAME", many=True
    ),
    *output_flags(),
    Flag("html", "", "write a page with plots to this file"),
    Flag("n", "", "namespace of BenchmarkJobs (default: that of the kubeconfig's context)"),
    Flag("namespace", "", "the same as -n"),
    *CLUSTER_FLAGS,
)
_MORE = """
Examples:
  ome benchmark report results/
  ome benchmark report before/ after/ --html page.html
  ome benchmark report chat-load -n team"""
_USAGE = (
    "Usage: ome benchmark report FILE|FOLDER|JOB... [flags]\n\n"
    "Prints what genai-bench measured; several are compared with the first.\n"
    '"ome benchmark report --help" lists the flags.'
)


def run(words: Sequence[str]) -> int:
    """Print the report; 0 when there was something to report. Raises ``UserError``."""
    if not words or words[0] in ("-h", "--help", "help"):
        raise HelpWanted(_USAGE)
    if words[0] != "report":
        raise UserError(f"ome benchmark: unknown command {words[0]!r}; there is: report")
    command, takes = "ome benchmark report", "FILE|FOLDER|JOB..."
    flags = parse(command, FLAGS, words[1:], words_as="of", takes=takes, more=_MORE)
    if not flags["of"]:
        raise UserError(
            "ome benchmark report: expected a result file, a folder of them or a BenchmarkJob, as"
            " in: ome benchmark report results/"
        )
    experiments = anyio.run(gather, flags["of"], flags["namespace"] or flags["n"], Where.of(flags))
    if flags["html"]:
        _write(Path(flags["html"]), page_of(experiments))
    form = form_of(flags)
    if form == "name":
        sys.stdout.write(names_text(item.name for item in experiments))
    elif form != "table":
        runs = [run for experiment in experiments for run in experiment.runs]
        document = (
            {"runs": summary_of(runs)}
            if len(experiments) == 1
            else {
                "experiments": [
                    {"name": item.name, "runs": summary_of(item.runs)} for item in experiments
                ]
            }
        )
        sys.stdout.write(written(document, form))
    else:
        sys.stdout.write(table_of(experiments))
    return 0


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text)
    except OSError as error:
        raise UserError(f"ome benchmark report: --html={path}: {error.strerror}") from error
