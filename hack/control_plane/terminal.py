"""What is written to the terminal, and commands whose failure is told there."""

from __future__ import annotations

import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from .errors import ControlPlaneError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

TAIL = 15
"""How many last lines of a log or of a failed command are shown."""


def progress(line: str) -> None:
    """Say what is being done. On stderr: stdout is for what a shell may read."""
    print(line, file=sys.stderr, flush=True)


@contextmanager
def timed(what: str) -> Iterator[None]:
    """Say that it is done, and how long it took, once the block has ended well."""
    start = time.monotonic()
    yield
    progress(f"{what} ({time.monotonic() - start:.1f} s)")


def tail(text: str, lines: int = TAIL) -> str:
    """The last lines that are not empty, indented so that they stand apart."""
    kept = [line.rstrip()[:400] for line in text.splitlines() if line.strip()][-lines:]
    return "\n".join(f"    {line}" for line in kept) or "    (it printed nothing)"


def tail_of(path: Path) -> str:
    """The last lines of a log file, which may not exist."""
    try:
        with path.open("rb") as log:
            log.seek(max(0, path.stat().st_size - 64 * 1024))
            return tail(log.read().decode(errors="replace"))
    except OSError:
        return "    (it has no log)"


def run(
    command: Sequence[str],
    *,
    next_step: str,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stdin: str | None = None,
) -> str:
    """Run a command to its end and return what it printed.

    Raises `ControlPlaneError` with its last lines and the next step where it fails.
    """
    try:
        done = subprocess.run(
            command, cwd=cwd, env=env, input=stdin, text=True, errors="replace",
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
    except OSError as error:
        raise ControlPlaneError(f"{command[0]} cannot be run: {error}\n{next_step}") from error
    if done.returncode != 0:
        shown = " ".join(command)
        raise ControlPlaneError(
            f"this command failed (exit code {done.returncode}):\n    {shown}\n"
            f"its last lines:\n{tail(done.stdout)}\n{next_step}"
        )
    return done.stdout
