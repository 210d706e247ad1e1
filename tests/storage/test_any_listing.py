"""What a source lists is trusted in nothing: it can be on a disk as listed, or it is refused."""

from __future__ import annotations

import hashlib
import tempfile
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ome.errors import StorageError
from ome.storage.download import download, list_files
from ome.storage.errors import DiskError, ForbiddenPath, SourceUnavailable
from ome.storage.settings import Wishes
from ome.storage.sources import Checksum, Listing, RemoteFile, check_places, listing
from tests.storage.support import POLICY, around, on_disk
from tests.support.tiers import examples

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from ome.storage.sources import Stream

CONTENT = b"content"
SHA = hashlib.sha256(CONTENT).hexdigest()


class _Bytes:
    start = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield CONTENT


class _Odd:
    """A source whose files are whatever somebody says they are."""

    def __init__(self, files: list[RemoteFile]) -> None:
        self._files = files

    async def list(self) -> Listing:
        return listing(self._files)

    async def checksum(self, file: RemoteFile) -> Checksum | None:
        return file.checksum

    @asynccontextmanager
    async def open(
        self, file: RemoteFile, start: int = 0, end: int | None = None
    ) -> AsyncIterator[Stream]:
        yield _Bytes()


async def fetched(files: list[RemoteFile], root: Path) -> dict[str, bytes]:
    source, surroundings = _Odd(files), around()
    found = await list_files(source, Wishes(), surroundings, POLICY)
    await download(source, found, root, surroundings, POLICY)
    return on_disk(root)


parts = st.sampled_from(
    [
        "a",
        "A",
        "b",
        "..",
        ".",
        "",
        "é",
        "e\u0301",
        "a\nb",
        "\0",
        "\ud800",
        "x" * 256,
        "b.incomplete",
    ]
)
names = st.one_of(
    st.lists(parts, min_size=1, max_size=4).map("/".join), st.sampled_from([None, 7, "a" * 5000])
)
sizes = st.sampled_from([None, 7, 6, 8, 0, -1, 2**70, "7", True, 7.0])
checksums = st.one_of(
    st.none(),
    st.builds(
        Checksum,
        st.sampled_from(["sha256", "md5", "git-sha1"]),
        st.sampled_from([SHA, SHA[:32], SHA[:40], "", "../../x", "z" * 64]),
    ),
)
files = st.lists(st.builds(RemoteFile, names, sizes, checksums), max_size=4)


@settings(max_examples=examples(300), deadline=None)
@given(files)
def test_any_listing_is_fetched_or_refused(listed: list[Any]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder, "models", "m")
        root.mkdir(parents=True)
        try:
            found = anyio.run(fetched, listed, root)
        except StorageError:
            found = {}
        else:
            # One that is listed as empty is not asked for.
            wanted = [CONTENT if file.size != 0 else b"" for file in listed]
            assert sorted(found.values()) == sorted(wanted)
        assert [path.name for path in Path(folder).iterdir()] == ["models"]
        assert [path.name for path in (Path(folder) / "models").iterdir()] == ["m"]


@pytest.mark.parametrize(
    ("file", "kind", "text"),
    [
        (RemoteFile(None, 1), SourceUnavailable, "whose name is NoneType"),  # type: ignore[arg-type]
        (RemoteFile("a", "1"), SourceUnavailable, "size of str"),  # type: ignore[arg-type]
        (RemoteFile("a", -1), SourceUnavailable, "size of -1"),
        (RemoteFile("a", 10**400), SourceUnavailable, "size of 1000000000"),
        (RemoteFile("a", 10**300), SourceUnavailable, "no count of bytes"),
        (RemoteFile("a", 1, Checksum("sha256", "x/../y")), SourceUnavailable, "which is none"),
        (RemoteFile("a", 1, Checksum("md5", SHA)), SourceUnavailable, "md5"),
        (RemoteFile("\ud800", 1), ForbiddenPath, "no name at all"),
        (RemoteFile("a/" * 3000 + "b", 1), ForbiddenPath, "no name at all"),
    ],
)
def test_members_that_are_none(file: RemoteFile, kind: type[StorageError], text: str) -> None:
    with pytest.raises(kind) as raised:
        listing([file])
    said = str(raised.value)
    assert text in said
    assert len(said) < 400
    said.encode()


@pytest.mark.parametrize(
    "names",
    [
        ("a", "a"),
        ("a//b", "a/b"),
        ("./a", "a"),
        ("a", "a/b"),
        ("a/b", "a/b/c/d"),
        ("w", "w.incomplete"),
    ],
)
def test_two_names_that_would_have_one_place(names: tuple[str, str]) -> None:
    with pytest.raises(ForbiddenPath, match="cannot both be on a disk"):
        check_places(names)
    check_places(["a", "A", "é", "e\u0301", "a.b", "b/a", "lone.incomplete"])


async def test_what_the_model_does_not_want_is_in_nobodys_way(tmp_path: Path) -> None:
    source = _Odd([RemoteFile("a", 7), RemoteFile("a/b", 7)])
    kept = await list_files(source, Wishes(ignore=("a/*",)), around(), POLICY)
    assert [file.path for file in kept.files] == ["a"]


@pytest.mark.parametrize("method", ["is_symlink", "is_file", "stat"])
async def test_a_disk_that_goes_away_is_an_error_of_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    listed = [RemoteFile("d/f", 7, Checksum("sha256", SHA))]
    await fetched(listed, tmp_path)
    real = getattr(Path, method)

    def gone(self: Path, **more: Any) -> Any:
        if self.is_relative_to(tmp_path / "d"):
            raise OSError(116, "Stale file handle")
        return real(self, **more)

    monkeypatch.setattr(Path, method, gone)
    with pytest.raises(DiskError, match="stale file handle"):
        await fetched(listed, tmp_path)
