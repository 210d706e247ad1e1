"""Failures of commands are told, not thrown."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hack.control_plane.errors import ControlPlaneError
from hack.control_plane.terminal import TAIL, run, tail, tail_of

if TYPE_CHECKING:
    from pathlib import Path


def test_what_a_command_printed_is_returned() -> None:
    assert run(["cat"], stdin="hello", next_step="none") == "hello"


def test_a_failed_command_shows_its_last_lines_and_the_next_step() -> None:
    script = "for i in $(seq 99); do echo line $i; done; exit 7"
    with pytest.raises(ControlPlaneError) as caught:
        run(["sh", "-c", script], next_step="do this")
    told = str(caught.value).splitlines()
    assert "exit code 7" in told[0]
    assert told[-2:] == ["    line 99", "do this"]
    assert "    line 1" not in told


def test_a_command_that_is_not_there() -> None:
    with pytest.raises(ControlPlaneError, match="no-such-command cannot be run"):
        run(["no-such-command"], next_step="install it")


def test_the_tail_of_a_log(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("\n".join(f"{number}\n" for number in range(100)))
    assert tail_of(log).splitlines()[-1].strip() == "99"
    assert len(tail_of(log).splitlines()) == TAIL
    assert "no log" in tail_of(tmp_path / "none")
    assert "nothing" in tail("\n\n")
