"""Pages of docs/tasks: what of them is typed, what is saved as a file, what is to be seen.

A fenced block is one of these, by the words after its fence:

- ``yaml``: a file; its first line is a comment with its name.
- ``sh``: typed as it stands. ``sh (is refused)``: the last command ends with an error.
  ``sh (needs containers)``, ``sh (needs network)``, ``sh (needs knative)``: shown only, since
  the clusters of the tests run no containers, reach no network, and have the CRD of an old
  Knative, which knows neither host paths nor startup probes.
- ``output``: what the block before it prints, at least: these lines in this order, with ``...``
  for anything and with any number of blanks between words.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["NEEDS", "TASKS", "Block", "blocks", "missing", "pages"]

TASKS = Path(__file__).resolve().parents[2] / "docs/tasks"
NEEDS = tuple(f"sh (needs {what})" for what in ("containers", "network", "knative"))
_KINDS = ("yaml", "sh", "sh (is refused)", *NEEDS, "output")
_FENCE = re.compile(r"^```(.*)$")


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: what it is, its text, the line of the page, and what it should print."""

    kind: str
    text: str
    line: int
    expected: str = ""

    @property
    def file(self) -> str:
        """The name under which a ``yaml`` block is saved."""
        return self.text.partition("\n")[0].removeprefix("# ").strip()


def pages() -> list[str]:
    """The names of all pages, without ``.md``."""
    return sorted(path.stem for path in TASKS.glob("*.md") if path.stem != "README")


def blocks(page: str) -> list[Block]:
    """The blocks of a page in order, each with what should be seen after it.

    Raises ``ValueError`` naming the line of a block that is none of these.
    """
    found: list[Block] = []
    for kind, text, line in _fenced((TASKS / f"{page}.md").read_text()):
        where = f"{page}.md:{line}"
        if kind not in _KINDS:
            raise ValueError(f"{where}: {kind!r} is none of {', '.join(_KINDS)}")
        if kind != "output":
            found.append(Block(kind, text, line))
        elif not found or not found[-1].kind.startswith("sh") or found[-1].expected:
            raise ValueError(f"{where}: output of what?")
        else:
            last = found[-1]
            found[-1] = Block(last.kind, last.text, last.line, text)
    return found


def _fenced(text: str) -> Iterator[tuple[str, str, int]]:
    kind, begin, held = "", 0, list[str]()
    for number, line in enumerate(text.splitlines(), 1):
        fence = _FENCE.match(line)
        if fence is None:
            held.append(line)
        elif begin:
            yield kind, "\n".join(held) + "\n", begin
            begin = 0
        else:
            kind, begin, held = fence[1], number, []
    if begin:
        raise ValueError(f"the block at line {begin} has no end")


def missing(expected: str, output: str) -> str | None:
    """The first line that should be seen and is not; None when all are."""
    lines = iter([" ".join(line.split()) for line in output.splitlines()])
    for line in expected.splitlines():
        parts = [re.escape(part.strip()) for part in " ".join(line.split()).split("...")]
        pattern = re.compile(r"\s*.*?\s*".join(parts))
        if line.strip() and not any(pattern.fullmatch(seen) for seen in lines):
            return line
    return None
