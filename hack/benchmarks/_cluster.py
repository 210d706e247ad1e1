"""A real control plane and managers on it, for the benchmarks that need one."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import uuid
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hack.control_plane import layout

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parent.parent.parent
_STORAGE_SECONDS = 60.0
LEASE = "ome-controller-manager-leader-lock"
GAINED = "leader.gained"
"""What a manager logs when it leads."""


def require() -> None:
    """End with the next step when no control plane is in the environment."""
    if "OME_CONTROL_PLANE_DIR" not in os.environ:
        raise SystemExit(
            "hack/bench: this one needs a control plane:\n"
            "  hack/control-plane up --apply charts/ome-crd/templates/crds.yaml\n"
            '  eval "$(hack/control-plane env)"'
        )


def kubectl(*words: str, stdin: str | None = None) -> str:
    """What kubectl prints."""
    done = subprocess.run(
        ["kubectl", *words], input=stdin, capture_output=True, text=True, timeout=180, check=False
    )
    if done.returncode:
        raise SystemExit(f"hack/bench: kubectl {' '.join(words[:4])}: {done.stderr.strip()}")
    return done.stdout


@contextmanager
def namespace() -> Iterator[str]:
    """A namespace of this run's own."""
    name = f"bench-{uuid.uuid4().hex[:8]}"
    kubectl("create", "namespace", name)
    try:
        yield name
    finally:
        kubectl("delete", "namespace", name, "--wait=false")


@contextmanager
def at_rest(*components: str) -> Iterator[None]:
    """Hold processes of the control plane inside: the machine and the server are ours alone."""
    start = layout.load(Path(os.environ["OME_CONTROL_PLANE_DIR"]))
    held = [start.pids[name][0] for name in components]
    for pid in held:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in held:
            os.kill(pid, signal.SIGCONT)


def add_nodes(count: int, prefix: str) -> None:
    """Make simulated nodes that heartbeat."""
    subprocess.run(
        [
            *(str(ROOT / "hack/control-plane"), "nodes", "--count", str(count)),
            *("--prefix", prefix, "--label", f"ome.bench/run={prefix}"),
            *("--dir", os.environ["OME_CONTROL_PLANE_DIR"]),
        ],
        check=True, capture_output=True, timeout=300,
    )  # fmt: skip


def wait_for(holds: Callable[[], Any], seconds: float, what: str, every: float = 0.05) -> Any:
    """The first true answer."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := holds():
            return found
        time.sleep(every)
    raise SystemExit(f"hack/bench: {what} did not come about within {seconds:g} s")


def holder(where: str) -> str:
    """Who holds the Lease; empty when nobody does."""
    path = f"/apis/coordination.k8s.io/v1/namespaces/{where}/leases"
    items = json.loads(kubectl("get", "--raw", path))["items"]
    return next(
        (
            item["spec"].get("holderIdentity") or ""
            for item in items
            if item["metadata"]["name"] == LEASE
        ),
        "",
    )


class Process:
    """A process of ours in the background."""

    def __init__(self, log: Path, *words: str) -> None:
        self.log = log
        with log.open("ab") as out:
            self.process = subprocess.Popen(
                [sys.executable, *words], stdout=out, stderr=out, cwd=ROOT
            )

    @property
    def cpu(self) -> float:
        """CPU seconds so far."""
        stat = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK")

    def memory(self, what: str = "VmHWM") -> float:
        """Resident megabytes: the most so far (VmHWM) or now (VmRSS)."""
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith(what):
                return int(line.split()[1]) / 1024
        return 0.0

    def signal(self, number: int) -> None:
        """Send a signal."""
        self.process.send_signal(number)

    def stop(self) -> None:
        """End it, cleanly where possible."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.terminate()
            try:
                self.process.wait(35)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(5)


class Manager(Process):
    """A manager with its probes on a port of its own."""

    def __init__(self, folder: Path, where: str, name: str, *words: str) -> None:
        self.port = free_port()
        super().__init__(
            folder / f"{name}.log",
            *("-c", "from ome.cli import main; main()", "manager", f"--namespace={where}"),
            *(f"--health-probe-addr=127.0.0.1:{self.port}", "--metrics-bind-address=0", *words),
        )

    def says(self, text: str) -> bool:
        """Whether its log has a text."""
        return text in self.log.read_text()

    def wait_ready(self) -> None:
        """Until its caches are in sync and its controllers started or wait for the Lease."""
        import urllib.request

        def ready() -> bool:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=2):
                    return True
            except OSError:
                return False

        wait_for(ready, 60, "a ready manager", 0.2)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port: int = held.getsockname()[1]
        return port


def audit(since: float, agent: str) -> list[dict[str, Any]]:
    """What a user agent asked since a wall-clock time (``stage`` of each request: received)."""
    from datetime import datetime

    found = []
    with Path(os.environ["OME_AUDIT_LOG"]).open() as lines:
        for line in lines:
            if f'"{agent}' not in line:
                continue
            entry = json.loads(line)
            received = datetime.fromisoformat(entry["requestReceivedTimestamp"]).timestamp()
            if received >= since and entry.get("userAgent", "").startswith(agent):
                found.append(entry)
    return found


def create_all(documents: list[dict[str, Any]]) -> None:
    """Create many objects quickly, past kubectl.

    The storage of a kind that was just defined, or defined anew, answers 429 for seconds.
    """
    import random

    import anyio

    from ome.clock import SystemClock
    from ome.controllers.resources import (
        CLUSTER_BASE_MODELS,
        CLUSTER_SERVING_RUNTIMES,
        INFERENCE_SERVICES,
    )
    from ome.errors import TooManyRequests
    from ome.kube import Client
    from ome.kube.http import connect
    from ome.kube.resources import (
        ENDPOINT_SLICES,
        MUTATING_WEBHOOKS,
        NODES,
        SERVICES,
        VALIDATING_WEBHOOKS,
    )

    kinds = (
        CLUSTER_BASE_MODELS,
        CLUSTER_SERVING_RUNTIMES,
        ENDPOINT_SLICES,
        INFERENCE_SERVICES,
        MUTATING_WEBHOOKS,
        NODES,
        SERVICES,
        VALIDATING_WEBHOOKS,
    )
    resources = {known.kind: known for known in kinds}

    async def main() -> None:
        left = iter(documents)
        async with await connect(os.environ["KUBECONFIG"]) as transport:
            client = Client(
                transport, clock=SystemClock(), rng=random.Random(1), user_agent="bench"
            )

            async def create(document: dict[str, Any]) -> None:
                deadline = anyio.current_time() + _STORAGE_SECONDS
                while True:
                    try:
                        await client.create(resources[document["kind"]], document)
                        return
                    except TooManyRequests as error:
                        pause = error.retry_after or 1.0
                        if anyio.current_time() + pause > deadline:
                            raise
                        await anyio.sleep(pause)

            async def work() -> None:
                for document in left:
                    await create(document)

            async with anyio.create_task_group() as group:
                for _ in range(16):
                    group.start_soon(work)

    anyio.run(main)
