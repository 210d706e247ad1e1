"""Fine-tuned weights: an object of an object store, a zip, its files in a directory."""

from __future__ import annotations

import lzma
import os
import random
import shutil
import stat
import zipfile
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import anyio.to_thread

from ome.cli.jobs.configuration import JobFailed
from ome.clock import SystemClock
from ome.storage.download import download, list_files
from ome.storage.paths import relative_name
from ome.storage.principals import auth_type
from ome.storage.registry import open_source
from ome.storage.retry import RetryPolicy
from ome.storage.settings import Surroundings, Wishes
from ome.storage.transfer import disk_errors

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from ome.cli.jobs.configuration import Configuration
    from ome.storage.sources import Source
    from ome.storage.uris import OciUri

__all__ = ["Store", "fetch_zip", "files_of", "store_of", "unzip"]

_POLICY = RetryPolicy(attempts=3, interval=5.0)


@dataclass(frozen=True, slots=True)
class Store:
    """How objects are reached."""

    opened: Callable[[OciUri], AbstractAsyncContextManager[Source]]
    around: Surroundings


def store_of(config: Configuration) -> Store:
    """The store of the settings. Raises ``StorageError``, ``JobFailed``."""
    if config.yes("enable_obo_token"):
        raise JobFailed("enable_obo_token is not supported; use another auth_type")
    wishes = Wishes(region=config.text("region"), auth=auth_type(config.required("auth_type")))
    around = Surroundings(SystemClock(), random.Random(), os.environ)
    return Store(lambda uri: open_source(uri, None, wishes, around), around)


async def fetch_zip(store: Store, uri: OciUri, directory: Path) -> Path:
    """The object under its base name in a directory, verified. Raises ``StorageError``."""
    async with store.opened(uri) as source:
        listing = await list_files(source, Wishes(), store.around, _POLICY)
        if len(listing.files) != 1:
            raise JobFailed(
                f"oci://n/{uri.namespace}/b/{uri.bucket}/o/{uri.prefix} names"
                f" {len(listing.files)} objects; expected one zip"
            )
        await download(source, listing, directory, store.around, _POLICY)
    return directory / listing.files[0].path


async def unzip(archive: Path, target: Path) -> list[str]:
    """The files of a zip below a directory, replacing those that are there; their names.

    Raises ``StorageError`` for a name that leads out of the directory, and ``JobFailed`` for what
    is no zip; nothing is written then.
    """
    return await anyio.to_thread.run_sync(_unzip, archive, target)


def files_of(archive: Path) -> list[str]:
    """The names of the files in a zip; none when it cannot be read. Blocks."""
    try:
        with zipfile.ZipFile(archive) as opened:
            return [info.filename for info in opened.infolist() if not info.is_dir()]
    except (OSError, zipfile.BadZipFile):
        return []


def _unzip(archive: Path, target: Path) -> list[str]:
    try:
        with zipfile.ZipFile(archive) as opened:
            members = [info for info in opened.infolist() if not info.is_dir()]
            for info in members:
                relative_name(info.filename)
                if stat.S_ISLNK(info.external_attr >> 16):
                    raise JobFailed(f"{archive.name}: {info.filename} is a link; pack files only")
            for info in members:
                _extract(opened, info, target)
    except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError) as error:
        raise JobFailed(f"{archive.name}: {error}") from error
    except RuntimeError as error:  # encrypted, or compressed in a way that Python does not know
        raise JobFailed(f"{archive.name}: {error}; pack it with deflate and no password") from error
    return [info.filename for info in members]


def _extract(opened: zipfile.ZipFile, info: zipfile.ZipInfo, target: Path) -> None:
    place = target / info.filename
    if not place.parent.resolve().is_relative_to(target.resolve()):
        raise JobFailed(f"{info.filename} leads out of {target} through a link")
    new = place.with_name(f".{place.name}.new")
    with disk_errors(place):
        place.parent.mkdir(parents=True, exist_ok=True)
        try:
            with opened.open(info) as packed, new.open("wb") as file:
                shutil.copyfileobj(packed, file, 2**20)
        except BaseException:
            new.unlink(missing_ok=True)
            raise
        mode = stat.S_IMODE(info.external_attr >> 16)
        if mode:
            new.chmod(mode)
        new.replace(place)
