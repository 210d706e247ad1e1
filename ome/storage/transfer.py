"""One file: from its source to its final name, through a partial file that survives a kill.

The bytes go to ``{name}.incomplete`` beside the target, which gets its name only when size and
checksum are right; so a file under its final name is whole. A partial file is continued when its
checksum is known, for then a wrong continuation is found; without one it is begun anew.

Races: two transfers of one file must not run at the same time; the caller sees to that. A kill
between the last byte and the renaming leaves a whole partial file, which the next run verifies and
renames without asking for a byte.
"""

from __future__ import annotations

import errno
import os
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, TypeVar

import anyio.to_thread

from ome.errors import StorageError
from ome.storage.checksums import hash_file, hasher
from ome.storage.errors import ChecksumMismatch, DiskError, DiskFull, ForbiddenPath, NetworkError
from ome.storage.ranges import RANGED_FROM, in_ranges
from ome.storage.retry import delay_before
from ome.storage.sources import INCOMPLETE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from ome.storage.checksums import Hasher
    from ome.storage.retry import RetryPolicy
    from ome.storage.settings import Surroundings
    from ome.storage.sources import Checksum, RemoteFile, Source, Stream

__all__ = ["FileFact", "disk_errors", "fetch_file", "is_valid", "place_of"]

_BUFFER = 2**20
_T = TypeVar("_T")
_FULL = (errno.ENOSPC, errno.EDQUOT)


@dataclass(frozen=True, slots=True)
class FileFact:
    """A file that is whole: what a later run compares to trust it without reading."""

    size: int
    mtime_ns: int
    checksum: str = ""


def place_of(root: Path, path: str) -> Path:
    """Where a file goes, its folders made. Raises ``ForbiddenPath`` when a link leads out; blocks.

    ``path`` is already known to have no ``..``.
    """
    place = root
    parts = path.split("/")
    for part in parts[:-1]:
        place = place / part
        with disk_errors(place):
            if place.is_symlink():
                raise ForbiddenPath(f"{place} is a symbolic link; files of a model stay in {root}")
            place.mkdir(exist_ok=True)
    return place / parts[-1]


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """The file system's refusals in our words, also that of a name which it cannot take at all."""
    try:
        yield
    except ValueError as error:
        raise DiskError(f"{str(path)!r}: {error}") from error
    except OSError as error:
        what = error.strerror or type(error).__name__
        if error.errno in _FULL:
            raise DiskFull(f"{path}: {what.lower()}; free space and try again") from error
        raise DiskError(f"{path}: {what.lower()}") from error


def is_valid(
    target: Path, file: RemoteFile, checksum: Checksum | None, known: FileFact | None = None
) -> bool:
    """Whether the file under its final name is the wanted one; blocks.

    A fact of an earlier run that still fits spares reading it. Without a checksum the size decides.
    """
    with disk_errors(target):
        return _is_valid(target, file, checksum, known)


def _is_valid(
    target: Path, file: RemoteFile, checksum: Checksum | None, known: FileFact | None
) -> bool:
    if target.is_symlink() or not target.is_file():
        return False
    found = target.stat()
    if file.size is not None and found.st_size != file.size:
        return False
    if checksum is None:
        return file.size is not None
    if known is not None and known.checksum == str(checksum):
        return (known.size, known.mtime_ns) == (found.st_size, found.st_mtime_ns) or (
            hash_file(target, checksum.algorithm) == checksum.value
        )
    return hash_file(target, checksum.algorithm) == checksum.value


async def fetch_file(
    source: Source,
    file: RemoteFile,
    root: Path,
    around: Surroundings,
    policy: RetryPolicy,
    *,
    known: FileFact | None = None,
    arrived: Callable[[int], None] = lambda _: None,
    begins: Callable[[], None] = lambda: None,
    ranges: int = 1,
) -> FileFact:
    """Make the file whole below ``root``; a valid copy is kept, a partial one continued.

    ``arrived`` is told of bytes: those that were there, those that come, and less than nothing when
    bytes have to be thrown away; ``begins`` that the file is not whole yet. Bytes that turn out
    wrong are fetched once more, not again and again. A large file comes over ``ranges``
    connections, if its source gives ranges. Raises ``StorageError``.
    """
    checksum = file.checksum or await source.checksum(file)
    target = await _in_thread(around, place_of, root, file.path)
    # Others may take files away, or the whole disk, between any two looks at them.
    if await _in_thread(around, is_valid, target, file, checksum, known):
        fact = await _in_thread(around, _fact, target, checksum)
        arrived(fact.size)
        return fact
    begins()
    partial = _Partial(target, file.size, checksum)
    transfer = _Transfer(source, file, partial, around, arrived, ranges)
    try:
        return await transfer.run(policy)
    finally:
        transfer.partial.close()


async def _in_thread(around: Surroundings, call: Callable[..., _T], *args: object) -> _T:
    return await anyio.to_thread.run_sync(call, *args, limiter=around.threads)


def _fact(path: Path, checksum: Checksum | None) -> FileFact:
    with disk_errors(path):
        found = path.stat()
    return FileFact(found.st_size, found.st_mtime_ns, str(checksum or ""))


