"""One large file over several connections."""

from __future__ import annotations

import hashlib
import random
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import anyio
import anyio.lowlevel
import pytest

from ome.storage.errors import ChecksumMismatch, NetworkError
from ome.storage.ranges import in_ranges
from ome.storage.sources import INCOMPLETE, Checksum, Listing, RemoteFile, Stream
from ome.storage.transfer import fetch_file
from tests.storage.support import POLICY, around

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

CONTENT = random.Random(1).randbytes(1050)
FILE = RemoteFile("f", len(CONTENT), Checksum("sha256", hashlib.sha256(CONTENT).hexdigest()))


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ome.storage.transfer.RANGED_FROM", 200)
    monkeypatch.setattr("ome.storage.ranges.RANGE", 100)


class Part:
    def __init__(self, start: int, data: bytes) -> None:
        self.start = start
        self._data = data

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for place in range(0, len(self._data), 30):
            await anyio.lowlevel.checkpoint()
            yield self._data[place : place + 30]


class Ranged:
    """A source that counts what is asked of it; ``broken`` begins of ranges break off once."""

    def __init__(self, broken: tuple[int, ...] = ()) -> None:
        self.broken = list(broken)
        self.asked: list[int] = []
        self.open_now = self.most = 0
        self.whole = False
        self.content = CONTENT

    async def list(self) -> Listing:
        return Listing((FILE,))

    async def checksum(self, file: RemoteFile) -> Checksum | None:
        return file.checksum

    @asynccontextmanager
    async def open(
        self, file: RemoteFile, start: int = 0, end: int | None = None
    ) -> AsyncIterator[Stream]:
        self.asked.append(start)
        self.open_now += 1
        self.most = max(self.most, self.open_now)
        data = self.content[start:end]
        if start in self.broken:
            self.broken.remove(start)
            data = data[:50]
        try:
            yield Part(0, self.content) if self.whole else Part(start, data)
        finally:
            self.open_now -= 1


async def test_ranges_come_side_by_side_and_are_given_in_order() -> None:
    source = Ranged()
    async with in_ranges(source, FILE, 250, len(CONTENT), 3) as stream:
        assert stream.start == 250
        assert b"".join([chunk async for chunk in stream]) == CONTENT[250:]
    assert source.asked == [*range(250, 1050, 100)]
    assert source.most == 3


async def test_leaving_early_ends_all_transfers() -> None:
    source = Ranged()
    async with in_ranges(source, FILE, 0, len(CONTENT), 4) as stream:
        async for chunk in stream:
            assert chunk == CONTENT[:100]
            break
    assert source.open_now == 0


async def test_a_whole_file(tmp_path: Path) -> None:
    source = Ranged()
    await fetch_file(source, FILE, tmp_path, around(), POLICY, ranges=4)
    assert (tmp_path / "f").read_bytes() == CONTENT
    assert len(source.asked) == 11


async def test_what_broke_off_is_asked_for_again_and_what_came_before_is_not(
    tmp_path: Path,
) -> None:
    source = Ranged(broken=(300, 600))
    await fetch_file(source, FILE, tmp_path, around(), POLICY, ranges=2)
    assert (tmp_path / "f").read_bytes() == CONTENT
    assert {begin for begin in (0, 100, 200) if source.asked.count(begin) != 1} == set()
    assert source.asked.count(300) == 2


async def test_a_partial_file_is_a_beginning_and_is_continued(tmp_path: Path) -> None:
    source = Ranged(broken=(500, 500, 500, 500))
    with pytest.raises(NetworkError, match="f: 50 of 100 bytes came from byte 500 on"):
        await fetch_file(source, FILE, tmp_path, around(), POLICY, ranges=3)
    assert (tmp_path / f"f{INCOMPLETE}").read_bytes() == CONTENT[:500]
    source = Ranged()
    await fetch_file(source, FILE, tmp_path, around(), POLICY, ranges=3)
    assert (tmp_path / "f").read_bytes() == CONTENT
    assert min(source.asked) == 500


async def test_a_source_that_gives_no_ranges_or_other_bytes(tmp_path: Path) -> None:
    source = Ranged()
    source.whole = True
    with pytest.raises(NetworkError, match="gives no ranges"):
        await fetch_file(source, FILE, tmp_path, around(), POLICY, ranges=3)
    source = Ranged()
    source.content = CONTENT[:-1] + b"?"
    with pytest.raises(ChecksumMismatch):
        await fetch_file(source, FILE, tmp_path, around(), POLICY, ranges=3)


@pytest.mark.parametrize(("size", "ranges"), [(len(CONTENT), 1), (150, 4), (None, 4)])
async def test_small_files_and_those_of_unknown_size_come_over_one_connection(
    size: int | None, ranges: int, tmp_path: Path
) -> None:
    source = Ranged()
    source.content = CONTENT[:size]
    file = RemoteFile("f", size)
    await fetch_file(source, file, tmp_path, around(), POLICY, ranges=ranges)
    assert (tmp_path / "f").read_bytes() == source.content
    assert source.asked == [0]
