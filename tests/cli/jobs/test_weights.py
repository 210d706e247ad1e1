"""Fine-tuned weights in a pod: one that an init container brings, many that a sidecar keeps."""

from __future__ import annotations

import io
import json
import zipfile
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from ome.cli.jobs.adapter import bring
from ome.cli.jobs.configuration import Configuration, JobFailed
from ome.cli.jobs.sidecar import Sidecar
from ome.cli.jobs.weights import Store, store_of, unzip
from ome.errors import StorageError
from ome.storage.errors import ForbiddenPath, SourceNotFound
from ome.storage.providers.disk import LocalFiles
from ome.storage.sources import Listing
from ome.storage.uris import OciUri
from tests.storage.support import around, on_disk

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

    from ome.storage.sources import Source


def packed(files: Mapping[str, str], mode: int = 0o640) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        for name, text in files.items():
            info = zipfile.ZipInfo(name)
            info.external_attr = mode << 16
            archive.writestr(info, text)
    return held.getvalue()


class OneObject(LocalFiles):
    """An object of a bucket, which is a file."""

    def __init__(self, bucket: Path, name: str) -> None:
        surroundings = around()
        super().__init__((bucket / name).parent, surroundings.threads)
        self._name = name.rpartition("/")[2]

    async def list(self) -> Listing:
        found = await super().list()
        files = tuple(file for file in found.files if file.path == self._name)
        if not files:
            raise SourceNotFound(f"no object {self._name}")
        return Listing(files)


def store(bucket: Path) -> Store:
    @asynccontextmanager
    async def opened(uri: OciUri) -> AsyncIterator[Source]:
        yield OneObject(bucket, uri.prefix)

    return Store(opened, around())


@pytest.fixture
def bucket(tmp_path: Path) -> Path:
    place = tmp_path / "bucket"
    (place / "team").mkdir(parents=True)
    (place / "team" / "ft1").write_bytes(packed({"ft1/a": "one", "shared": "s1"}))
    (place / "team" / "ft10").write_bytes(packed({"ft10/a": "ten", "shared": "s10"}))
    (place / "bad").write_bytes(b"no zip")
    (place / "evil").write_bytes(packed({"fine": "x", "../out": "x"}))
    return place


async def test_one_weight_is_brought_and_its_zip_goes(bucket: Path, tmp_path: Path) -> None:
    target = tmp_path / "target"
    (target / "ft1").mkdir(parents=True)
    (target / "ft1" / "a").write_text("old")
    await bring(store(bucket), OciUri("n", "b", "team/ft1"), tmp_path / "zips", target)
    assert on_disk(target) == {"ft1/a": b"one", "shared": b"s1"}
    assert (target / "ft1" / "a").stat().st_mode & 0o777 == 0o640
    assert on_disk(tmp_path / "zips") == {}


async def test_what_is_no_zip_or_leads_out_is_refused_before_anything_is_written(
    bucket: Path, tmp_path: Path
) -> None:
    with pytest.raises(JobFailed, match="not a zip"):
        await unzip(bucket / "bad", tmp_path / "target")
    with pytest.raises(ForbiddenPath, match=r"\.\./out"):
        await unzip(bucket / "evil", tmp_path / "target")
    (bucket / "link").write_bytes(packed({"door": "/etc"}, mode=0o120777))
    with pytest.raises(JobFailed, match="door is a link"):
        await unzip(bucket / "link", tmp_path / "target")
    assert not (tmp_path / "target").exists()
    (tmp_path / "target").mkdir()
    (tmp_path / "target" / "door").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere").mkdir()
    (bucket / "through").write_bytes(packed({"door/a": "x"}))
    with pytest.raises(JobFailed, match="through a link"):
        await unzip(bucket / "through", tmp_path / "target")
    assert on_disk(tmp_path / "elsewhere") == {}


def spoilt(how: str) -> bytes:
    """A zip that looks fine until a file of it is read."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a", "text " * 100)
    raw, entry = bytearray(held.getvalue()), held.getvalue().index(b"PK\x01\x02")
    for header, flags, method in ((0, 6, 8), (entry, 8, 10)):
        if how == "encrypted":
            raw[header + flags] |= 1
        elif how == "a method that is not known":
            raw[header + method] = 99
    if how == "damaged":
        raw[31:36] = b"\xff" * 5
    return bytes(raw)


@pytest.mark.parametrize("how", ["encrypted", "a method that is not known", "damaged"])
async def test_a_zip_that_cannot_be_read_ends_no_sidecar(
    how: str, bucket: Path, tmp_path: Path
) -> None:
    (bucket / "spoilt").write_bytes(spoilt(how))
    with pytest.raises(JobFailed, match=r"^spoilt: "):
        await unzip(bucket / "spoilt", tmp_path / "target")
    sidecar = Sidecar(store(bucket), tmp_path / "list", tmp_path / "zips", tmp_path / "target")
    assert not await sidecar.reconcile(listed("spoilt", "team/ft1"))
    assert set(on_disk(tmp_path / "target")) == {"ft1/a", "shared"}


def listed(*names: str) -> bytes:
    return json.dumps(
        [{"namespace": "n", "bucket_name": "b", "object_name": name, "x": 1} for name in names]
    ).encode()


async def test_a_sidecar_keeps_what_is_listed(bucket: Path, tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.mkdir()
    (target / "not-ours-ft1").write_text("stays")
    sidecar = Sidecar(store(bucket), tmp_path / "list", tmp_path / "zips", target)
    assert await sidecar.reconcile(listed("team/ft1", "team/ft10"))
    assert set(on_disk(target)) == {"ft1/a", "ft10/a", "shared", "not-ours-ft1"}
    assert set(on_disk(tmp_path / "zips")) == {"ft1", "ft10"}
    # One bad weight harms no other; the list as a whole is not done.
    assert not await sidecar.reconcile(listed("bad", "gone", "evil", "team/ft10"))
    assert set(on_disk(target)) == {"ft10/a", "shared", "not-ours-ft1"}
    assert not await sidecar.reconcile(b"[{]")
    assert await sidecar.reconcile(listed())
    assert set(on_disk(target)) == {"not-ours-ft1"}


def test_settings_that_cannot_work() -> None:
    with pytest.raises(JobFailed, match="auth_type is required"):
        store_of(Configuration({}, {}, {}))
    with pytest.raises(StorageError, match="unknown auth_type: x"):
        store_of(Configuration({}, {}, {"auth_type": "x"}))
    with pytest.raises(JobFailed, match="enable_obo_token is not supported"):
        store_of(Configuration({}, {}, {"auth_type": "x", "enable_obo_token": True}))
