"""The node's file system, as its agent works with it; what blocks runs in threads.

``prefix`` is where the node's root directory is in this process: nothing for an agent in a pod, a
directory of its own for each node of a sandbox. Everything that is said to others is without it.
"""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import anyio.to_thread
import msgspec

from ome.agent.fetch import contents
from ome.agent.fetch import manifest as manifests
from ome.agent.fetch.place import place_for
from ome.agent.fetch.real import real_path
from ome.storage.errors import DiskError, ForbiddenPath
from ome.storage.transfer import disk_errors

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import PurePath

    from ome.agent.fetch.manifest import Manifest
    from ome.agent.fetch.place import Place

__all__ = ["Disk", "Held", "overlap"]

_T = TypeVar("_T")
_NOWHERE = (errno.ENAMETOOLONG, errno.ELOOP, errno.ENOTDIR, errno.EEXIST)


@dataclass(frozen=True, slots=True)
class Held:
    """What the node remembers of a model; ``whole``: all its files are as they were."""

    manifest: Manifest
    whole: bool


def overlap(one: PurePath, two: PurePath) -> bool:
    """Whether two directories are one, or one lies in the other. Pure."""
    return one.is_relative_to(two) or two.is_relative_to(one)


class Disk:
    """Models below the allowed roots. Every method may raise ``StorageError``."""

    def __init__(
        self,
        roots: Sequence[str],
        prefix: str = "",
        threads: anyio.CapacityLimiter | None = None,
    ) -> None:
        self._prefix = prefix.rstrip("/")
        self.roots = [self.real(root) for root in roots]
        self._threads = threads or anyio.CapacityLimiter(8)

    def real(self, path: str) -> str:
        """Where a path of the node is in this process."""
        return self._prefix + path if path.startswith("/") else path

    def shown(self, path: str) -> str:
        """A path of this process as the node has it."""
        return path.removeprefix(self._prefix)

    async def held(self, key: str) -> Held | None:
        """What there is of a model that was whole; None when the node remembers none."""
        return await self._do(self._held, key)

    async def manifest(self, key: str) -> Manifest | None:
        """What the node remembers of a model, without a look at its files."""
        return await self._do(manifests.load, self.roots[0], key)

    async def cleared(self, manifest: Manifest) -> None:
        """Remember that the former directories of a model are cleared."""
        now = msgspec.structs.replace(manifest, left=[])
        await self._do(manifests.save, self.roots[0], now)

    async def leave(self, manifest: Manifest) -> Manifest:
        """Remember of a model only what is to be cleared now: all directories that it has."""
        return await self._do(manifests.leave, self.roots[0], manifest)

    async def is_dir(self, path: str) -> bool:
        """Whether a directory of this process is there, below a root."""
        return await self._do(self._is_dir, path)

    async def spots(self, paths: Sequence[str]) -> list[PurePath]:
        """The one name of each of these directories, links on the way to it followed."""
        return await self._do(lambda: [contents.spot(path) for path in paths])

    async def overlap(self, path: str, other: str) -> bool:
        """Whether two directories are one, or one lies in the other, links on the way followed."""
        one, two = await self.spots([path, other])
        return overlap(one, two)

    async def remove(self, path: str) -> None:
        """Remove a model's files; those outside the roots are none of ours. Of a link the link."""
        await self._do(self._place, path, self._remove)

    async def discard(self, path: str) -> None:
        """Give back the room of an unfinished download to a path."""
        await self._do(self._place, path, self._discard)

    async def sweep(self, path: str) -> None:
        """Remove the files that came to a path for models which do not have it any more."""
        await self._do(self._place, path, self._sweep)

    async def give_up(self, path: str) -> None:
        """Leave the files of a path to the user, who asked for that."""
        give = contents.give_up
        await self._do(self._place, path, lambda place: give(self.roots[0], place.path))

    async def forget(self, key: str) -> None:
        """Remember a model no longer."""
        await self._do(manifests.forget, self.roots[0], key)

    async def linked(self, path: str) -> bool:
        """Whether a link below a root leads to a directory; also when that cannot be found out."""
        return await self._do(self._linked, path)

    def problem(self) -> str | None:
        """Why nothing can be written below the first root; None when it can be."""
        root = Path(self.roots[0])
        try:
            if not root.exists():
                return "no such file or directory"
            if not root.is_dir():
                return f"{root} is not a directory"
            return None if os.access(root, os.W_OK) else "permission denied"
        except OSError as error:
            return (error.strerror or str(error)).lower()

    async def _do(self, call: Callable[..., _T], *args: object) -> _T:
        # Also a look fails: where a mount went away, or is of another machine that is gone.
        with disk_errors(Path(self.roots[0])):
            return await anyio.to_thread.run_sync(call, *args, limiter=self._threads)

    def _held(self, key: str) -> Held | None:
        found = manifests.load(self.roots[0], key)
        if found is None:
            return None
        whole = manifests.fits(found, Path(found.path))
        return Held(found, whole and contents.only_files_of(self.roots[0], found))

    def _remove(self, place: Place) -> None:
        place.remove()
        self._sweep(place)

    def _discard(self, place: Place) -> None:
        place.discard()
        self._sweep(place)

    def _sweep(self, place: Place) -> None:
        contents.sweep(self.roots[0], str(place.path))

    def _is_dir(self, path: str) -> bool:
        real = real_path(path)
        below = any(real.is_relative_to(real_path(root)) for root in self.roots)
        return below and real.is_dir()

    def _place(self, path: str, call: Callable[[Place], None]) -> None:
        try:
            call(place_for(path, self.roots))
        except ForbiddenPath:
            return
        except DiskError as error:
            # Nothing can ever have come to a path that cannot be.
            if getattr(error.__cause__, "errno", 0) not in _NOWHERE:
                raise

    def _linked(self, path: str) -> bool:
        target = real_path(path)
        errors: list[OSError] = []
        for root in self.roots:
            for place, folders, files in os.walk(root, onerror=errors.append):
                links = (Path(place, name) for name in (*folders, *files))
                if any(link.is_symlink() and real_path(link) == target for link in links):
                    return True
        return bool(errors)
