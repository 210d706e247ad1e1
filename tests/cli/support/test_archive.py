"""The archive: readable by tar, bounded, gone when it could not be finished."""

from __future__ import annotations

import json
import tarfile
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from ome.cli.support.archive import Archive

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 11, 29, tzinfo=UTC)


def contents(path: Path) -> dict[str, str]:
    with tarfile.open(path) as tar:
        return {
            entry.name.removeprefix("ome-support/"): held.read().decode()
            for entry in tar
            if (held := tar.extractfile(entry)) is not None
        }


def test_objects_and_texts(tmp_path: Path) -> None:
    path = tmp_path / "a.tar.gz"
    with Archive(path, NOW) as archive:
        archive.objects("objects/x.json", [{"a": 1}, {"password": "p"}])
        archive.objects("none.json", [])
        archive.text("summary.txt", "well\n")
    held = contents(path)
    assert json.loads(held["objects/x.json"]) == [{"a": 1}, {"password": "(removed)"}]
    assert json.loads(held["none.json"]) == []
    assert (held["summary.txt"], archive.files, archive.notes) == ("well\n", 3, [])
    assert path.stat().st_mode & 0o777 == 0o600


def test_what_is_too_large_is_cut_and_noted(tmp_path: Path) -> None:
    path = tmp_path / "a.tar.gz"
    with Archive(path, NOW, file_bytes=40, all_bytes=100) as archive:
        archive.objects("many.json", [{"number": number} for number in range(9)])
        archive.text("long.log", "".join(f"line {number}\n" for number in range(9)))
        archive.text("last.log", "x" * 60)
        archive.text("none.log", "y" * 60)
    held = contents(path)
    assert json.loads(held["many.json"]) == [{"number": 0}, {"number": 1}]
    assert held["long.log"].endswith("line 8\n")
    assert len(held["long.log"]) == 40
    assert sum(map(len, held.values())) <= 104
    assert archive.notes[:2] == [
        "many.json: the first 2 of 9 objects, by size",
        "long.log: the last 40 of 63 bytes",
    ]


def test_an_archive_that_cannot_be_finished_is_none(tmp_path: Path) -> None:
    path = tmp_path / "a.tar.gz"

    def fail() -> None:
        with Archive(path, NOW) as archive:
            archive.text("a", "b")
            raise LookupError

    with pytest.raises(LookupError):
        fail()
    assert not path.exists()
