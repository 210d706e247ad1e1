"""`hack/charts`: write what is made from the code, or say which of it is stale."""

from __future__ import annotations

import sys

from .files import ROOT, files

__all__ = ["main", "stale_files"]

_USAGE = """usage: hack/charts [--check]

Write the files of charts, docs/permissions.md and tests/e2e/rbac.yaml that are made from what the
code declares: CRDs, roles and webhook configurations. With --check nothing is
written; the exit code is 1 when a file is not what the code says.
"""


def main(arguments: list[str]) -> int:
    """Exit code 2 for a wrong argument, 1 for a stale file under ``--check``."""
    if arguments not in ([], ["--check"]):
        print(_USAGE, end="", file=sys.stderr)
        return 0 if arguments in (["-h"], ["--help"]) else 2
    wanted = files()
    stale = stale_files(wanted)
    if arguments:
        for path in stale:
            print(f"{path} is not what the code declares; run hack/charts")
        return 1 if stale else 0
    for path in stale:
        (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / path).write_text(wanted[path])
    print(f"hack/charts: {len(stale)} of {len(wanted)} files changed")
    return 0


def stale_files(wanted: dict[str, str]) -> list[str]:
    """The files that are missing or differ."""
    return sorted(
        path
        for path, text in wanted.items()
        if not (ROOT / path).is_file() or (ROOT / path).read_text() != text
    )
