"""One large file over several connections: ranges that come side by side and are given in order.

Because they are given in order, a partial file stays a beginning of the whole one: it is hashed as
it grows, and continued after a kill like any other. What has come before its turn waits in memory,
at most one range for each connection.
"""

from __future__ import annotations

from collections import deque
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import anyio

from ome.errors import StorageError
from ome.storage.errors import NetworkError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from anyio.abc import TaskGroup

    from ome.storage.sources import RemoteFile, Source, Stream

__all__ = ["RANGE", "RANGED_FROM", "in_ranges"]

RANGE = 8 * 2**20
"""Bytes of one range."""
RANGED_FROM = 100 * 2**20
"""Less than so many bytes come over one connection."""


@asynccontextmanager
async def in_ranges(
    source: Source, file: RemoteFile, start: int, size: int, at_a_time: int
) -> AsyncIterator[Stream]:
    """The bytes from ``start`` up to ``size``. Leaving the context ends all transfers."""
    failure: StorageError | None = None
    async with anyio.create_task_group() as group:
        try:
            yield _Ranges(source, file, start, size, at_a_time, group)
        except StorageError as error:
            failure = error  # raised outside of the group, which would wrap it
        group.cancel_scope.cancel()
    if failure is not None:
        raise failure


class _Piece:
    """One range that comes, or has come."""

    def __init__(self, start: int, end: int) -> None:
        self.start = start
        self.end = end
        self.data = bytearray()
        self.error: StorageError | None = None
        self.ended = anyio.Event()

    async def fetch(self, source: Source, file: RemoteFile) -> None:
        wanted = self.end - self.start
        try:
            async with source.open(file, self.start, self.end) as stream:
                async for chunk in stream:
                    self.data += chunk
                    if stream.start != self.start or len(self.data) > wanted:
                        raise NetworkError(f"{file.path}: the source gives no ranges")
            if len(self.data) < wanted:
                text = f"{len(self.data)} of {wanted} bytes came from byte {self.start} on"
                raise NetworkError(f"{file.path}: {text}")
        except StorageError as error:
            self.error = error
        self.ended.set()


class _Ranges:
    def __init__(
        self,
        source: Source,
        file: RemoteFile,
        start: int,
        size: int,
        at_a_time: int,
        group: TaskGroup,
    ) -> None:
        self.start = start
        self._source = source
        self._file = file
        self._size = size
        self._at_a_time = at_a_time
        self._group = group

    async def __aiter__(self) -> AsyncIterator[bytes]:
        begun, coming = self.start, deque[_Piece]()
        while begun < self._size or coming:
            while begun < self._size and len(coming) < self._at_a_time:
                piece = _Piece(begun, min(begun + RANGE, self._size))
                begun = piece.end
                coming.append(piece)
                self._group.start_soon(piece.fetch, self._source, self._file)
            first = coming.popleft()
            await first.ended.wait()
            if first.error is not None:
                raise first.error
            yield bytes(first.data)
