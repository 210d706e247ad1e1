"""Whole downloads against a hub in trouble: what is on the disk afterwards, what was fetched."""

from __future__ import annotations

import random
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import anyio
import pytest

from ome.sandbox.hub import Hub, Repository, Trouble, running_hub
from ome.sandbox.safetensors_files import llama_repository
from ome.storage.checksums import hash_file
from ome.storage.download import Downloaded, Progress, download, list_files, missing_bytes
from ome.storage.errors import (
    AccessDenied,
    ChecksumMismatch,
    DiskError,
    DiskFull,
    ForbiddenPath,
    NetworkError,
    RateLimited,
    SourceNotFound,
    SourceUnavailable,
)
from ome.storage.settings import Wishes, wishes_of
from ome.storage.sources import Listing, RemoteFile
from tests.storage.support import POLICY, NotingClock, around, on_disk, opened

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

    from ome.storage.transfer import FileFact

FILES = llama_repository(4)
SHARD = "model-00002-of-00004.safetensors"


@asynccontextmanager
async def hub_of(files: Mapping[str, bytes] = FILES) -> AsyncIterator[Hub]:
    async with running_hub({"org/tiny": Repository(files)}) as hub:
        yield hub


async def fetch(
    hub: Hub,
    root: Path,
    *,
    clock: NotingClock | None = None,
    known: Mapping[str, FileFact] | None = None,
    progress: Progress | None = None,
    wishes: Wishes | None = None,
    concurrency: int = 4,
) -> Downloaded:
    surroundings = around(clock)
    async with opened("hf://org/tiny", {"endpoint": hub.url}, surroundings=surroundings) as source:
        found = await list_files(source, wishes or Wishes(), surroundings, POLICY)
        return await download(
            source,
            found,
            root,
            surroundings,
            POLICY,
            known=known,
            progress=progress,
            concurrency=concurrency,
        )


async def test_all_files_are_there_and_nothing_else(tmp_path: Path) -> None:
    progress = Progress()
    async with hub_of() as hub:
        done = await fetch(hub, tmp_path / "a" / "b", progress=progress)
        assert on_disk(tmp_path / "a" / "b") == FILES
        assert done.files.keys() == FILES.keys()
        assert sum(hub.served.values()) == hub.bytes_of("org/tiny")
    size = sum(map(len, FILES.values()))
    assert progress == Progress("finalizing", size, size, len(FILES), len(FILES))


async def test_what_is_there_is_not_fetched_again(tmp_path: Path) -> None:
    async with hub_of() as hub:
        first = await fetch(hub, tmp_path)
        hub.served.clear()
        assert await fetch(hub, tmp_path) == first
        assert await fetch(hub, tmp_path, known=first.files) == first
        assert not hub.served


async def test_other_content_of_the_same_size_is_fetched(tmp_path: Path) -> None:
    async with hub_of() as hub:
        first = await fetch(hub, tmp_path)
        (tmp_path / SHARD).write_bytes(b"x" * len(FILES[SHARD]))
        hub.served.clear()
        await fetch(hub, tmp_path, known=first.files)
        assert dict(hub.served) == {SHARD: len(FILES[SHARD])}
        assert on_disk(tmp_path) == FILES


async def test_files_that_left_the_source_stay(tmp_path: Path) -> None:
    (tmp_path / "old.bin").write_bytes(b"old")
    async with hub_of() as hub:
        await fetch(hub, tmp_path)
    assert on_disk(tmp_path) == {**FILES, "old.bin": b"old"}


@pytest.mark.parametrize(
    "trouble",
    [
        Trouble(SHARD, 1, cut_after=40_000),
        Trouble(SHARD, 3, cut_after=20_000),
        Trouble(SHARD, 1, 500),
        Trouble(SHARD, 3, 503),
        Trouble(SHARD, 1, 408),
        Trouble("config.json", 1, 500),
        Trouble(SHARD, 1, wrong_bytes=True),
        Trouble(SHARD, 1, chunk_seconds=0.01),
        Trouble("/api/", 2, 500),
    ],
    ids=lambda trouble: f"{trouble.path[:6]}-{trouble.status}-{trouble.cut_after}",
)
async def test_trouble_that_passes(tmp_path: Path, trouble: Trouble) -> None:
    async with hub_of() as hub:
        hub.troubles.append(trouble)
        await fetch(hub, tmp_path)
        assert trouble.times == 0
    assert on_disk(tmp_path) == FILES


