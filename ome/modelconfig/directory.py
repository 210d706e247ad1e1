"""The files of a model as its parser sees them: names, sizes, and bytes of a range."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from ome.storage.paths import is_name

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Directory", "LocalDirectory"]


class Directory(Protocol):
    """A directory on a disk or behind a network; reading blocks, so use it in a worker thread."""

    @property
    def name(self) -> str:
        """What messages call it."""
        ...

    def files(self) -> Mapping[str, int]:
        """The size in bytes of every file below, by its relative name with ``/``."""
        ...

    def read(self, name: str, start: int = 0, length: int | None = None) -> bytes:
        """Bytes of a listed file; fewer at its end. Raises ``OSError``."""
        ...


class LocalDirectory:
    """A directory of this machine, itself perhaps a link; links to directories below are left out.

    Nothing in it is created, touched or locked. Listed once, when first asked.
    """

    def __init__(self, root: str | os.PathLike[str]) -> None:
        self._root = Path(root)
        self._files: dict[str, int] | None = None

    @property
    def name(self) -> str:
        return str(self._root)

    def files(self) -> Mapping[str, int]:
        if self._files is None:
            self._files = dict(self._walk())
        return self._files

    def _walk(self) -> list[tuple[str, int]]:
        found: list[tuple[str, int]] = []
        for place, _, names in os.walk(self._root):
            for name in names:
                path = Path(place, name)
                if not is_name(str(path)):
                    continue  # in no encoding that could be told to anyone
                try:
                    if path.is_file():
                        found.append((path.relative_to(self._root).as_posix(), path.stat().st_size))
                except OSError:
                    continue  # vanished or unreadable: as if it were not there
        return found

    def read(self, name: str, start: int = 0, length: int | None = None) -> bytes:
        with (self._root / name).open("rb") as file:
            file.seek(start)
            return file.read(-1 if length is None else length)
