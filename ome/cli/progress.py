"""What a command that takes a while shows meanwhile, to people alone."""

from __future__ import annotations

import os
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["lively", "watched"]

_SHOWN_AFTER = 2.0
_CLEAR = "\r\x1b[K"


def lively(stream: TextIO) -> bool:
    """Whether what is written there may move: on a terminal, unless ``NO_COLOR`` is set."""
    return stream.isatty() and not os.environ.get("NO_COLOR")


@contextmanager
def watched(
    command: str, stream: TextIO | None = None, now: Callable[[], float] = time.monotonic
) -> Iterator[Callable[[str, str, float], None]]:
    """An observer of a client's requests; after two seconds it shows how many were answered.

    The line is gone when the block ends, so that it never stands among results.
    """
    stream = stream or sys.stderr
    began, answers, shown = now(), 0, False

    def answered(_method: str, _code: str, _seconds: float) -> None:
        nonlocal answers, shown
        answers += 1
        spent = now() - began
        if spent >= _SHOWN_AFTER:
            shown = True
            stream.write(f"{_CLEAR}{command}: {answers} answers read in {spent:.0f} s ...")
            stream.flush()

    try:
        yield answered if lively(stream) else _nothing
    finally:
        if shown:
            stream.write(_CLEAR)
            stream.flush()


def _nothing(_method: str, _code: str, _seconds: float) -> None:
    """Nobody looks."""
