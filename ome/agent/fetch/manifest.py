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
from typing import TYPE_CHECKING, TypeVar

import msgspec

from ome.agent.fetch.real import real_path
from ome.storage.errors import DiskError
from ome.storage.transfer import FileFact, disk_errors

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "FOLDER",
    "Manifest",
    "every",
    "fits",
    "forget",
    "forget_files",
    "is_as_it_came",
    "leave",
    "load",
    "only_one",
    "read",
    "save",
    "write",
]

_T = TypeVar("_T")
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
    left: list[str] = []
    """Directories that the model had before and that are still to be cleared."""


def _file(root: str, key: str) -> Path:
    return Path(root, FOLDER, f"{sha256(key.encode()).hexdigest()[:16]}.json")


def load(root: str, key: str) -> Manifest | None:
    """The manifest of a model; None when there is none that can be read. Blocks."""
    found = read(_file(root, key), Manifest)
    return found if found is not None and found.key == key else None


def every(root: str) -> list[Manifest]:
    """All manifests of the node that can be read. Blocks."""
    found = (read(path, Manifest) for path in Path(root, FOLDER).glob("*.json"))
    return [one for one in found if one is not None]


def read(path: Path, kind: type[_T]) -> _T | None:
    """What a file of the agent's own holds; None when it is gone, or broken in any way. Blocks."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (OSError, ValueError, RecursionError, msgspec.MsgspecError):
        return None


def save(root: str, manifest: Manifest) -> None:
    """Keep it, whole or not at all; blocks. Raises ``StorageError``."""
    write(_file(root, manifest.key), msgspec.json.encode(manifest))


def write(path: Path, content: bytes) -> None:
    """Write a file of the agent's own, whole or not at all; blocks. Raises ``StorageError``."""
    new = path.with_name(path.name + ".new")
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with new.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)


def forget(root: str, key: str) -> None:
    """Remove the manifest; blocks."""
    path = _file(root, key)
    with disk_errors(path):
        path.unlink(missing_ok=True)


def forget_files(root: str, manifest: Manifest) -> None:
    """Remember no files of a model, but still what it is to clear; blocks."""
    if manifest.left:
        save(root, msgspec.structs.replace(manifest, path="", files={}, target=""))
    else:
        forget(root, manifest.key)


def leave(root: str, manifest: Manifest) -> Manifest:
    """Remember of a model only what is to be cleared; blocks. Raises ``StorageError``."""
    paths = [path for path in (manifest.path, *manifest.left) if path]
    left = msgspec.structs.replace(manifest, path="", files={}, target="", left=paths)
    save(root, left)
    return left


def fits(manifest: Manifest, directory: Path) -> bool:
    """Whether all files still have their size and time, or the link its target; blocks."""
    if manifest.target:
        there = directory.is_symlink() and directory.is_dir()
        return there and real_path(directory) == real_path(manifest.target)
    files = manifest.files.items()
    return bool(files) and all(is_as_it_came(directory / name, fact) for name, fact in files)


def is_as_it_came(path: Path, fact: FileFact) -> bool:
    """Whether a file still has its size and time; blocks."""
    try:
        found = path.lstat()
    except OSError:
        return False
    return (found.st_size, found.st_mtime_ns) == (fact.size, fact.mtime_ns)


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
