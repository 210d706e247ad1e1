"""What every provider offers: a list of files, and the bytes of each from any place on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from ome.storage.paths import relative_name

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Mapping
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

__all__ = ["Algorithm", "Checksum", "Listing", "RemoteFile", "Sink", "Source", "Stream", "listing"]

Algorithm = Literal["sha256", "md5", "git-sha1"]


@dataclass(frozen=True, slots=True)
class Checksum:
    """What a file's bytes must hash to, in lower-case hex; ``git-sha1`` is that of a git blob."""

    algorithm: Algorithm
    value: str

    def __str__(self) -> str:
        return f"{self.algorithm}:{self.value}"


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """One file of a source."""

    path: str
    """Relative to the model's directory; never leaves it."""
    size: int | None
    """In bytes; None when only the transfer tells."""
    checksum: Checksum | None = None
    key: str = ""
    """The provider's own name of it."""
    version: str = ""
    """Changes with the content, so that a broken transfer is not continued with other bytes."""


@dataclass(frozen=True, slots=True)
class Listing:
    """What a source holds; ``revision`` pins it where the source has such a thing (a commit)."""

    files: tuple[RemoteFile, ...]
    revision: str = ""

    @property
    def total_bytes(self) -> int:
        """The sum of the sizes that are known."""
        return sum(file.size or 0 for file in self.files)


def listing(files: Iterable[RemoteFile], revision: str = "") -> Listing:
    """A listing in the order of names. Raises ``ForbiddenPath`` for a name that leads out."""
    ordered = sorted(files, key=lambda file: file.path)
    for file in ordered:
        relative_name(file.path)
    return Listing(tuple(ordered), revision)


class Stream(Protocol):
    """Bytes on their way; ``start`` is where they begin, 0 when a wish for less was ignored."""

    @property
    def start(self) -> int: ...

    def __aiter__(self) -> AsyncIterator[bytes]: ...


class Source(Protocol):
    """The files of one storage URI. Every method raises ``StorageError`` and nothing else.

    Nothing is retried here: ``retryable`` of the error says whether it makes sense.
    """

    async def list(self) -> Listing:
        """What there is to fetch. Not empty: an address that holds nothing is an error."""
        ...

    async def checksum(self, file: RemoteFile) -> Checksum | None:
        """What the file's bytes must hash to, asked for when the listing did not say."""
        ...

    def open(
        self, file: RemoteFile, start: int = 0, end: int | None = None
    ) -> AbstractAsyncContextManager[Stream]:
        """The bytes from ``start`` up to before ``end``. Leaving the context ends the transfer."""
        ...


class Sink(Protocol):
    """Where files can be put, below one storage URI. Raises ``StorageError`` and nothing else."""

    async def put(self, name: str, path: Path, metadata: Mapping[str, str]) -> None:
        """Store a file under a relative name, in parts when it is large; what is there goes."""
        ...
