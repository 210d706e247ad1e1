"""All files of a source into one directory: what is there is kept, what is missing is fetched.

Files are fetched a bounded number at a time. One that fails does not stop the others, so that a
retry finds as much as possible done, except when the others would meet the same wall: a full disk,
a refused credential.
"""

from __future__ import annotations

import copy
import os
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

import anyio
import anyio.to_thread

from ome.errors import StorageError
from ome.storage.errors import AccessDenied, DiskError, DiskFull, RateLimited, SourceNotFound
from ome.storage.retry import RetryPolicy, retrying
from ome.storage.sources import INCOMPLETE, Listing, check_places
from ome.storage.transfer import FileFact, disk_errors, fetch_file

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from ome.storage.settings import Surroundings, Wishes
    from ome.storage.sources import RemoteFile, Source

__all__ = ["Downloaded", "Progress", "download", "list_files", "missing_bytes"]

_WALLS = (DiskFull, DiskError, AccessDenied, RateLimited)


@dataclass(slots=True)
class Progress:
    """How far a download is; bytes that were there count as arrived.

    The phase is ``scanning`` until the first file turns out to be missing.
    """

    phase: str = "scanning"
    total_bytes: int = 0
    completed_bytes: int = 0
    total_files: int = 0
    completed_files: int = 0
    limited: Callable[[float], object] = lambda _: None
    """Told of each wait for a rate limit of the source."""


@dataclass(frozen=True, slots=True)
class Downloaded:
    """A directory that holds every listed file, verified."""

    listing: Listing
    files: Mapping[str, FileFact] = field(default_factory=dict)


async def list_files(
    source: Source, wishes: Wishes, around: Surroundings, policy: RetryPolicy
) -> Listing:
    """The wanted files, with retries. Raises ``StorageError``."""
    found = await retrying(source.list, policy, around.clock, around.rng)
    kept = tuple(file for file in found.files if wishes.wants(file.path))
    if not kept and wishes.shape:
        raise SourceNotFound(f"no suitable objects found for shape {wishes.shape}")
    if not kept:
        raise SourceNotFound(
            f"none of the {len(found.files)} files is wanted; mend allow_patterns and"
            " ignore_patterns of spec.storage.parameters"
        )
    check_places([file.path for file in kept])
    return Listing(kept, found.revision)


def missing_bytes(listing: Listing, root: Path) -> int:
    """The bytes of the listed files that are not below ``root`` yet; blocks."""
    missing = 0
    for file in listing.files:
        target = root / file.path
        size = file.size or 0
        there = max(_size(target), _size(target.with_name(target.name + INCOMPLETE)))
        missing += max(size - there, 0)
    return missing


def _size(path: Path) -> int:
    try:
        return path.lstat().st_size
    except OSError:
        return 0


async def download(
    source: Source,
    listing: Listing,
    root: Path,
    around: Surroundings,
    policy: RetryPolicy,
    *,
    concurrency: int = 4,
    known: Mapping[str, FileFact] | None = None,
    progress: Progress | None = None,
    promised: int = 0,
    ranges: int = 1,
) -> Downloaded:
    """Every file of the listing, whole, below ``root``.

    ``known`` are the facts of an earlier run: a file that still fits its fact is not read again.
    ``promised`` are bytes of the file system's free space that other downloads will take,
    ``ranges`` the connections over which one large file comes.
    Cancellation leaves partial files, which the next call continues. Raises ``StorageError``.
    """
    progress = progress if progress is not None else Progress()
    await anyio.to_thread.run_sync(_prepare, listing, root, promised, limiter=around.threads)
    # Only now: what does not fit takes no room, so it must not seem to promise any.
    progress.total_bytes, progress.total_files = listing.total_bytes, len(listing.files)
    files = _Files(source, root, around, policy, known or {}, progress, ranges, listing)
    async with anyio.create_task_group() as group:
        for _ in range(min(max(concurrency, 1), len(listing.files))):
            group.start_soon(files.fetch, group.cancel_scope.cancel)
    if files.errors:
        raise _summary(files.errors, listing.files)
    progress.phase = "finalizing"
    return Downloaded(listing, files.facts)


class _Files:
    """The files of one download, which its workers take one after the other."""

    def __init__(
        self,
        source: Source,
        root: Path,
        around: Surroundings,
        policy: RetryPolicy,
        known: Mapping[str, FileFact],
        progress: Progress,
        ranges: int,
        listing: Listing,
    ) -> None:
        self.facts: dict[str, FileFact] = {}
        self.errors: dict[str, StorageError] = {}
        self._one = partial(
            fetch_file,
            source,
            root=root,
            around=around,
            policy=policy,
            arrived=self._arrived,
            begins=self._begins,
            ranges=ranges,
        )
        self._known = known
        self._progress = progress
        self._waiting = list(reversed(listing.files))

    async def fetch(self, stop: Callable[[], None]) -> None:
        """Fetch until none is left; ``stop`` is called when the others would fail too."""
        while self._waiting:
            file = self._waiting.pop()
            try:
                known = self._known.get(file.path)
                self.facts[file.path] = await self._one(file, known=known)
                self._progress.completed_files += 1
            except StorageError as error:
                self.errors[file.path] = error
                if isinstance(error, _WALLS):
                    stop()

    def _arrived(self, count: int) -> None:
        self._progress.completed_bytes += count

    def _begins(self) -> None:
        self._progress.phase = "downloading"


def _prepare(listing: Listing, root: Path, promised: int) -> None:
    """Make the directory, and see that the files fit. Raises ``DiskFull``, ``DiskError``."""
    with disk_errors(root):
        root.mkdir(parents=True, exist_ok=True)
        space = os.statvfs(root)
    need = missing_bytes(listing, root)
    have = max(space.f_bavail * space.f_frsize - promised, 0)
    if need > have:
        raise DiskFull(
            f"insufficient disk space: need {need} bytes, have {have} bytes available in {root};"
            " free space, or exclude files by ignore_patterns of spec.storage.parameters"
        )


def _summary(errors: dict[str, StorageError], files: tuple[RemoteFile, ...]) -> StorageError:
    """The worst error, which names how many files failed when there are several."""
    worst = next((error for error in errors.values() if isinstance(error, _WALLS)), None)
    first = worst or errors[min(errors)]
    if len(errors) == 1:
        return first
    told = copy.copy(first)
    told.args = (f"failed to download {len(errors)} out of {len(files)} files: {first}",)
    told.__cause__ = first
    return told
