"""The API server is away for two minutes: no replica restarts, and all recover by themselves.

Each server is the test's own. The kube-apiserver is ended and started again: connections are
refused. The embedded one, whose objects are in its memory, is frozen: nothing is answered.
"""

from __future__ import annotations

import json
import signal
import ssl
import time
import urllib.request
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

import pytest

from hack.control_plane import lifecycle, processes
from hack.control_plane.nodes import Shape
from ome.api.crds import all_crds
from ome.webhooks.table import client_config, configurations
from tests import cluster
from tests.e2e.harness import Process, answers, eventually, free_port
from tests.support.commands import Command

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hack.control_plane.layout import Start

pytestmark = [pytest.mark.nightly, pytest.mark.timeout(600)]

AWAY = 120.0
"""Seconds without an API server."""
RECOVERY = 60.0
"""Seconds in which everything is as before: the longest back-off of a watch is below."""
NAMESPACE = "default"
MODELS = "clusterbasemodels.ome.io"


class Server(Protocol):
    """An API server that KUBECONFIG names."""

    def go(self) -> None:
        """Be away."""

    def come(self) -> None:
        """Be back."""


class Real:
    """A kube-apiserver."""

    def __init__(self, start: Start) -> None:
        self._start = start

    def go(self) -> None:
        processes.end(self._start, "kube-apiserver")

    def come(self) -> None:
        lifecycle.serve(self._start)


class Embedded:
    """``ome sandbox``."""

    def __init__(self, process: Command) -> None:
        self._process = process

    def go(self) -> None:
        self._process.send_signal(signal.SIGSTOP)

    def come(self) -> None:
        self._process.send_signal(signal.SIGCONT)


class Replica(Process):
    """A manager that serves probes, metrics and webhooks."""

    def __init__(self, folder: Path, name: str) -> None:
        self.probes, self.metrics, self.webhooks = free_port(), free_port(), free_port()
        super().__init__(
            folder / f"{name}.log",
            *("manager", f"--namespace={NAMESPACE}"),
            *("--leader-elect", "--webhook", f"--webhook-port={self.webhooks}"),
            f"--health-probe-addr=127.0.0.1:{self.probes}",
            f"--metrics-bind-address=127.0.0.1:{self.metrics}",
        )

    def answers(self, path: str) -> int:
        return answers(f"http://127.0.0.1:{self.probes}{path}")

    def value(self, series: str) -> float:
        """A sample of its metrics; -1 when it is not there."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics}/metrics", timeout=5) as got:
            lines = got.read().decode().splitlines()
        found = (line.rpartition(" ")[2] for line in lines if line.startswith(series))
        return float(next(found, -1))

    def judges(self) -> bool:
        """Whether its webhook server says what it thinks of a runtime."""
        trusted = ssl.create_default_context()
        trusted.check_hostname, trusted.verify_mode = False, ssl.CERT_NONE
        path = "/validate-ome-io-v1beta1-clusterservingruntime"
        request = urllib.request.Request(
            f"https://127.0.0.1:{self.webhooks}{path}",
            json.dumps(_review()).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=10, context=trusted) as got:
            answer = json.load(got)
        return bool(answer["response"]["uid"] == "1")


def _review() -> dict[str, Any]:
    version = {"group": "ome.io", "version": "v1beta1"}
    runtime = {
        "apiVersion": "ome.io/v1beta1",
        "kind": "ClusterServingRuntime",
        "metadata": {"name": "r"},
        "spec": {"supportedModelFormats": [{"name": "safetensors"}]},
    }
    return {
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {
            "uid": "1",
            "kind": {**version, "kind": "ClusterServingRuntime"},
            "resource": {**version, "resource": "clusterservingruntimes"},
            "name": "r",
            "operation": "CREATE",
            "object": runtime,
        },
    }


def _model(name: str) -> dict[str, Any]:
    return {
        "apiVersion": "ome.io/v1beta1",
        "kind": "ClusterBaseModel",
        "metadata": {"name": name},
        "spec": {
            "modelFormat": {"name": "safetensors"},
            "storage": {"storageUri": f"hf://example/{name}", "path": f"/raid/models/{name}"},
        },
    }


@contextmanager
def real(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    start = lifecycle.up(folder, lifecycle.Wishes(2, Shape()))
    try:
        monkeypatch.setenv("KUBECONFIG", str(start.kubeconfig))
        yield Real(start)
    finally:
        lifecycle.down(start)


@contextmanager
def embedded(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    folder.mkdir()
    kubeconfig = folder / "kubeconfig"
    process = Command("sandbox", "--bare", f"--dir={folder}", out=folder / "out")
    try:
        eventually(kubeconfig.exists)
        monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
        yield Embedded(process)
    finally:
        process.send_signal(signal.SIGCONT)
        process.terminate()
        process.wait(60)


@pytest.fixture(params=[pytest.param(real, marks=pytest.mark.control_plane), embedded])
def server(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Server]:
    """A server of this test's own, with our kinds and our webhooks."""
    with request.param(tmp_path / "server", monkeypatch) as server:
        for definition in all_crds():
            cluster.apply(definition)
        for document in configurations(client_config("default")):
            cluster.apply(document)
        yield server


@contextmanager
def two(folder: Path) -> Iterator[list[Replica]]:
    replicas = [Replica(folder, name) for name in ("a", "b")]
    try:
        for replica in replicas:
            eventually(lambda replica=replica: replica.answers("/readyz") == 200)  # type: ignore[misc]
        eventually(lambda: _leaders(replicas) == 1, 30)
        yield replicas
    finally:
        for replica in replicas:
            if replica.running:
                replica.stop()


def _leaders(replicas: list[Replica]) -> float:
    return sum(replica.value("leader_election_master_status{") for replica in replicas)


def test_two_minutes_without_an_api_server(server: Server, tmp_path: Path) -> None:
    with two(tmp_path) as replicas:
        cluster.apply(_model("before"))
        eventually(lambda: _settled("before"), 30)

        server.go()
        until = time.monotonic() + AWAY
        while time.monotonic() < until:
            for replica in replicas:
                assert replica.running, replica.tail()
                assert replica.answers("/healthz") == 200, replica.tail()
                assert replica.answers("/readyz") == 200, replica.tail()
                assert replica.judges(), "webhooks answer from caches"
            time.sleep(5)
        assert _leaders(replicas) == 0, "nobody leads on a Lease that cannot be renewed"

        server.come()
        eventually(lambda: _leaders(replicas) == 1, RECOVERY)
        cluster.apply(_model("after"))
        eventually(lambda: _settled("after"), RECOVERY)
        for replica in replicas:
            cached = f'ome_cache_objects{{kind="{MODELS}"}}'
            eventually(lambda r=replica, c=cached: r.value(c) == 2, RECOVERY)  # type: ignore[misc]
            assert replica.running, replica.tail()
            assert replica.answers("/readyz") == 200
            assert replica.judges()


def _settled(name: str) -> bool:
    model = cluster.get("clusterbasemodels", name) or {"metadata": {}}
    return bool(model["metadata"].get("finalizers")) and bool(model.get("status"))
