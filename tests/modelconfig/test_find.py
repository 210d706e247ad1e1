"""Which file is read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ome.modelconfig.directory import LocalDirectory
from ome.modelconfig.find import find_config, folder_of
from ome.modelconfig.values import ConfigError
from tests.modelconfig.support import directory

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["config.json"], "config.json"),
        (["config.json", "model_index.json"], "model_index.json"),
        (["config.json", "a/model_index.json"], "config.json"),
        (["x/config.json", "a/b/model_index.json"], "a/b/model_index.json"),
        (["x/config.json", "a/b/c/model_index.json"], "x/config.json"),
        (["b/model_index.json", "a/x/model_index.json"], "b/model_index.json"),
        (["safetensors/config.json", "a/config.json"], "safetensors/config.json"),
        (["model/config.json", "pytorch_model/config.json"], "pytorch_model/config.json"),
        (["model/config.json", "a/config.json"], "model/config.json"),
        (["z/config.json", "a/b/config.json"], "z/config.json"),
        (["b/config.json", "a/config.json"], "a/config.json"),
        (["model_config.json"], "model_config.json"),
        (["configuration.json", "model_config.json"], "model_config.json"),
        (["configuration.json", "a/config.json"], "a/config.json"),
    ],
)
def test_the_file_that_wins(names: list[str], expected: str) -> None:
    assert find_config(directory(dict.fromkeys(names, b"{}"))) == expected


def test_nothing_to_read() -> None:
    with pytest.raises(ConfigError) as raised:
        find_config(directory({"a/xconfig.json": b"{}"}))
    assert str(raised.value).startswith("no model_index.json or config.json found in /model")


def test_folders() -> None:
    assert folder_of("config.json") == ""
    assert folder_of("a/b/config.json") == "a/b/"


def test_a_local_directory_lists_files_but_follows_no_directory_links(tmp_path: Path) -> None:
    real = tmp_path / "real"
    (real / "sub").mkdir(parents=True)
    (real / "sub" / "a.txt").write_text("abcdef")
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "config.json").write_text("{}")
    (real / "loop").symlink_to(outside)
    (real / "dangling").symlink_to(tmp_path / "nothing")
    (tmp_path / "link").symlink_to(real)
    seen = LocalDirectory(tmp_path / "link")
    assert seen.files() == {"sub/a.txt": 6}
    assert seen.read("sub/a.txt", 2, 3) == b"cde"
    assert seen.read("sub/a.txt", 4) == b"ef"
    assert LocalDirectory(tmp_path / "missing").files() == {}


def test_reading_leaves_the_directory_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    before = tmp_path.stat().st_mtime_ns
    tmp_path.chmod(0o555)
    try:
        assert find_config(LocalDirectory(tmp_path)) == "config.json"
    finally:
        tmp_path.chmod(0o755)
    assert tmp_path.stat().st_mtime_ns == before
