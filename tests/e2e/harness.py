"""The operator as its users run it: a manager process under its own user, simulated agents."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests import cluster
from tests.cluster import USER, apply, eventually, get, items
from tests.support.commands import Command

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = [
    "FIRST",
    "HERE",
    "ROOT",
    "SERVICE",
    "USER",
    "Process",
    "agents",
    "answers",
    "apply",
    "apply_first",
    "audit",
    "condition",
    "delete_first",
    "eventually",
    "get",
    "items",
    "manager",
    "seconds",
    "writes",
]

ROOT = Path(__file__).resolve().parent.parent.parent
HERE = Path(__file__).resolve().parent
SERVICE = (HERE / "service.yaml").read_text()
FIRST = (HERE / "first.yaml").read_text()


def apply_first() -> None:
    """The model and the runtime of first.yaml."""
    apply(FIRST)


def delete_first() -> None:
    """The model and the runtime of first.yaml, until they are gone."""
    cluster.delete("clusterservingruntimes", "sglang-llama-small")
    cluster.delete("clusterbasemodels", "llama-3-8b")


def condition(name: str, type_: str, namespace: str) -> dict[str, Any]:
    """A condition of an InferenceService; empty when it is not there."""
    service = get("inferenceservices", name, namespace) or {}
    conditions = (service.get("status") or {}).get("conditions") or []
    return next((entry for entry in conditions if entry["type"] == type_), {})


def free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port: int = held.getsockname()[1]
        return port


class Process:
    """An ``ome`` command in the background with its log."""

    def __init__(self, log: Path, *words: str) -> None:
        self.log = log
        log.touch()
        self._process = Command(*words, out=log)

    def stop(self, seconds: float = 60) -> int:
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


def answers(url: str) -> int:
    """The code of an answer, as of a probe; 0 when nobody listens."""
    try:
        with urllib.request.urlopen(url, timeout=5) as got:
            return int(got.status)
    except urllib.error.HTTPError as refused:
        return refused.code
    except OSError:
        return 0


@contextmanager
def manager(log: Path, namespace: str, metrics: str = "0", *words: str) -> Iterator[Process]:
    """A manager under its own user, with these flags as well; it must end cleanly."""
    apply((HERE / "rbac.yaml").read_text())
    process = Process(
        log,
        "manager",
        f"--kubeconfig={cluster.user_kubeconfig()}",
        f"--namespace={namespace}",
        f"--health-probe-addr=127.0.0.1:{free_port()}",
        f"--metrics-bind-address={metrics}",
        *words,
    )
    try:
        yield process
        assert process.running, process.tail()
    finally:
        code = process.stop()
    assert code == 0, process.tail()


@contextmanager
def agents(log: Path, namespace: str, *words: str, nodes: Sequence[str] = ()) -> Iterator[Process]:
    """Simulated agents of these nodes, else of every node."""
    which = ("--simulate", *nodes) if nodes else ("--all-nodes",)
    process = Process(log, "agent", f"--namespace={namespace}", *words, *which)
    try:
        yield process
    finally:
        process.stop()


def audit(since: float, user: str = USER) -> list[dict[str, Any]]:
    """What a user asked of the API server since a wall-clock time."""
    found = []
    with cluster.audit_log().open() as lines:
        for line in lines:
            if f'"{user}"' not in line:
                continue
            entry = json.loads(line)
            if entry["user"]["username"] == user and seconds(entry) >= since:
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


def seconds(entry: dict[str, Any]) -> float:
    from datetime import datetime

    return datetime.fromisoformat(entry["requestReceivedTimestamp"]).timestamp()
