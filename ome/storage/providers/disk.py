"""A directory of this machine, as a source: what ``local://`` names."""

from __future__ import annotations

import os
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import anyio.to_thread

from ome.storage.errors import LocalPathNotFound, SourceNotFound
from ome.storage.sources import Checksum, Listing, RemoteFile, Stream, listing
from ome.storage.transfer import disk_errors

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from ome.storage.settings import Credentials, Surroundings, Wishes
    from ome.storage.uris import LocalUri

__all__ = ["LocalFiles", "open_local"]

_CHUNK = 2**20


@asynccontextmanager
async def open_local(
    uri: LocalUri, _: Credentials, __: Wishes, around: Surroundings
) -> AsyncIterator[LocalFiles]:
    """The directory; nothing in it is ever changed."""
    yield LocalFiles(Path(uri.path), around.threads)


class LocalFiles:
    """A directory, itself perhaps a link; links to directories below are left out."""

    def __init__(self, root: Path, threads: anyio.CapacityLimiter) -> None:
        self._root = root
        self._threads = threads

    async def list(self) -> Listing:
        return await anyio.to_thread.run_sync(self._list, limiter=self._threads)

    def _list(self) -> Listing:
        if not self._root.exists():
            raise LocalPathNotFound(
                f"local model path does not exist: {self._root}; mount it into this process, or"
                " mend the path"
            )
        found = []
        with disk_errors(self._root):
            for place, _, names in os.walk(self._root):
                paths = [Path(place, name) for name in names]
                found += [
                    RemoteFile(path.relative_to(self._root).as_posix(), path.stat().st_size)
                    for path in paths
                    if path.is_file()
                ]
        if not found:
            raise SourceNotFound(f"{self._root} holds no files")
        return listing(found)

    async def checksum(self, file: RemoteFile) -> Checksum | None:
        return file.checksum

    @asynccontextmanager
    async def open(
        self, file: RemoteFile, start: int = 0, end: int | None = None
    ) -> AsyncIterator[Stream]:
        yield _LocalStream(self._root / file.path, start, end, self._threads)


class _LocalStream:
    def __init__(
        self, path: Path, start: int, end: int | None, threads: anyio.CapacityLimiter
    ) -> None:
        self.start = start
        self._path = path
        self._end = end
        self._threads = threads

    async def __aiter__(self) -> AsyncIterator[bytes]:
        place = self.start
        while self._end is None or place < self._end:
            most = _CHUNK if self._end is None else min(_CHUNK, self._end - place)
            chunk = await anyio.to_thread.run_sync(self._read, place, most, limiter=self._threads)
            if not chunk:
                return
            place += len(chunk)
            yield chunk

    def _read(self, place: int, most: int) -> bytes:
        with disk_errors(self._path), self._path.open("rb") as file:
            file.seek(place)
            return file.read(most)
