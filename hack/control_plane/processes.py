"""Starts components, and ends exactly those that were started.

A process id may belong to another program by the time it is used: after a crash, a restart of the
machine, or just later. So each is kept with a mark that no later process of that id has, the time
at which it was started, and nothing is sent to an id whose mark is another.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

from .errors import ControlPlaneError
from .terminal import tail_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from .layout import Start

STOP_ORDER = ("lws", "kwok", "kube-scheduler", "kube-controller-manager", "kube-apiserver", "etcd")
"""Clients before what they talk to, else they log errors and wait for it."""
PATIENCE = 5.0
"""Seconds that a component has to end by itself."""

_children: dict[int, subprocess.Popen[bytes]] = {}
"""What this process started. Only `up` has any: it takes their exit codes when it ends them."""


def mark_of(pid: int, proc: Path = Path("/proc")) -> str | None:
    """What tells this process from any other that had or will have its id; None when it ended."""
    if not (proc / "self").exists():
        return _mark_from_ps(pid)
    try:
        stat = (proc / str(pid) / "stat").read_text()
        boot = (proc / "sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return None
    return mark_from_stat(stat, boot)


def mark_from_stat(stat: str, boot: str) -> str | None:
    """The mark out of the text of `/proc/PID/stat`. The name in it may hold spaces and brackets."""
    fields = stat.rpartition(")")[2].split()
    state, started = fields[0], fields[19]
    return None if state in "ZX" else f"{boot}/{started}"


def _mark_from_ps(pid: int) -> str | None:
    """For systems without /proc."""
    done = subprocess.run(
        ["ps", "-o", "state=,lstart=", "-p", str(pid)], capture_output=True, text=True
    )
    state, _, started = done.stdout.strip().partition(" ")
    return started.strip() if started and not state.startswith("Z") else None


def alive(start: Start, component: str) -> bool:
    """Whether the process that was started for it still runs."""
    pid, mark = start.pids.get(component, (0, ""))
    return pid > 0 and mark_of(pid) == mark


def spawn(
    start: Start, component: str, flags: Sequence[str], env: Mapping[str, str] | None = None
) -> None:
    """Start a component apart from this terminal, and note it in the state of the start."""
    with start.log(component).open("ab") as log:
        process = subprocess.Popen(
            [start.program(component), *flags],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=start.dir,
            env=os.environ | (env or {}), start_new_session=True,
        )  # fmt: skip
    _children[process.pid] = process
    # One that ended at once has no mark any more: none is equal to it, so it counts as ended.
    start.pids[component] = (process.pid, mark_of(process.pid) or "ended")
    start.save()


def wait_ready(start: Start, component: str, ready: Callable[[], bool], deadline: float) -> None:
    """Return when `ready` is true; raise `ControlPlaneError` when it ends or is late.

    `ready` is asked ten times a second and must itself return within seconds.
    """
    end = time.monotonic() + deadline
    while not ready():
        if not alive(start, component):
            raise ControlPlaneError(_failed(start, component, "ended while it was starting"))
        if time.monotonic() > end:
            late = f"is not ready after {deadline:.0f} s"
            raise ControlPlaneError(_failed(start, component, late))
        time.sleep(0.1)


def _failed(start: Start, component: str, what: str) -> str:
    log = start.log(component)
    return f"{component} {what}; the end of {log}:\n{tail_of(log)}"


def stop(start: Start) -> None:
    """End all that runs of a start."""
    for component in STOP_ORDER:
        end(start, component)
    for pid, _ in start.pids.values():
        if child := _children.pop(pid, None):
            child.wait()  # it has ended: this only keeps it from staying as a zombie


def end(start: Start, component: str) -> None:
    """End one component, if it runs: asked first, and killed where that takes too long."""
    if not alive(start, component):
        return
    for number in (signal.SIGTERM, signal.SIGKILL):
        _send(start, component, number)
        if _gone(start, component, PATIENCE):
            return
    pid = start.pids[component][0]
    raise ControlPlaneError(
        f"{component} (process {pid}) does not end, even when killed; "
        "see what it waits for, then run 'hack/control-plane down' again"
    )


def _send(start: Start, component: str, number: signal.Signals) -> None:
    # One thing is left: that it ends, and its id is given anew, between the check and this line.
    # Ids are given in turn, so that takes a full round of them within microseconds.
    with contextlib.suppress(ProcessLookupError):
        os.kill(start.pids[component][0], number)


def _gone(start: Start, component: str, patience: float) -> bool:
    end = time.monotonic() + patience
    while alive(start, component):
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True
