"""Hashing files as their sources do."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pathlib import Path

    from ome.storage.sources import Algorithm

__all__ = ["Hasher", "base64_digest", "hash_file", "hasher"]

_CHUNK = 2**20


class Hasher(Protocol):
    """A running hash."""

    def update(self, data: bytes | memoryview, /) -> None: ...

    def hexdigest(self) -> str: ...


def hasher(algorithm: Algorithm, size: int) -> Hasher:
    """A new hash for a file of that many bytes; git puts the size before the content."""
    if algorithm == "sha256":
        return hashlib.sha256()
    if algorithm == "md5":
        return hashlib.md5(usedforsecurity=False)
    return hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)


def hash_file(path: Path, algorithm: Algorithm) -> str:
    """The hash of a whole file in hex; blocks."""
    running = hasher(algorithm, path.stat().st_size)
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            running.update(chunk)
    return running.hexdigest()


def base64_digest(path: Path, algorithm: Algorithm) -> str:
    """The hash of a whole file as object stores write it; blocks."""
    return base64.b64encode(bytes.fromhex(hash_file(path, algorithm))).decode()
