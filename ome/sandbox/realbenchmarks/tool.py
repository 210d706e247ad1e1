"""genai-bench itself: an executable that is named, or one in an environment of its own.

The environment is made on first use below the user's cache directory and kept. It is whole once its
mark is there: what an interrupted installation left is made anew.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import anyio.to_thread

from ome.errors import UserError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

__all__ = ["VERSION", "find_tool"]

VERSION = "0.0.5"
"""The release that is installed, and that the tests hold our argument lists against."""

_TOO_NEW = (3, 13)
"""It runs on no Python from this one on."""
_PYTHONS = ("python3.12", "python3.11", "python3.10")
_MARK = "complete"
_PATIENCE = 1800.0
"""Seconds that an installation may take: 800 MB of packages."""
_LOOK_EVERY = 1.0
_WAY_OUT = "install it yourself and name it with --genai-bench=PATH"


async def find_tool(named: str, told: Callable[[str], None]) -> Path:
    """The executable; ``told`` hears what takes long. Raises ``UserError``."""
    if named:
        path = shutil.which(named)
        if path is None:
            raise UserError(f"ome sandbox: --genai-bench={named}: no such executable")
        return Path(os.path.abspath(path))  # noqa: ASYNC240  # nothing else runs yet
    home = _cache() / VERSION
    if await anyio.to_thread.run_sync(_complete, home):
        return home / "bin" / "genai-bench"
    try:
        async with _one_at_a_time(home.parent, told):
            if not await anyio.to_thread.run_sync(_complete, home):
                told(f"installing genai-bench {VERSION} into {home}, once; this takes minutes")
                await _install(home)
    except OSError as error:
        raise UserError(f"ome sandbox: {home}: {error.strerror}; {_WAY_OUT}") from error
    return home / "bin" / "genai-bench"


def _cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "ome" / "genai-bench"


def _complete(home: Path) -> bool:
    return (home / _MARK).exists()


@asynccontextmanager
async def _one_at_a_time(place: Path, told: Callable[[str], None]) -> AsyncIterator[None]:
    place.mkdir(parents=True, exist_ok=True)  # noqa: ASYNC240  # nothing else runs yet
    with (place / "lock").open("w") as lock:
        waiting = False
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if not waiting:
                    told("another process is installing genai-bench: waiting for it")
                waiting = True
                await anyio.sleep(_LOOK_EVERY)
            else:
                break
        yield


async def _install(home: Path) -> None:
    await anyio.to_thread.run_sync(lambda: shutil.rmtree(home, ignore_errors=True))
    python, package = _python(), f"genai-bench=={VERSION}"
    uv = shutil.which("uv") or shutil.which("uv", path=str(home.parents[1] / "tools" / "bin"))
    steps: Sequence[Sequence[str]]
    if uv is not None:
        steps = (
            (uv, "venv", "--quiet", f"--python={python}", str(home)),
            (uv, "pip", "install", "--quiet", "--compile-bytecode", f"--python={home}", package),
        )
    else:
        pip = (str(home / "bin" / "python"), "-m", "pip", "install", "--quiet", package)
        steps = ((python, "-m", "venv", str(home)), pip)
    with anyio.move_on_after(_PATIENCE) as scope:
        for step in steps:
            await _run(step)
    if scope.cancelled_caught:
        raise UserError(
            f"ome sandbox: genai-bench was not installed after {_PATIENCE:g} s; {_WAY_OUT}"
        )
    (home / _MARK).touch()


def _python() -> str:
    ours: tuple[int, ...] = sys.version_info[:2]
    if ours < _TOO_NEW:
        return sys.executable
    found = next(filter(None, map(shutil.which, _PYTHONS)), None)
    if found is None:
        raise UserError(
            f"ome sandbox: genai-bench {VERSION} needs a Python below 3.13, and none of"
            f" {', '.join(_PYTHONS)} is here; {_WAY_OUT}"
        )
    return found


async def _run(step: Sequence[str]) -> None:
    done = await anyio.run_process(
        step, check=False, stdin=subprocess.DEVNULL, stderr=subprocess.STDOUT
    )
    if done.returncode:
        said = done.stdout.decode(errors="replace").strip().splitlines() or ["it says nothing"]
        raise UserError(
            f"ome sandbox: genai-bench {VERSION} could not be installed: {said[-1]}; {_WAY_OUT}"
        )
