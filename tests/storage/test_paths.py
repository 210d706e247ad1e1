"""Where bytes go, and which files are wanted."""

from __future__ import annotations

import posixpath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ome.storage.errors import ForbiddenPath
from ome.storage.paths import (
    excluded,
    is_marker,
    local_path,
    normalise,
    split_bucket,
    wanted,
)


@pytest.mark.parametrize(
    ("key", "target", "options", "expected"),
    [
        ("llama/a.bin", "/m", {}, "/m/llama/a.bin"),
        ("llama/a.bin", "/m", {"strip": "llama/"}, "/m/a.bin"),
        ("llama/a.bin", "/m", {"strip": "llama"}, "/m/a.bin"),
        ("a/b/f", "/m", {"strip": "b/"}, "/m/a/b/f"),
        ("bf", "/m", {"strip": "b"}, "/m/f"),
        ("a/b/f", "/m", {"base_name": True}, "/m/f"),
        ("a/b/f", "/m", {"base_name": True, "strip": "a/"}, "/m/f"),
        ("llama/a.bin", "/models/llama", {"overlap": True}, "/models/llama/a.bin"),
        ("a/b/f", "/x/a/b", {"overlap": True}, "/x/a/b/f"),
        ("c/f", "/x/a", {"overlap": True}, "/x/a/c/f"),
        ("sp ace/+%/\u00fc.bin", "/m", {}, "/m/sp ace/+%/\u00fc.bin"),
    ],
)
def test_local_paths(key: str, target: str, options: dict[str, str | bool], expected: str) -> None:
    assert local_path(key, target, **options) == expected  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "key", ["../x", "a/../../x", "/etc/passwd", "a/..", "", "a/", "a\0b", "..", "."]
)
def test_keys_that_would_leave_the_directory(key: str) -> None:
    with pytest.raises(ForbiddenPath, match="rename it at the source"):
        local_path(key, "/m")


@given(st.lists(st.sampled_from(["a", "..", ".", "", "b"]), max_size=6))
def test_a_path_is_below_its_target_or_refused(parts: list[str]) -> None:
    try:
        path = local_path("/".join(parts), "/m/x")
    except ForbiddenPath:
        return
    assert posixpath.normpath(path).startswith("/m/x/")


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("", "."),
        ("/", "."),
        ("/a//b/./c/", "a/b/c"),
        ("../p", "../p"),
        ("a/../b", "b"),
        ("a/../../b", "../b"),
    ],
)
def test_normal_forms(path: str, expected: str) -> None:
    assert normalise(path) == expected


def test_buckets_and_markers() -> None:
    assert split_bucket("b/k/l") == ("b", "k/l")
    assert split_bucket("b") == ("b", "")
    assert is_marker("a/", 0)
    assert not is_marker("a/", 1)
    assert not is_marker("a", 0)


@pytest.mark.parametrize(
    ("name", "allow", "ignore", "expected"),
    [
        ("a.bin", [], [], True),
        ("a.bin", ["*.safetensors"], [], False),
        ("a.bin", ["*.bin"], [], True),
        ("a.bin", ["*.bin"], ["a*"], False),
        ("original/x/y.pth", [], ["original/*"], False),
        ("onnx/x/y", [], ["onnx/"], False),
        ("A.bin", ["a.bin"], [], False),
    ],
)
def test_wanted(name: str, allow: list[str], ignore: list[str], expected: bool) -> None:
    assert wanted(name, allow, ignore) is expected


@pytest.mark.parametrize(
    ("key", "pattern", "expected"),
    [
        ("a/b.bin", "*.bin", True),
        ("a/b/c", "a/*", False),
        ("a/b", "a/*", True),
        ("a/b", "a/?", True),
        ("a/b1", "b[0-9]", True),
        ("a/b1", "b[!0-9]", False),
        ("a/b*", "b\\*", True),
        ("a/bx", "b\\*", False),
        ("x", "[", False),
        ("x[", "x[", True),
        ("x", "", False),
    ],
)
def test_excluded(key: str, pattern: str, expected: bool) -> None:
    assert excluded(key, [pattern]) is expected
