"""Only what was started is ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from hack.control_plane import processes
from hack.control_plane.errors import ControlPlaneError
from hack.control_plane.layout import Start

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

STAT = "4242 (a name) with) {state} 1 4242 4242 0 -1 4194560 1 0 0 0 3 1 0 0 20 0 9 0 778899 1 2"


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Start:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "cache/ome/control-plane/starts").mkdir(parents=True)
    for part in ("bin", "logs"):
        (tmp_path / part).mkdir()
    return Start(tmp_path, {}, None)


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as process:
        yield process
        process.kill()


def install(start: Start, name: str, script: str) -> None:
    start.program(name).write_text(f"#!/bin/sh\n{script}\n")
    start.program(name).chmod(0o755)


def test_a_process_is_marked_by_its_boot_and_its_start() -> None:
    assert processes.mark_from_stat(STAT.format(state="S"), "boot") == "boot/778899"


@pytest.mark.parametrize("state", ["Z", "X"])
def test_one_that_ended_has_no_mark(state: str) -> None:
    assert processes.mark_from_stat(STAT.format(state=state), "boot") is None


def test_marks_of_real_processes(sleeper: subprocess.Popen[bytes]) -> None:
    own = processes.mark_of(os.getpid())
    assert own is not None
    assert processes.mark_of(sleeper.pid) not in (None, own)
    sleeper.kill()
    until_ended(sleeper.pid)


def until_ended(pid: int) -> None:
    end = time.monotonic() + 5
    while processes.mark_of(pid) is not None:
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_process_that_got_the_id_of_ours_is_left_alone(
    start: Start, sleeper: subprocess.Popen[bytes]
) -> None:
    start.pids["etcd"] = (sleeper.pid, "another boot/1")
    assert not processes.alive(start, "etcd")
    processes.stop(start)
    assert sleeper.poll() is None


def test_what_was_started_is_ended(start: Start) -> None:
    install(start, "etcd", "exec sleep 60")
    processes.spawn(start, "etcd", [])
    assert processes.alive(start, "etcd")
    pid = start.pids["etcd"][0]
    processes.stop(start)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_what_does_not_end_is_killed(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "PATIENCE", 0.5)
    install(start, "kwok", "trap '' TERM; echo up; while :; do sleep 1; done")
    processes.spawn(start, "kwok", [])
    processes.wait_ready(start, "kwok", lambda: start.log("kwok").read_text() == "up\n", 5)
    processes.stop(start)
    assert not processes.alive(start, "kwok")


def test_clients_are_ended_before_what_they_talk_to(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    running = set(processes.STOP_ORDER)

    def send(_: Start, component: str, number: signal.Signals) -> None:
        assert number == signal.SIGTERM
        asked.append(component)
        running.discard(component)

    monkeypatch.setattr(processes, "alive", lambda _, component: component in running)
    monkeypatch.setattr(processes, "_send", send)
    start.pids.update(dict.fromkeys(running, (2**22 + 1, "")))
    processes.stop(start)
    assert asked[-2:] == ["kube-apiserver", "etcd"]


def test_one_that_ends_while_starting_is_told_with_its_last_lines(start: Start) -> None:
    install(start, "etcd", "echo no such flag >&2; exit 3")
    processes.spawn(start, "etcd", [])
    with pytest.raises(ControlPlaneError, match=r"(?s)etcd ended while .*no such flag"):
        processes.wait_ready(start, "etcd", lambda: False, 5)
    processes.stop(start)


def test_one_that_is_late_is_told(start: Start) -> None:
    install(start, "etcd", "exec sleep 60")
    processes.spawn(start, "etcd", [])
    with pytest.raises(ControlPlaneError, match="etcd is not ready after 0 s"):
        processes.wait_ready(start, "etcd", lambda: False, 0.2)
    processes.stop(start)
