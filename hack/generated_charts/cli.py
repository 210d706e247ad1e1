"""`hack/charts`: write what is made from the code, or say which of it is stale."""

from __future__ import annotations

from hack.generated import run, stale_files

from .files import files

__all__ = ["main", "stale_files"]

_WHAT = """Write the files of charts, docs/permissions.md and tests/e2e/rbac.yaml that are made
from what the code declares: CRDs, roles and webhook configurations."""


def main(arguments: list[str]) -> int:
    """Exit code 2 for a wrong argument, 1 for a stale file under ``--check``."""
    return run("hack/charts", _WHAT, files, arguments)