class _Transfer:
    """The attempts at one file."""

    def __init__(
        self,
        source: Source,
        file: RemoteFile,
        partial: _Partial,
        around: Surroundings,
        arrived: Callable[[int], None],
        ranges: int,
    ) -> None:
        self._source = source
        self._file = file
        self.partial = partial
        self._around = around
        self._arrived = arrived
        self._ranges = ranges
        self._told = 0

    async def run(self, policy: RetryPolicy) -> FileFact:
        failures = mismatches = 0
        await self._do(self.partial.open)
        while True:
            before = self.partial.size
            try:
                await self._receive()
                await self._do(self.partial.check)
                return await self._do(self.partial.publish)
            except StorageError as error:
                mismatches += isinstance(error, ChecksumMismatch)
                failures = 1 if self.partial.size > before else failures + 1
                delay = delay_before(policy, failures, error, self._around.rng)
                if delay is None or mismatches > 1:
                    raise
            await self._around.clock.sleep(delay)

    async def _receive(self) -> None:
        """All that is missing, or as much as comes before an error."""
        partial, size = self.partial, self._file.size
        if size is not None and partial.size == size:
            return
        async with self._opened(partial.size) as stream:
            if stream.start != partial.size:
                await self._do(partial.restart)
            waiting = bytearray()
            try:
                async for chunk in stream:
                    waiting += chunk
                    if len(waiting) >= _BUFFER:
                        data = bytes(waiting)
                        waiting.clear()
                        await self._do(partial.write, data)
            except BaseException:
                # What came is kept when the rest does not come; one that is cancelled ends at once.
                partial.write(bytes(waiting))
                self._tell()
                raise
            await self._do(partial.write, bytes(waiting))
        if size is not None and partial.size < size:
            raise NetworkError(
                f"{self._file.path}: the connection ended after {partial.size} of {size} bytes"
            )

    def _opened(self, start: int) -> AbstractAsyncContextManager[Stream]:
        size = self._file.size
        if self._ranges > 1 and size is not None and size - start >= RANGED_FROM:
            return in_ranges(self._source, self._file, start, size, self._ranges)
        return self._source.open(self._file, start)

    async def _do(self, call: Callable[..., _T], *args: object) -> _T:
        try:
            return await anyio.to_thread.run_sync(call, *args, limiter=self._around.threads)
        finally:
            self._tell()

    def _tell(self) -> None:
        if self.partial.size != self._told:
            self._arrived(self.partial.size - self._told)
            self._told = self.partial.size


class _Partial:
    """The bytes that are there, and their running hash; every method blocks."""

    def __init__(self, target: Path, wanted: int | None, checksum: Checksum | None) -> None:
        self._target = target
        self._path = target.with_name(target.name + INCOMPLETE)
        self._wanted = wanted
        self._checksum = checksum
        self._file: IO[bytes] | None = None
        self._hash: Hasher | None = None
        self.size = 0

    def open(self) -> None:
        """Open what an earlier run left, and hash it."""
        with disk_errors(self._path):
            flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
            self._file = os.fdopen(os.open(self._path, flags, 0o644), "r+b", buffering=0)
            left = os.fstat(self._file.fileno()).st_size
        if self._checksum is None or (self._wanted is not None and left > self._wanted):
            self.restart()
            return
        self._hash = hasher(self._checksum.algorithm, self._wanted or 0)
        with disk_errors(self._path):
            while chunk := self._file.read(_BUFFER):
                self._hash.update(chunk)
                self.size += len(chunk)

    def restart(self) -> None:
        """Throw away what is there."""
        assert self._file is not None
        with disk_errors(self._path):
            self._file.seek(0)
            self._file.truncate(0)
        self.size = 0
        if self._checksum is not None:
            self._hash = hasher(self._checksum.algorithm, self._wanted or 0)

    def write(self, data: bytes) -> None:
        """Append; more than the file is to have is a mismatch."""
        assert self._file is not None
        if self._wanted is not None and self.size + len(data) > self._wanted:
            self.restart()
            raise ChecksumMismatch(
                f"{self._target.name}: more than the {self._wanted} bytes that the source lists"
            )
        view = memoryview(data)
        while view:
            with disk_errors(self._path):
                written = self._file.write(view)
            if self._hash is not None:
                self._hash.update(view[:written])
            self.size += written
            view = view[written:]

    def check(self) -> None:
        """Raise ``ChecksumMismatch``, with nothing left of the file, when the bytes are wrong."""
        if self._checksum is None or self._hash is None:
            return
        found = self._hash.hexdigest()
        if found != self._checksum.value:
            self.restart()
            raise ChecksumMismatch(
                f"{self._target.name}: {self._checksum.algorithm} is {found}, the source lists"
                f" {self._checksum.value}"
            )

    def publish(self) -> FileFact:
        """Give it its name, safely on the disk."""
        assert self._file is not None
        with disk_errors(self._target):
            os.fsync(self._file.fileno())
            self._path.replace(self._target)
        return _fact(self._target, self._checksum)

    def close(self) -> None:
        """Close; an empty partial file is not left behind, where the disk still lets it go."""
        if self._file is None:
            return
        # What is whole was synced before; what is not has failed already, for a better reason.
        with suppress(OSError):
            self._file.close()
            if self.size == 0:
                self._path.unlink(missing_ok=True)
