"""What every provider offers: a list of files, and the bytes of each from any place on."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from ome.storage.errors import ForbiddenPath, SourceUnavailable
from ome.storage.paths import relative_name

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Mapping
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

__all__ = [
    "INCOMPLETE",
    "Algorithm",
    "Checksum",
    "Listing",
    "RemoteFile",
    "Sink",
    "Source",
    "Stream",
    "check_places",
    "listing",
]

Algorithm = Literal["sha256", "md5", "git-sha1"]
INCOMPLETE = ".incomplete"
"""What the name of a file ends in while it comes."""
_HEX: dict[Algorithm, re.Pattern[str]] = {
    "sha256": re.compile(r"[0-9a-f]{64}"),
    "md5": re.compile(r"[0-9a-f]{32}"),
    "git-sha1": re.compile(r"[0-9a-f]{40}"),
}
_BEYOND = 2**63


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
    """A listing in the order of names.

    Raises ``ForbiddenPath`` for a name that leads out, ``SourceUnavailable`` for members that are
    none: what lists them is trusted in nothing.
    """
    found = list(files)
    for file in found:
        _check(file)
    ordered = sorted(found, key=lambda file: file.path)
    return Listing(tuple(ordered), revision)


def _check(file: RemoteFile) -> None:
    path, size, checksum = file.path, file.size, file.checksum
    if not isinstance(path, str):
        raise SourceUnavailable(
            f"the source lists a file whose name is {type(path).__name__}, no text"
        )
    relative_name(path)
    if size is not None and not (type(size) is int and 0 <= size < _BEYOND):
        said = str(size)[:20] if type(size) is int else type(size).__name__
        raise SourceUnavailable(
            f"the source lists {path!r} with a size of {said}, no count of bytes"
        )
    if checksum is not None and not _HEX[checksum.algorithm].fullmatch(checksum.value):
        raise SourceUnavailable(
            f"the source lists {path!r} with a {checksum.algorithm} of {checksum.value[:80]!r},"
            " which is none"
        )


def check_places(names: Iterable[str]) -> None:
    """Raise ``ForbiddenPath`` for two names of a listing that would have one place on a disk.

    Two transfers to one place would spoil each other, and a folder cannot have a file's name.
    """
    taken: dict[str, str] = {}
    for name in names:
        place = "/".join(part for part in name.split("/") if part not in ("", "."))
        if place in taken:
            raise _clash(taken[place], name)
        taken[place] = name
    for place, name in taken.items():
        # What is on its way to a file is gathered beside it.
        beside = taken.get(place + INCOMPLETE)
        folders = (place[:end] for end, letter in enumerate(place) if letter == "/")
        inside = next((taken[folder] for folder in folders if folder in taken), beside)
        if inside is not None:
            raise _clash(inside, name)


def _clash(one: str, other: str) -> ForbiddenPath:
    return ForbiddenPath(
        f"the source lists {one!r} and {other!r}, which cannot both be on a disk; rename one at"
        " the source, or exclude it by ignore_patterns of spec.storage.parameters"
    )


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
