"""Describing a model where it lies: only lists, small files and headers cross the network."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import anyio
import anyio.from_thread
import anyio.to_thread

from ome.modelconfig.describe import describe
from ome.modelconfig.find import CONFIG, MODEL_INDEX

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ome.modelconfig.record import Record
    from ome.storage.settings import Surroundings
    from ome.storage.sources import Listing, RemoteFile, Source

__all__ = ["describe_source"]

_HEAD = 2**16
"""Most headers of shards are smaller."""
_AT_ONCE = 8
_UNKNOWN_SIZE = 2**50


async def describe_source(
    source: Source, listing: Listing, name: str, around: Surroundings
) -> Record:
    """What the listed model is. Raises ``ConfigError`` and ``StorageError``.

    The heads of all weights are asked for at once, a bounded number at a time, since each would
    otherwise cost a round trip of its own.
    """
    directory = _RemoteDirectory(source, listing, name)
    if any(file.path.rpartition("/")[2] in (CONFIG, MODEL_INDEX) for file in listing.files):
        await directory.fetch_heads()
    return await anyio.to_thread.run_sync(partial(describe, directory), limiter=around.threads)


class _RemoteDirectory:
    """A ``Directory`` whose reads, made in a worker thread, run on the event loop."""

    def __init__(self, source: Source, listing: Listing, name: str) -> None:
        self._source = source
        self._files = {file.path: file for file in listing.files}
        self._heads: dict[str, bytes] = {}
        self.name = name

    def files(self) -> Mapping[str, int]:
        return {
            path: _UNKNOWN_SIZE if file.size is None else file.size
            for path, file in self._files.items()
        }

    def read(self, name: str, start: int = 0, length: int | None = None) -> bytes:
        file = self._files[name]
        size = file.size if file.size is not None else _UNKNOWN_SIZE
        end = size if length is None else min(start + length, size)
        head = self._heads.get(name, b"")
        if end > len(head):
            rest = anyio.from_thread.run(self._bytes, file, len(head), max(end, _HEAD))
            head = self._heads[name] = head + rest
        return head[start:end]

    async def fetch_heads(self) -> None:
        """Read the beginning of every safetensors file."""
        slots = anyio.Semaphore(_AT_ONCE)

        async def fetch(file: RemoteFile) -> None:
            async with slots:
                self._heads[file.path] = await self._bytes(file, 0, _HEAD)

        async with anyio.create_task_group() as group:
            for file in self._files.values():
                if file.path.endswith(".safetensors"):
                    group.start_soon(fetch, file)

    async def _bytes(self, file: RemoteFile, start: int, end: int) -> bytes:
        end = end if file.size is None else min(end, file.size)
        if end <= start:
            return b""
        received = bytearray()
        async with self._source.open(file, start, end) as stream:
            skipped = start - stream.start
            async for chunk in stream:
                received += chunk
                if len(received) >= end - stream.start:
                    break  # a server that ignores ranges would send all of it
        return bytes(received[skipped : end - start + skipped])
