"""Where genai-bench comes from: named, kept from before, or installed by another program."""

from __future__ import annotations

import sys
from pathlib import Path

import anyio
import pytest

from ome.errors import UserError
from ome.sandbox.realbenchmarks import tool
from ome.sandbox.realbenchmarks.tool import VERSION, find_tool

MAKES = """
echo "$@" >> $0.log
case "$1" in
venv) for last; do :; done; mkdir -p $last/bin; touch $last/bin/genai-bench ;;
esac
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, and a path with nothing but what the test puts there."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:/usr/bin:/bin")
    (tmp_path / "bin").mkdir()
    return tmp_path / "cache" / "ome" / "genai-bench" / VERSION


def program(home: Path, text: str) -> Path:
    path = home.parents[3] / "bin" / "uv"
    path.write_text(f"#!/bin/sh\n{text}")
    path.chmod(0o755)
    return path


def find(named: str = "") -> tuple[Path, list[str]]:
    told: list[str] = []
    return anyio.run(find_tool, named, told.append), told


def test_one_that_is_named_is_taken(home: Path) -> None:
    path = program(home, "")
    assert find(str(path)) == (path, [])
    with pytest.raises(UserError, match=r"--genai-bench=/no/such: no such executable"):
        find("/no/such")


def test_it_is_installed_once(home: Path) -> None:
    uv = program(home, MAKES)
    home.mkdir(parents=True)
    (home / "left").touch()  # of an installation that was cut off
    path, told = find()
    assert path == home / "bin" / "genai-bench"
    assert [f"installing genai-bench {VERSION} into {home}" in line for line in told] == [True]
    assert not (home / "left").exists()
    first, second = Path(f"{uv}.log").read_text().splitlines()
    assert first == f"venv --quiet --python={sys.executable} {home}"
    assert second.endswith(f"--python={home} genai-bench=={VERSION}")
    assert find() == (path, [])


def test_why_it_cannot_be_installed_is_said(home: Path) -> None:
    program(home, "echo 'no such index' >&2; exit 2")
    text = f"genai-bench {VERSION} could not be installed: no such index; install it yourself"
    with pytest.raises(UserError, match=text):
        find()
    assert not (home / "complete").exists()


def test_a_python_that_is_too_new_looks_for_another(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tool, "_TOO_NEW", (3, 0))
    monkeypatch.setattr(tool, "_PYTHONS", ("python0.1",))
    program(home, MAKES)
    with pytest.raises(UserError, match=r"needs a Python below 3.13, and none of python0.1"):
        find()
