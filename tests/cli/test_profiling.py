from __future__ import annotations

import json
import sys
import time
from typing import TYPE_CHECKING

import anyio
import anyio.lowlevel
import pytest

from ome.cli.profiling import profiling
from ome.errors import UserError

if TYPE_CHECKING:
    from pathlib import Path


def _busy(seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass


async def _main() -> None:
    async with anyio.create_task_group() as group:
        group.start_soon(_task)
        group.start_soon(_task)


async def _task() -> None:
    await anyio.lowlevel.checkpoint()
    _busy(0.05)


def test_it_shows_what_tasks_did(tmp_path: Path) -> None:
    for name in ("p.html", "p.json"):
        with profiling(str(tmp_path / name)):
            anyio.run(_main)
    frames = json.loads((tmp_path / "p.json").read_text())["shared"]["frames"]
    assert {"_task", "_busy"} <= {frame["name"] for frame in frames}
    assert "_busy" in (tmp_path / "p.html").read_text()


def test_without_the_flag_nothing_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyinstrument", None)
    with profiling(""):
        pass


def test_mistakes_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for file, why in (
        (str(tmp_path / "p.txt"), "ends in .html or .json"),
        (str(tmp_path / "no" / "p.html"), "there is no folder"),
    ):
        with pytest.raises(UserError, match=why), profiling(file):
            pass
    monkeypatch.setitem(sys.modules, "pyinstrument", None)
    with pytest.raises(UserError, match="ome\\[profile\\]"), profiling(str(tmp_path / "p.html")):
        pass
