"""A watch on its way: what the server tells arrives late, out of step with others, or not at all.

One watch's events never overtake each other and are never lost in its middle without a broken
connection: TCP does not do that. They do overtake those of other watches.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

import anyio
import msgspec

from ome.errors import TransportError
from ome.sandbox.refusal import Refused

if TYPE_CHECKING:
    import random
    from collections.abc import AsyncIterator, Callable, Mapping

__all__ = ["Pipe", "pump"]

_BOUND = 2_000
"""Chunks that wait for a reader; then the connection breaks, as a server does with slow ones."""
_TRAVELS = 0.015
"""Mean seconds; longer than a few requests take, so that views are often stale by a moment."""
_LATE = (0.5, 20.0)
_REORDERED = (0.05, 6.0)
_SILENT_AFTER = 4


class Pipe:
    """The reader's end, a ``ByteStream``."""

    def __init__(self) -> None:
        self.status = 200
        self.headers: Mapping[str, str] = {}
        self.scope = anyio.CancelScope()
        """Of the task that fills it."""
        self._chunks: deque[bytes] = deque()
        self._changed = anyio.Event()
        self._problem: str | None = None
        self._ended = False
        self._stalled = False

    def put(self, chunk: bytes) -> None:
        """One chunk arrives."""
        if len(self._chunks) >= _BOUND:
            self.end("the reader is too slow")
        elif not self._stalled and not self._ended:
            self._chunks.append(chunk)
            self._changed.set()

    def end(self, problem: str | None = None) -> None:
        """The server's end is closed, or breaks with a problem."""
        if not self._stalled and not self._ended:
            self._ended, self._problem = True, problem
            self._changed.set()
        self.scope.cancel()

    def stall(self) -> None:
        """Nothing arrives any more, and nobody says so."""
        self._stalled = True
        self.scope.cancel()

    def close(self) -> None:
        """The reader's end is closed."""
        self.scope.cancel()

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        while not self._chunks:
            if self._ended:
                if self._problem is not None:
                    raise TransportError(self._problem)
                raise StopAsyncIteration
            self._changed = anyio.Event()
            await self._changed.wait()
        return self._chunks.popleft()


async def pump(
    stream: AsyncIterator[bytes],
    pipe: Pipe,
    rng: random.Random,
    strikes: Callable[[str], bool],
) -> None:
    """Carry a watch until it ends or breaks, or the reader is gone."""
    late = rng.uniform(*_LATE) if strikes("watch-late") else 0.0
    silent_after = rng.randint(0, _SILENT_AFTER) if strikes("watch-silent") else None
    told = 0
    with pipe.scope:
        async for chunk in stream:
            delay = late + rng.expovariate(1 / _TRAVELS)
            if strikes("watch-reordered"):
                delay += rng.uniform(*_REORDERED)
            await asyncio.sleep(delay)
            if told == silent_after:
                pipe.stall()
            told += 1
            if not _pass_on(chunk, pipe, rng, strikes):
                break
        pipe.end()


def _pass_on(chunk: bytes, pipe: Pipe, rng: random.Random, strikes: Callable[[str], bool]) -> bool:
    """False when the watch ends with this chunk."""
    if strikes("gone-stream"):
        expired = msgspec.json.encode(Refused(410, "Expired", "too old version").status())
        pipe.put(b'{"type":"ERROR","object":' + expired + b"}\n")
        return False
    if strikes("watch-dropped"):
        pipe.put(chunk[: rng.randrange(len(chunk))] if rng.random() < 0.5 else b"")
        pipe.end("the connection broke")
        return False
    pipe.put(chunk)
    if strikes("watch-cut"):
        pipe.end(None if rng.random() < 0.5 else "the connection broke")
        return False
    return True