async def test_a_broken_transfer_goes_on_where_it_ended(tmp_path: Path) -> None:
    async with hub_of() as hub:
        hub.troubles.append(Trouble(SHARD, 2, cut_after=30_000))
        await fetch(hub, tmp_path)
        assert hub.served[SHARD] <= len(FILES[SHARD]) + 2 * 16_384
    assert on_disk(tmp_path) == FILES


async def test_a_server_that_ignores_ranges_starts_anew(tmp_path: Path) -> None:
    (tmp_path / f"{SHARD}.incomplete").write_bytes(FILES[SHARD][:1000])
    async with hub_of() as hub:
        hub.troubles.append(Trouble(SHARD, 1, ignore_range=True))
        await fetch(hub, tmp_path)
    assert on_disk(tmp_path) == FILES


@pytest.mark.parametrize(
    "left",
    [FILES[SHARD][:5000], b"garbage" * 100, FILES[SHARD], FILES[SHARD] + b"more", b""],
    ids=["beginning", "garbage", "whole", "longer", "empty"],
)
async def test_whatever_an_earlier_run_left(tmp_path: Path, left: bytes) -> None:
    (tmp_path / f"{SHARD}.incomplete").write_bytes(left)
    async with hub_of() as hub:
        await fetch(hub, tmp_path)
        if left == FILES[SHARD]:
            assert SHARD not in hub.served
    assert on_disk(tmp_path) == FILES


async def test_waits_are_those_that_the_hub_asks_for(tmp_path: Path) -> None:
    clock = NotingClock()
    async with hub_of() as hub:
        hub.troubles.append(Trouble(SHARD, 2, 429, {"Retry-After": "40"}))
        hub.troubles.append(Trouble("/api/", 1, 429, {"Retry-After": "9"}))
        await fetch(hub, tmp_path, clock=clock)
    assert [round(wait / 10) for wait in sorted(clock.waits)] == [1, 4, 4]
    assert on_disk(tmp_path) == FILES


@pytest.mark.parametrize(
    ("trouble", "kind", "text"),
    [
        (Trouble(SHARD, 99, 500), SourceUnavailable, "HTTP 500"),
        (Trouble(SHARD, 99, 404), SourceNotFound, "not found"),
        (Trouble(SHARD, 99, 429), RateLimited, "Rate limit exceeded"),
        (Trouble(SHARD, 99, cut_after=0), NetworkError, "ended before the last byte"),
        (Trouble(SHARD, 99, wrong_bytes=True), ChecksumMismatch, f"{SHARD}: sha256 is"),
    ],
    ids=lambda value: value.status if isinstance(value, Trouble) else "",
)
async def test_trouble_that_stays(
    tmp_path: Path, trouble: Trouble, kind: type[Exception], text: str
) -> None:
    async with hub_of() as hub:
        hub.troubles.append(trouble)
        with pytest.raises(kind, match=text):
            await fetch(hub, tmp_path)
        found = on_disk(tmp_path)
        assert SHARD not in found
        assert all(FILES[name] == content for name, content in found.items() if name in FILES)
        if kind is not RateLimited:
            assert found.keys() >= FILES.keys() - {SHARD}
        trouble.times = 0
        await fetch(hub, tmp_path)
    assert on_disk(tmp_path) == FILES


async def test_wrong_bytes_are_fetched_twice_and_not_again_and_again(tmp_path: Path) -> None:
    async with hub_of() as hub:
        hub.troubles.append(Trouble(SHARD, 99, wrong_bytes=True))
        with pytest.raises(ChecksumMismatch):
            await fetch(hub, tmp_path)
        assert hub.served[SHARD] == 2 * len(FILES[SHARD])


async def test_several_failures_are_counted(tmp_path: Path) -> None:
    async with hub_of() as hub:
        hub.troubles.append(Trouble(".safetensors", 99, 404))
        with pytest.raises(SourceNotFound, match="failed to download 5 out of 10 files: HTTP 404"):
            await fetch(hub, tmp_path)


async def test_a_revoked_token_stops_at_once(tmp_path: Path) -> None:
    async with hub_of() as hub:
        hub.troubles.append(
            Trouble("/resolve/", 99, 403, {"X-Error-Message": "no", "X-Error-Code": "x"})
        )
        with pytest.raises(AccessDenied):
            await fetch(hub, tmp_path, concurrency=1)
        assert sum("/resolve/" in request for request in hub.requests) == 1


