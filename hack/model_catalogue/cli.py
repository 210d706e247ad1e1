"""`hack/catalogue`: write the chart's generated files, or say which of them are stale."""

from __future__ import annotations

import sys

from .chart import CHART, GENERATED, files
from .facts import FactsError, read

__all__ = ["main"]

_USAGE = """usage: hack/catalogue [--check]

Write the generated files of charts/ome-catalogue from the tables in hack/model_catalogue. With
--check nothing is written; the exit code is 1 when a file is not what the tables say.
"""


def main(arguments: list[str]) -> int:
    """Exit code 2 for a wrong argument or table, 1 for a stale file under ``--check``."""
    if arguments not in ([], ["--check"]):
        print(_USAGE, end="", file=sys.stderr)
        return 0 if arguments in (["-h"], ["--help"]) else 2
    try:
        wanted = files(read())
    except (FactsError, ValueError) as error:
        print(f"hack/catalogue: {error}", file=sys.stderr)
        return 2
    stale = stale_files(wanted)
    if arguments:
        for path in stale:
            print(f"charts/ome-catalogue/{path} is not what the tables say; run hack/catalogue")
        return 1 if stale else 0
    for path in stale:
        target = CHART / path
        if path not in wanted:
            target.unlink()
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(wanted[path])
    print(f"hack/catalogue: {len(stale)} of {len(wanted)} files changed")
    return 0


def stale_files(wanted: dict[str, str]) -> list[str]:
    """The files that are missing, differ or should not be there."""
    present = {
        str(path.relative_to(CHART)) for pattern in GENERATED for path in CHART.glob(pattern)
    }
    differing = {
        path for path in present & wanted.keys() if (CHART / path).read_text() != wanted[path]
    }
    return sorted(differing | (present ^ wanted.keys()))
