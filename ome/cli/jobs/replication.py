"""Copying the files of a model from one store to another, through a local directory.

What is fetched is verified as for a node. Towards object storage one file after another goes
through a scratch directory and is deleted there once it is up, so that it need not hold the model.
A file that fails does not stop the others; the copy as a whole has then failed.
"""

from __future__ import annotations

import shutil
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import anyio
import anyio.to_thread
import structlog

from ome.cli.jobs.configuration import JobFailed
from ome.errors import StorageError
from ome.storage.checksums import base64_digest
from ome.storage.download import download, list_files
from ome.storage.paths import relative_name
from ome.storage.providers.disk import LocalFiles
from ome.storage.registry import open_sink, open_source
from ome.storage.retry import RetryPolicy, retrying
from ome.storage.settings import Credentials, Wishes
from ome.storage.transfer import fetch_file
from ome.storage.uris import HuggingFaceUri, OciUri, PvcUri

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from ome.storage.settings import Surroundings
    from ome.storage.sources import Listing, RemoteFile, Sink, Source

__all__ = ["Replication", "Stores", "replicate"]

_POLICY = RetryPolicy(attempts=3, interval=5.0)
_SCRATCH = "replica"
_RANGES = 4
log = structlog.get_logger("agent")


@dataclass(frozen=True, slots=True)
class Replication:
    """One copy of a model."""

    source: HuggingFaceUri | OciUri | PvcUri
    target: OciUri | PvcUri
    local: Path
    """Where the claims are mounted, and what is on its way is kept."""
    from_wishes: Wishes = field(default_factory=Wishes)
    to_wishes: Wishes = field(default_factory=Wishes)
    credentials: Credentials = field(default_factory=Credentials)
    """Of the hub."""
    connections: int = 10
    """Files at a time."""
    most_bytes: int = 0
    """More than so many are not copied; 0 for any number."""
    checksum: Literal["md5", "sha256"] | None = None
    """The hash that uploaded objects carry as metadata."""

    @property
    def ranges(self) -> int:
        """Connections over which one large file comes."""
        return _RANGES if isinstance(self.source, OciUri) else 1

    @property
    def directory(self) -> Path | None:
        """Where the files of a claim are that are copied."""
        uri = self.source
        return self.local / relative_name(_clean(uri)) if isinstance(uri, PvcUri) else None

    @property
    def place(self) -> Path | None:
        """Where the files go on a claim; of two claims the target has a directory of its name."""
        uri = self.target
        if not isinstance(uri, PvcUri):
            return None
        base = self.local / uri.claim if isinstance(self.source, PvcUri) else self.local
        return base / relative_name(_clean(uri))


def _clean(uri: PvcUri) -> str:
    return uri.sub_path.strip("/")


@dataclass(frozen=True, slots=True)
class Stores:
    """How hubs and object stores are reached."""

    source: Callable[..., AbstractAsyncContextManager[Source]] = open_source
    sink: Callable[..., AbstractAsyncContextManager[Sink]] = open_sink


async def replicate(
    wanted: Replication, around: Surroundings, stores: Stores | None = None
) -> None:
    """Copy all files. Raises ``JobFailed``, ``StorageError``."""
    stores = stores or Stores()
    if wanted.source == wanted.target:
        log.info("replica.nothing_to_do", source=str(wanted.source))
        return
    async with _opened(wanted, around, stores) as source:
        listing = await list_files(source, Wishes(), around, _POLICY)
        _check_size(listing, wanted.most_bytes)
        if wanted.place is not None:
            await download(
                source,
                listing,
                wanted.place,
                around,
                _POLICY,
                concurrency=wanted.connections,
                ranges=wanted.ranges,
            )
            if wanted.directory is not None:
                await anyio.to_thread.run_sync(_modes, listing, wanted.directory, wanted.place)
        else:
            assert isinstance(wanted.target, OciUri)
            async with stores.sink(wanted.target, wanted.to_wishes, around) as sink:
                await _Uploads(wanted, source, sink, around).all(listing)
    size = listing.total_bytes
    log.info("replica.done", files=len(listing.files), bytes=size, revision=listing.revision)


@asynccontextmanager
async def _opened(
    wanted: Replication, around: Surroundings, stores: Stores
) -> AsyncIterator[Source]:
    if wanted.directory is not None:
        yield LocalFiles(wanted.directory, around.threads)
        return
    uri, credentials = wanted.source, wanted.credentials
    async with stores.source(uri, credentials, wanted.from_wishes, around) as source:
        yield source


def _check_size(listing: Listing, most: int) -> None:
    for file in listing.files:
        if not file.size:
            log.warning("replica.empty_file", file=file.path)
    total = listing.total_bytes
    if most and total > most:
        raise JobFailed(
            f"Model weights exceed size limit of {most} bytes: they have {total}; raise"
            " download_size_limit_gb, or set enable_size_limit_check to false"
        )
    if total == 0:
        raise JobFailed("No model weights exist in the model folder: all files are empty")


def _modes(listing: Listing, before: Path, after: Path) -> None:
    for file in listing.files:
        (after / file.path).chmod((before / file.path).stat().st_mode & 0o7777)


class _Uploads:
    """Files on their way into object storage."""

    def __init__(
        self, wanted: Replication, source: Source, sink: Sink, around: Surroundings
    ) -> None:
        self._wanted = wanted
        self._source = source
        self._sink = sink
        self._around = around
        self._scratch = wanted.local / _SCRATCH
        self._failed: dict[str, StorageError] = {}

    async def all(self, listing: Listing) -> None:
        """Bring all files up. Raises ``JobFailed``."""
        # What an earlier run left there is not part of the model.
        await anyio.to_thread.run_sync(shutil.rmtree, self._scratch, True)
        waiting = list(reversed(listing.files))

        async def work() -> None:
            while waiting:
                file = waiting.pop()
                try:
                    await self._one(file)
                except StorageError as error:
                    log.warning("replica.file_failed", file=file.path, problem=str(error))
                    self._failed[file.path] = error

        async with anyio.create_task_group() as group:
            for _ in range(min(self._wanted.connections, len(waiting))):
                group.start_soon(work)
        if self._failed:
            raise JobFailed(self._summary(len(listing.files)))
        await anyio.to_thread.run_sync(shutil.rmtree, self._scratch, True)

    async def _one(self, file: RemoteFile) -> None:
        directory = self._wanted.directory
        if directory is not None:
            await self._put(file.path, directory / file.path)
            return
        await anyio.Path(self._scratch).mkdir(parents=True, exist_ok=True)
        ranges = self._wanted.ranges
        await fetch_file(self._source, file, self._scratch, self._around, _POLICY, ranges=ranges)
        try:
            await self._put(file.path, self._scratch / file.path)
        finally:
            await anyio.Path(self._scratch / file.path).unlink(missing_ok=True)

    async def _put(self, name: str, path: Path) -> None:
        metadata: dict[str, str] = {}
        if self._wanted.checksum:
            algorithm = self._wanted.checksum
            digest = await anyio.to_thread.run_sync(base64_digest, path, algorithm)
            metadata[algorithm] = digest
        around = self._around
        await retrying(
            lambda: self._sink.put(name, path, metadata), _POLICY, around.clock, around.rng
        )

    def _summary(self, count: int) -> str:
        first = min(self._failed)
        failed = f"{len(self._failed)}/{count}"
        between = isinstance(self._wanted.source, OciUri)
        what = f"{failed} replications failed"
        if not between:
            what = f"some files failed to upload ({failed})"
        return f"{what}, first {first}: {self._failed[first]}"
