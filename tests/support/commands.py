"""``ome`` commands as processes of their own, forked from one that has imported everything.

A process that starts from nothing spends seconds on imports, and the suite starts many. Apart from
that a command runs as a user's: its arguments, its environment, its directory, its streams.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from ome.cli import main

if TYPE_CHECKING:
    from collections.abc import Mapping
    from multiprocessing.context import ForkServerContext

__all__ = ["Command", "forks", "run_command"]

ROOT = Path(__file__).resolve().parents[2]
_PRELOADED = [
    "ome.cli.manager",
    "ome.cli.sandbox",
    "ome.cli.simulated",
    "ome.cli.nodeagent",
    "ome.cli.explain",
    "ome.cli.validate",
]


_IMPORTED_WITHIN = 120.0


@cache
def forks() -> ForkServerContext:
    """Where commands are forked from; the first call waits until everything is imported."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_PRELOADED)
    first = context.Process(target=os.getpid, daemon=True)
    first.start()
    first.join(_IMPORTED_WITHIN)
    return context


class Command:
    """A running command; what it says goes to ``out``, and to ``err`` where that is given."""

    def __init__(
        self,
        *words: str,
        out: Path,
        err: Path | None = None,
        env: Mapping[str, str] | None = None,
    ) -> None:
        environment = dict(os.environ if env is None else env)
        self.words = words
        self._process = forks().Process(
            target=_be, args=(words, environment, out, err or out), daemon=True
        )
        self._process.start()

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self._process.pid is not None
        return self._process.pid

    def poll(self) -> int | None:
        """The exit code; None while it runs."""
        return self._process.exitcode

    def wait(self, seconds: float) -> int:
        """Wait for the exit code. Raises ``subprocess.TimeoutExpired``."""
        self._process.join(seconds)
        code = self._process.exitcode
        if code is None:
            raise subprocess.TimeoutExpired(self.words, seconds)
        return code

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it."""
        self.send_signal(signal.SIGKILL)


def run_command(
    *words: str, seconds: float, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end; its code and what it said. Raises ``TimeoutExpired``."""
    with TemporaryDirectory() as folder:
        out, err = Path(folder) / "out", Path(folder) / "err"
        command = Command(*words, out=out, err=err, env=env)
        try:
            code = command.wait(seconds)
        finally:
            command.kill()
        return subprocess.CompletedProcess(words, code, out.read_text(), err.read_text())


def _be(words: tuple[str, ...], environment: dict[str, str], out: Path, err: Path) -> None:
    """Become the command: its streams first, then its environment and its directory."""
    for stream, path in ((sys.stdout, out), (sys.stderr, err)):
        held = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(held, stream.fileno())
        os.close(held)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(ROOT)
    sys.argv = ["ome", *words]
    main()
