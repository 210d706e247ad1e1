"""A busy stream is read some twenty times a second, not once for each of its pieces.

A server sends each event of a watch by itself, and to wake up for one costs more than what is then
done with it. So while small pieces follow each other closely the connection is left alone for a
moment after each read, the longer the longer it is busy, and what gathered meanwhile is read at
once. It gathers in the kernel, whose buffer is bounded: a server that sends more than that waits.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import anyio
import anyio.lowlevel

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable, Callable

__all__ = ["Gathering"]

_PAUSE, _LONGEST = 0.01, 0.05
"""Seconds that the connection is left alone: at first, and when it stays busy."""
_TURNS = 3
"""Of the event loop, until all that gathered has come through TLS."""
_CLOSE = 0.01
"""Pieces that come within so many seconds make a stream busy."""
_SMALL = 2**16
"""Bytes. A read that brings more is worth its waking up: such a stream is never held back."""


class Gathering:
    """Reads one stream; ``read`` gives its next piece, ``transport`` its connection, if open."""

    def __init__(
        self,
        read: Callable[[], Awaitable[bytes]],
        transport: Callable[[], asyncio.Transport | None],
    ) -> None:
        self._read = read
        self._transport = transport
        self._pause = 0.0

    async def next(self) -> bytes:
        """What has come since the last call, empty at the end; raises what ``read`` raises."""
        if self._pause:
            await self._leave_alone()
        began = time.monotonic()
        piece = await self._read()
        busy = len(piece) < _SMALL and time.monotonic() - began < _CLOSE
        self._pause = min(max(self._pause * 1.5, _PAUSE), _LONGEST) if busy else 0.0
        return piece

    async def _leave_alone(self) -> None:
        transport = self._transport()
        if transport is None or transport.is_closing():
            return
        limits = getattr(transport, "set_read_buffer_limits", None)
        if limits is not None:
            # TLS reads ahead of its reader: with this, no further than one piece.
            limits(1, 0)
        transport.pause_reading()
        try:
            await anyio.sleep(self._pause)
        finally:
            transport.resume_reading()
        for _ in range(_TURNS):
            await anyio.lowlevel.checkpoint()
