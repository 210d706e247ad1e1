"""Where models may be on a node."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ome.agent.fetch.place import default_path, place_for
from ome.storage.errors import ForbiddenPath

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("uri", "root", "expected"),
    [
        ("hf://org/model", "/mnt/models", "/mnt/models/hf:/org/model"),
        ("hf://org/model", "/mnt/models/", "/mnt/models/hf:/org/model"),
        ("oci://n/a/b/c/o/d", "/m", "/m/oci:/n/a/b/c/o/d"),
    ],
)
def test_default_paths(uri: str, root: str, expected: str) -> None:
    assert default_path(uri, root) == expected


def test_places_below_a_root(tmp_path: Path) -> None:
    roots = [str(tmp_path / "a"), str(tmp_path / "b")]
    for path in ("a/x", "a/x/y/z", "b/x//y/", "a/./x"):
        place = place_for(f"{tmp_path}/{path}", roots)
        assert place.path.parent.is_dir()
        assert place.path.is_relative_to(tmp_path)
        assert place.staging.parent == place.path.parent


@pytest.mark.parametrize(
    "path",
    [
        "relative",
        "",
        "{root}/a/../../etc",
        "{root}/a/..",
        "{root}",
        "{root}/",
        "{root}x/y",
        "/etc/passwd",
        "/",
        "{root}/.ome",
        "{root}/.ome/x",
        "{root}/out/x",
        "{root}/out/deep/x",
        "{root}/dangling/x",
    ],
)
def test_places_outside(tmp_path: Path, path: str) -> None:
    root = tmp_path / "root"
    root.mkdir()
    outside = tmp_path / "outside"
    outside.mkdir()
    (root / "out").symlink_to(outside)
    (root / "dangling").symlink_to(tmp_path / "nowhere")
    with pytest.raises(ForbiddenPath, match=r"spec\.storage\.path"):
        place_for(path.format(root=root), [str(root)])
    assert list(outside.iterdir()) == []
    assert not (tmp_path / "nowhere").exists()


def test_a_root_may_be_a_link_and_links_may_stay_inside(tmp_path: Path) -> None:
    real = tmp_path / "real"
    (real / "models").mkdir(parents=True)
    (tmp_path / "root").symlink_to(real)
    (real / "same").symlink_to(real / "models")
    place = place_for(f"{tmp_path}/root/same/x", [f"{tmp_path}/root"])
    assert place.path == real / "models" / "x"


def test_what_was_gathered_becomes_the_directory(tmp_path: Path) -> None:
    place = place_for(f"{tmp_path}/m", [str(tmp_path)])
    assert place.workplace() == place.staging
    place.staging.mkdir()
    (place.staging / "a").write_text("a")
    place.path.mkdir()  # an empty one, as a pod's host path makes it
    assert place.workplace() == place.staging
    place.publish(place.staging)
    assert (place.path / "a").read_text() == "a"
    assert not place.staging.exists()
    assert place.workplace() == place.path
    place.staging.mkdir()
    place.publish(place.path)
    assert not place.staging.exists()
    assert (place.path / "a").read_text() == "a"


def test_a_link_to_another_model_is_replaced_and_not_followed(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "a").write_text("theirs")
    place = place_for(f"{tmp_path}/m", [str(tmp_path)])
    place.path.symlink_to(other)
    assert place.workplace() == place.staging
    place.staging.mkdir()
    (place.staging / "a").write_text("ours")
    place.publish(place.staging)
    assert (place.path / "a").read_text() == "ours"
    assert (other / "a").read_text() == "theirs"


def test_removing(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    place = place_for(f"{tmp_path}/m", [str(tmp_path)])
    place.remove()
    place.path.symlink_to(other)
    place.staging.mkdir()
    place.remove()
    assert not place.path.is_symlink()
    assert not place.staging.exists()
    assert other.exists()
    (place.path / "sub").mkdir(parents=True)
    (place.path / "link").symlink_to(other)
    place.remove()
    assert not place.path.exists()
    assert other.exists()
