"""A busy stream is read fifty times a second, not once for each of its pieces.

A server sends each event of a watch by itself, and to wake up for one costs more than what is then
done with it. So while small pieces follow each other closely the connection is left alone for a
moment after each read, and what gathered meanwhile is read at once. It gathers in the kernel, whose
buffer is bounded: a server that sends more than that waits.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import anyio

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable, Callable

__all__ = ["Gathering"]

_PAUSE = 0.02
"""Seconds that the connection is left alone."""
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
        self._busy = False

    async def next(self) -> bytes:
        """What has come since the last call, empty at the end; raises what ``read`` raises."""
        if self._busy:
            await self._pause()
        began = time.monotonic()
        piece = await self._read()
        self._busy = len(piece) < _SMALL and time.monotonic() - began < _CLOSE
        return piece

    async def _pause(self) -> None:
        transport = self._transport()
        if transport is None or transport.is_closing():
            return
        limits = getattr(transport, "set_read_buffer_limits", None)
        if limits is not None:
            # TLS reads ahead of its reader: with this, no further than one piece.
            limits(1, 0)
        transport.pause_reading()
        try:
            await anyio.sleep(_PAUSE)
        finally:
            transport.resume_reading()
