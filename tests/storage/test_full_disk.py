"""A file system of a few MiB that fills up, for which the right to mount is needed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ome.sandbox.hub import Repository, running_hub
from ome.sandbox.safetensors_files import llama_repository
from ome.storage.download import download
from ome.storage.errors import DiskFull
from ome.storage.sources import Listing, RemoteFile
from tests.storage.support import POLICY, around, on_disk, opened
from tests.support.disks import two_mebibytes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FILES = {**llama_repository(), "big.bin": b"x" * 3_000_000}


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A file system of two MiB."""
    with two_mebibytes(tmp_path / "small") as place:
        yield place


async def test_files_that_do_not_fit_are_refused_before_the_first_byte(small: Path) -> None:
    async with running_hub({"org/m": Repository(FILES)}) as hub:
        async with opened("hf://org/m", {"endpoint": hub.url}) as source:
            found = await source.list()
            with pytest.raises(DiskFull, match=r"insufficient disk space: need \d+ bytes, have"):
                await download(source, found, small, around(), POLICY)
    assert not hub.served
    assert on_disk(small) == {}


async def test_a_disk_that_fills_up_meanwhile(small: Path) -> None:
    async with running_hub({"org/m": Repository(FILES)}) as hub:
        async with opened("hf://org/m", {"endpoint": hub.url}) as source:
            found = await source.list()
            # A source that does not know its sizes cannot be refused in advance.
            unknown = Listing(tuple(RemoteFile(file.path, None) for file in found.files))
            with pytest.raises(DiskFull, match="no space left on device; free space"):
                await download(source, unknown, small, around(), POLICY, concurrency=1)
    assert not (small / "big.bin").exists()


async def test_room_that_is_made_lets_the_download_go_on(small: Path) -> None:
    ballast = small / "ballast"
    ballast.write_bytes(b"x" * 1_900_000)
    files = {name: content for name, content in FILES.items() if name != "big.bin"}
    async with running_hub({"org/m": Repository(files)}) as hub:
        async with opened("hf://org/m", {"endpoint": hub.url}) as source:
            found = await source.list()
            with pytest.raises(DiskFull):
                await download(source, found, small, around(), POLICY)
            ballast.unlink()
            done = await download(source, found, small, around(), POLICY)
    assert done.files.keys() == files.keys()


async def test_bytes_that_others_will_take_are_not_free(small: Path) -> None:
    async with running_hub({"org/m": Repository(llama_repository())}) as hub:
        async with opened("hf://org/m", {"endpoint": hub.url}) as source:
            found = await source.list()
            with pytest.raises(DiskFull, match="insufficient disk space"):
                await download(source, found, small, around(), POLICY, promised=1_900_000)
            await download(source, found, small, around(), POLICY, promised=1_000_000)
