"""Tables, ratios with their spread, and the line of JSON."""

from __future__ import annotations

import json
import os
import platform
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Columns, numbers to the right."""
    cells = [list(head), *[[_text(cell) for cell in row] for row in rows]]
    widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
    for row in cells:
        first, *rest = (cell for cell in row)
        padded = [cell.rjust(width) for cell, width in zip(rest, widths[1:], strict=True)]
        print("  ".join([first.ljust(widths[0]), *padded]).rstrip())


def _text(cell: object) -> str:
    return f"{cell:,.2f}" if isinstance(cell, float) else str(cell)


def ratio(ours: Sequence[float], peer: Sequence[float]) -> dict[str, float]:
    """Ours over the peer's, run by run: the middle one and both ends."""
    each = sorted(mine / theirs for mine, theirs in zip(ours, peer, strict=True))
    return {"median": median(each), "least": each[0], "most": each[-1]}


def show_ratio(what: str, found: Mapping[str, float]) -> None:
    """One line about a ratio."""
    print(f"{what}: {found['median']:.2f} ({found['least']:.2f} to {found['most']:.2f})")


def as_json(benchmark: str, result: Mapping[str, Any]) -> None:
    """The last line of every benchmark."""
    print(json.dumps({"benchmark": benchmark, "machine": machine(), **result}))


def machine() -> str:
    """The processor and how many of it, the Python."""
    model = platform.machine()
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    return f"{os.cpu_count()} x {model}, Python {platform.python_version()}"
