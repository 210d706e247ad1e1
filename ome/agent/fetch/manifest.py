"""What a node remembers of a model that is whole: its source, commit, and each file.

After a restart a model whose files still have the size and time of the manifest is taken to be
right, without reading it and without asking its source.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from ome.storage.errors import DiskError
from ome.storage.paths import relative_name
from ome.storage.transfer import FileFact, disk_errors

if TYPE_CHECKING:
    from collections.abc import Container, Iterator

__all__ = ["FOLDER", "Manifest", "clear", "fits", "forget", "load", "only_one", "save"]

FOLDER = ".ome"
"""Below the root, for what agents keep of their own."""


class Manifest(msgspec.Struct, frozen=True, rename="camel"):
    """A model that was fetched and verified."""

    key: str
    """The key of the model's entry in the node's ConfigMap."""
    source: str
    """What of the storage spec decides the content."""
    path: str
    """As it was asked for: links on the way to it are followed each time anew."""
    revision: str
    files: dict[str, FileFact]
    target: str = ""
    """The directory of another model that ``path`` is a link to; then there are no files."""
    wish: str = ""
    """The value of the annotation that asked for this download."""


def _file(root: str, key: str) -> Path:
    return Path(root, FOLDER, f"{sha256(key.encode()).hexdigest()[:16]}.json")


def load(root: str, key: str) -> Manifest | None:
    """The manifest of a model; None when there is none that can be read. Blocks."""
    try:
        found = msgspec.json.decode(_file(root, key).read_bytes(), type=Manifest)
    except (OSError, msgspec.MsgspecError):
        return None
    return found if found.key == key else None


def save(root: str, manifest: Manifest) -> None:
    """Keep it, whole or not at all; blocks. Raises ``StorageError``."""
    path = _file(root, manifest.key)
    new = path.with_suffix(".new")
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with new.open("wb") as file:
            file.write(msgspec.json.encode(manifest))
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)


def forget(root: str, key: str) -> None:
    """Remove the manifest; blocks."""
    path = _file(root, key)
    with disk_errors(path):
        path.unlink(missing_ok=True)


def fits(manifest: Manifest, directory: Path) -> bool:
    """Whether all files still have their size and time, or the link its target; blocks."""
    if manifest.target:
        there = directory.is_symlink() and directory.is_dir()
        return there and directory.resolve() == Path(manifest.target).resolve()
    for name, fact in manifest.files.items():
        try:
            found = (directory / name).lstat()
        except OSError:
            return False
        if (found.st_size, found.st_mtime_ns) != (fact.size, fact.mtime_ns):
            return False
    return bool(manifest.files)


def clear(manifest: Manifest, directory: Path, but: Container[str]) -> None:
    """Remove what came from a former source and is as it came; blocks. Raises ``StorageError``.

    Engines read whole directories: the shards of one model are nothing among those of another.
    """
    for name, fact in manifest.files.items():
        if name in but:
            continue
        path = directory / relative_name(name)
        with disk_errors(path):
            if not path.parent.resolve().is_relative_to(directory.resolve()) or not path.is_file():
                continue
            found = path.lstat()
            if (found.st_size, found.st_mtime_ns) == (fact.size, fact.mtime_ns):
                path.unlink()
        _remove_empty(path.parent, directory)


def _remove_empty(folder: Path, top: Path) -> None:
    while folder != top:
        try:
            folder.rmdir()
        except OSError:
            return
        folder = folder.parent


@contextmanager
def only_one(root: str, key: str) -> Iterator[None]:
    """No other process fetches the model meanwhile; the system gives up the lock of a dead one.

    Raises ``DiskError`` when one does.
    """
    path = _file(root, key).with_suffix(".lock")
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise DiskError(
                f"another process fetches {key} on this node; it holds {path}"
            ) from error
        yield
    finally:
        os.close(handle)
