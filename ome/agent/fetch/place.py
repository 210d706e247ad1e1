"""Where a model's files go on a node, and that this is a place for models."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ome.agent.fetch.manifest import FOLDER
from ome.agent.fetch.real import real_path
from ome.storage.errors import DiskError, ForbiddenPath
from ome.storage.paths import is_name
from ome.storage.transfer import disk_errors

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Place", "default_path", "place_for"]


@dataclass(frozen=True, slots=True)
class Place:
    """The directory of a model, below one of the roots."""

    path: Path

    @property
    def staging(self) -> Path:
        """Where files are gathered first: beside the place, so that a rename suffices."""
        return self.path.with_name(f".{self.path.name}.fetching")

    def workplace(self) -> Path:
        """Where to fetch to: into the directory itself when it already has files, so that those
        which are still right are kept and those that left the source stay; else beside it. Blocks.
        """
        with disk_errors(self.path):
            if self.path.is_symlink() or not self.path.is_dir():
                return self.staging
            return self.path if any(self.path.iterdir()) else self.staging

    def publish(self, work: Path) -> None:
        """Make what was fetched the model's directory, in one step; blocks.

        A link that stood there, to the files of another model, is replaced and never followed.
        """
        if work == self.path:
            # What an earlier run gathered beside it, before the directory had files of its own.
            shutil.rmtree(self.staging, ignore_errors=True)
            return
        with disk_errors(self.path):
            if self.path.is_symlink() or self.path.is_file():
                self.path.unlink()
            work.rename(self.path)
            parent = os.open(self.path.parent, os.O_RDONLY)
            try:
                os.fsync(parent)
            finally:
                os.close(parent)

    def link(self, target: Path) -> None:
        """Make the directory a link to another model's, in place of what is there; blocks.

        Raises ``DiskError`` when the target is the place itself, or lies in it or around it.
        """
        real = real_path(target)
        if real.is_relative_to(self.path) or self.path.is_relative_to(real):
            raise DiskError(f"{self.path} cannot be a link to {target}: one lies in the other")
        relative = os.path.relpath(real, self.path.parent)
        with disk_errors(self.path):
            if self.path.is_symlink() and self.path.readlink() == Path(relative):
                return
            new = self.path.with_name(f".{self.path.name}.link")
            new.unlink(missing_ok=True)
            new.symlink_to(relative)
            if self.path.is_dir() and not self.path.is_symlink():
                shutil.rmtree(self.path)
            new.replace(self.path)
        if not self.path.is_dir():
            raise DiskError(f"{target}, which {self.path} is to be a link to, is gone meanwhile")
        shutil.rmtree(self.staging, ignore_errors=True)

    def discard(self) -> None:
        """Give back the room of what was gathered and is not whole; blocks."""
        with disk_errors(self.staging):
            if self.staging.is_dir():
                shutil.rmtree(self.staging)

    def remove(self) -> None:
        """Remove the files, whole and unfinished ones; of a link only the link. Blocks."""
        for path in (self.staging, self.path):
            with disk_errors(path):
                if path.is_symlink() or path.is_file():
                    path.unlink()
                elif path.is_dir():
                    shutil.rmtree(path)


def default_path(uri: str, root: str) -> str:
    """The directory of a model that names none: root and URI."""
    return tidy(f"{root}/{uri}")


def tidy(path: str) -> str:
    """The one spelling of a path: no slash too many and no ``.``; ``..`` stays, to be refused."""
    parts = [part for part in path.split("/") if part not in ("", ".")]
    return ("/" if path.startswith("/") else "") + "/".join(parts)


def place_for(path: str, roots: Sequence[str]) -> Place:
    """The place, its parents made. Raises ``ForbiddenPath`` outside the roots; blocks.

    Links in the way are followed and must stay below the root; the last part may be one.
    """
    allowed = ", ".join(roots)
    if not is_name(path):
        raise ForbiddenPath(
            f"spec.storage.path {path!r} has characters that no file system takes; name another"
            f" path below {allowed}"
        )
    wanted = Path(path)
    if not wanted.is_absolute() or ".." in wanted.parts:
        raise ForbiddenPath(
            f"spec.storage.path {path!r} must be an absolute path without '..', below {allowed}"
        )
    wanted = Path(os.path.normpath(wanted))
    for root in map(Path, roots):
        if root not in wanted.parents:
            continue
        if FOLDER in wanted.relative_to(root).parts:
            raise ForbiddenPath(
                f"spec.storage.path {path!r}: {FOLDER} is kept for the agent itself"
            )
        with disk_errors(wanted):
            root.mkdir(parents=True, exist_ok=True)
            inside = _real_ancestor(wanted.parent).is_relative_to(real_path(root))
            if inside:
                wanted.parent.mkdir(parents=True, exist_ok=True)
                return Place(real_path(wanted.parent) / wanted.name)
        raise ForbiddenPath(f"spec.storage.path {path!r} leads out of {root} through a link")
    raise ForbiddenPath(
        f"spec.storage.path {path!r} is not below {allowed}, where models may be on this node"
    )


def _real_ancestor(path: Path) -> Path:
    """The nearest directory that exists, without links."""
    while not path.exists() and not path.is_symlink():
        path = path.parent
    return real_path(path)
