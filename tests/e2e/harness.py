"""A user's view of a cluster: kubectl, a manager process and simulated agents."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).resolve().parent.parent.parent
HERE = Path(__file__).resolve().parent
USER = "ome-manager"


def kubectl(*words: str, stdin: str | None = None, check: bool = True) -> str:
    """Run kubectl as an administrator and give what it printed."""
    done = subprocess.run(
        ["kubectl", *words], input=stdin, capture_output=True, text=True, timeout=120, check=False
    )
    if check and done.returncode:
        raise AssertionError(f"kubectl {' '.join(words)}: {done.stderr}")
    return done.stdout if done.returncode == 0 else done.stderr


def get(kind: str, name: str, namespace: str = "") -> dict[str, Any] | None:
    """One object, or None."""
    where = ["-n", namespace] if namespace else []
    text = kubectl("get", kind, name, *where, "-o", "json", "--ignore-not-found")
    found: dict[str, Any] | None = json.loads(text) if text.strip() else None
    return found


def items(kind: str, namespace: str = "") -> list[dict[str, Any]]:
    """All objects of a kind."""
    where = ["-n", namespace] if namespace else ["-A"]
    found: list[dict[str, Any]] = json.loads(kubectl("get", kind, *where, "-o", "json"))["items"]
    return found


def eventually(holds: Callable[[], Any], seconds: float = 30, every: float = 0.1) -> Any:
    """Wait until ``holds`` gives something true, and give it."""
    deadline = time.monotonic() + seconds
    while True:
        value = holds()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"still {value!r} after {seconds:g} s")
        time.sleep(every)


def condition(name: str, type_: str, namespace: str) -> dict[str, Any]:
    """A condition of an InferenceService; empty when it is not there."""
    service = get("inferenceservice", name, namespace) or {}
    conditions = (service.get("status") or {}).get("conditions") or []
    return next((entry for entry in conditions if entry["type"] == type_), {})


def free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port: int = held.getsockname()[1]
        return port


def manager_kubeconfig() -> str:
    """The kubeconfig of the manager's own user."""
    kubectl("apply", "-f", str(HERE / "rbac.yaml"))
    done = subprocess.run(
        [str(ROOT / "hack/control-plane"), "user", USER, "--dir", control_plane()],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def control_plane() -> str:
    return os.environ["OME_CONTROL_PLANE_DIR"]


class Process:
    """An ``ome`` command in the background with its log."""

    def __init__(self, log: Path, *words: str) -> None:
        self.log = log
        with log.open("ab") as out:
            self._process = subprocess.Popen(
                [sys.executable, "-c", "from ome.cli import main; main()", *words],
                stderr=out,
                stdout=out,
                cwd=ROOT,
            )

    def stop(self, seconds: float = 20) -> int:
        """SIGTERM and the exit code."""
        self._process.send_signal(signal.SIGTERM)
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(5)
            raise AssertionError(f"no end {seconds:g} s after SIGTERM: {self.tail()}") from None

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    def tail(self) -> str:
        return "\n".join(self.log.read_text().splitlines()[-15:])


@contextmanager
def manager(log: Path, namespace: str) -> Iterator[Process]:
    """A manager under its own user; it must end cleanly."""
    process = Process(
        log,
        "manager",
        f"--kubeconfig={manager_kubeconfig()}",
        f"--namespace={namespace}",
        f"--health-probe-addr=127.0.0.1:{free_port()}",
        "--metrics-bind-address=0",
    )
    try:
        yield process
        assert process.running, process.tail()
    finally:
        code = process.stop()
    assert code == 0, process.tail()


@contextmanager
def agents(log: Path, namespace: str, *words: str) -> Iterator[Process]:
    """Simulated agents of every node."""
    process = Process(log, "agent", f"--namespace={namespace}", "--all-nodes", *words)
    try:
        yield process
    finally:
        process.stop()


def audit(since: float, user: str = USER) -> list[dict[str, Any]]:
    """What a user asked of the API server since a wall-clock time."""
    found = []
    with Path(os.environ["OME_AUDIT_LOG"]).open() as lines:
        for line in lines:
            if f'"{user}"' not in line:
                continue
            entry = json.loads(line)
            if entry["user"]["username"] == user and _seconds(entry) >= since:
                found.append(entry)
    return found


def writes(entries: list[dict[str, Any]]) -> list[str]:
    """The writes among audit entries, but those to the Lease, one line each."""
    return [
        f"{entry['verb']} {entry['requestURI']}"
        for entry in entries
        if entry["verb"] not in ("get", "list", "watch")
        and entry.get("objectRef", {}).get("resource") != "leases"
        and "dryRun=All" not in entry["requestURI"]
    ]


def _seconds(entry: dict[str, Any]) -> float:
    from datetime import datetime

    return datetime.fromisoformat(entry["requestReceivedTimestamp"]).timestamp()