async def test_patterns(tmp_path: Path) -> None:
    wishes = wishes_of({"allow_patterns": "*.json,original/*", "ignore_patterns": "tokenizer*"})
    async with hub_of() as hub:
        await fetch(hub, tmp_path, wishes=wishes)
        assert on_disk(tmp_path).keys() == {
            "config.json",
            "model.safetensors.index.json",
            "original/notes.txt",
        }
        with pytest.raises(SourceNotFound, match="none of the 10 files is wanted"):
            await fetch(hub, tmp_path, wishes=Wishes(allow=("*.gguf",)))


async def test_cancellation_keeps_what_came_and_the_next_run_goes_on(tmp_path: Path) -> None:
    async with hub_of() as hub:
        hub.troubles.append(Trouble(SHARD, 1, chunk_seconds=0.2))
        async with anyio.create_task_group() as group:
            group.start_soon(fetch, hub, tmp_path)
            with anyio.fail_after(10):
                await hub.until_served(SHARD, 2 * 16_384)
            group.cancel_scope.cancel()
        assert not (tmp_path / SHARD).exists()
        assert (tmp_path / f"{SHARD}.incomplete").stat().st_size >= 16_384
        await fetch(hub, tmp_path)
        assert on_disk(tmp_path) == FILES
        assert hub.served[SHARD] < 2 * len(FILES[SHARD])


@pytest.mark.parametrize("seed", range(6))
async def test_any_mix_of_trouble_ends_well(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    async with hub_of() as hub:
        for _ in range(8):
            path = rng.choice(sorted(FILES))
            hub.troubles.append(
                rng.choice(
                    [
                        Trouble(path, 1, rng.choice([429, 500, 503])),
                        Trouble(path, 1, cut_after=rng.randrange(60_000)),
                        Trouble(path, 1, ignore_range=True),
                    ]
                )
            )
        for _ in range(4):
            try:
                await fetch(hub, tmp_path, clock=NotingClock())
                break
            except (RateLimited, SourceUnavailable, NetworkError):
                continue
        await fetch(hub, tmp_path)
    assert on_disk(tmp_path) == FILES


async def test_links_inside_the_directory_lead_nowhere(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    root = tmp_path / "model"
    root.mkdir()
    (root / "original").symlink_to(outside)
    async with hub_of() as hub:
        with pytest.raises(ForbiddenPath, match="is a symbolic link"):
            await fetch(hub, root)
    assert list(outside.iterdir()) == []


async def test_a_link_at_a_files_own_place_is_replaced(tmp_path: Path) -> None:
    outside = tmp_path / "outside.json"
    outside.write_bytes(FILES["config.json"])
    root = tmp_path / "model"
    root.mkdir()
    (root / "config.json").symlink_to(outside)
    (root / "README.md.incomplete").symlink_to(outside)
    async with hub_of() as hub:
        with pytest.raises(DiskError, match=r"README\.md\.incomplete"):
            await fetch(hub, root)
        (root / "README.md.incomplete").unlink()
        await fetch(hub, root)
    assert not (root / "config.json").is_symlink()
    assert outside.read_bytes() == FILES["config.json"]


async def test_a_file_where_a_directory_belongs(tmp_path: Path) -> None:
    (tmp_path / "original").write_text("in the way")
    async with hub_of() as hub:
        with pytest.raises(DiskError):
            await fetch(hub, tmp_path)
        (tmp_path / "model").write_text("in the way")
        with pytest.raises(DiskError):
            await fetch(hub, tmp_path / "model")


async def test_files_that_cannot_fit_are_not_begun(tmp_path: Path) -> None:
    async with hub_of() as hub, opened("hf://org/tiny", {"endpoint": hub.url}) as source:
        await source.list()
        huge, progress = Listing((RemoteFile("model.bin", 2**60),)), Progress()
        with pytest.raises(DiskFull, match=f"insufficient disk space: need {2**60} bytes, have"):
            await download(source, huge, tmp_path, around(), POLICY, progress=progress)
        # Else the room would seem to be taken, and other models of the node refused for it.
        assert progress.total_bytes == 0
        assert not any("/resolve/" in request for request in hub.requests)


def test_what_is_still_missing(tmp_path: Path) -> None:
    files = Listing((RemoteFile("a", 10), RemoteFile("b", 10), RemoteFile("c/d", 10)))
    (tmp_path / "a").write_bytes(b"x" * 10)
    (tmp_path / "b.incomplete").write_bytes(b"x" * 4)
    assert missing_bytes(files, tmp_path) == 16


def test_hashes(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"hello\n")
    assert hash_file(path, "git-sha1") == "ce013625030ba8dba906f756967f9e9ca394464a"
    assert hash_file(path, "md5") == "b1946ac92492d2347c6235b4d2611184"
    assert hash_file(path, "sha256").startswith("5891b5b522d5df08")
