"""Files that are made from the code: write them, or say which of them are stale."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["ROOT", "run", "stale_files"]

ROOT = Path(__file__).resolve().parent.parent


def run(command: str, what: str, files: Callable[[], dict[str, str]], arguments: list[str]) -> int:
    """The command that writes ``files()``; ``what`` describes them.

    Exit code 2 for a wrong argument, 1 for a stale file under ``--check``.
    """
    if arguments not in ([], ["--check"]):
        print(
            f"usage: {command} [--check]\n\n{what} With --check nothing is\n"
            "written; the exit code is 1 when a file is not what the code says.",
            file=sys.stderr,
        )
        return 0 if arguments in (["-h"], ["--help"]) else 2
    wanted = files()
    stale = stale_files(wanted)
    if arguments:
        for path in stale:
            print(f"{path} is not what the code declares; run {command}")
        return 1 if stale else 0
    for path in stale:
        (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / path).write_text(wanted[path])
    print(f"{command}: {len(stale)} of {len(wanted)} files changed")
    return 0


def stale_files(wanted: dict[str, str]) -> list[str]:
    """The files that are missing or differ."""
    return sorted(
        path
        for path, text in wanted.items()
        if not (ROOT / path).is_file() or (ROOT / path).read_text() != text
    )
