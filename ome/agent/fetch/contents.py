"""Which files of a directory agents put there: noted before the first byte, until they are removed.

Engines read whole directories: the shards of one model are nothing among those of another. A
download may be cancelled or killed at any moment and another source be asked for next, so what it
was about to bring is noted beforehand. Files that nobody noted are their user's, and stay.
"""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from ome.agent.fetch import manifest as manifests
from ome.agent.fetch.real import real_path
from ome.storage.paths import relative_name
from ome.storage.sources import INCOMPLETE
from ome.storage.transfer import FileFact, disk_errors

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ome.agent.fetch.manifest import Manifest

__all__ = ["give_up", "note", "only_files_of", "settle", "spot", "sweep"]

_Noted = dict[str, FileFact | None]
"""By name the file as it came; None while it is on its way."""


def spot(path: str) -> Path:
    """The one name of a directory, whatever links lead to it; itself it may be one. Blocks."""
    return real_path(Path(path).parent) / Path(path).name


def _file(root: str, place: Path) -> Path:
    return Path(root, manifests.FOLDER, f"{sha256(str(place).encode()).hexdigest()[:16]}.files")


def _load(root: str, place: Path) -> _Noted | None:
    """None when nothing was ever noted, as by an agent of before."""
    return manifests.read(_file(root, place), _Noted)


def _save(root: str, place: Path, noted: _Noted) -> None:
    path = _file(root, place)
    if noted:
        manifests.write(path, msgspec.json.encode(noted))
    else:
        path.unlink(missing_ok=True)


def note(root: str, place: Path, names: Iterable[str]) -> None:
    """Remember that files of these names are about to come; blocks. Raises ``StorageError``."""
    with disk_errors(place):
        noted = _load(root, place)
        if noted is None:
            noted = {name: fact for held in _at(root, place) for name, fact in held.files.items()}
        _save(root, place, noted | dict.fromkeys(names))


def give_up(root: str, place: Path) -> None:
    """Note the files of a directory no more: they are their user's from now on; blocks."""
    with disk_errors(place):
        _save(root, place, {})


def only_files_of(root: str, manifest: Manifest) -> bool:
    """Whether nothing was noted in the directory but the manifest's files; blocks."""
    noted = _load(root, spot(manifest.path)) or {}
    return None not in noted.values() and noted.keys() <= manifest.files.keys()


def settle(root: str, manifest: Manifest) -> None:
    """Have the directory of a model that is whole hold nothing of other sources; blocks.

    What was there of a model that wants something else now is forgotten with its files.
    """
    for other in _at(root, spot(manifest.path)):
        if other.source != manifest.source:
            manifests.forget_files(root, other)
    sweep(root, manifest.path)


def sweep(root: str, path: str) -> None:
    """Remove what agents put into a directory and no manifest knows; blocks.

    A file that changed since it came is its user's; those that an owner left to links stay. Raises
    ``StorageError``.
    """
    place = spot(path)
    with disk_errors(place):
        noted = _load(root, place)
        if place.is_symlink() or not place.is_dir():
            _save(root, place, {})
            return
        if not _at(root, place) and _is_target(root, place):
            return
        known = {
            spot(held.path) / name: fact
            for held in manifests.every(root)
            if not held.target
            for name, fact in held.files.items()
        }
        left: _Noted = {}
        for name, fact in (noted or {}).items():
            if place / name in known:
                left[name] = known[place / name]
                _remove(place, name + INCOMPLETE, None)
            else:
                _remove(place, name, fact)
        if noted and not any(place.iterdir()):
            place.rmdir()
        _save(root, place, left)


def _remove(place: Path, name: str, fact: FileFact | None) -> None:
    path = place / relative_name(name)
    if not real_path(path.parent).is_relative_to(real_path(place)):
        return
    path.with_name(path.name + INCOMPLETE).unlink(missing_ok=True)
    if path.is_file() and (fact is None or manifests.is_as_it_came(path, fact)):
        path.unlink()
    folder = path.parent
    while folder != place and folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
        folder = folder.parent


def _is_target(root: str, place: Path) -> bool:
    targets = [held.target for held in manifests.every(root) if held.target]
    return real_path(place) in map(real_path, targets)


def _at(root: str, place: Path) -> list[Manifest]:
    return [held for held in manifests.every(root) if held.path and spot(held.path) == place]
