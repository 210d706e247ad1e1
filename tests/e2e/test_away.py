"""The API server is away for two minutes: no replica restarts, and all recover by themselves.

It runs on a control plane of its own, whose kube-apiserver is ended and started again.
"""

from __future__ import annotations

import json
import ssl
import time
import urllib.request
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from hack.control_plane import lifecycle, processes
from hack.control_plane.client import of_apiserver
from hack.control_plane.nodes import Shape
from ome.webhooks.table import client_config, configurations
from tests.e2e.harness import ROOT, Process, answers, eventually, free_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hack.control_plane.layout import Start

pytestmark = [pytest.mark.control_plane, pytest.mark.nightly, pytest.mark.timeout(600)]

AWAY = 120.0
"""Seconds without an API server."""
RECOVERY = 60.0
"""Seconds in which everything is as before: the longest back-off of a watch is below."""
NAMESPACE = "default"
MODELS = "clusterbasemodels.ome.io"


class Replica(Process):
    """A manager that serves probes, metrics and webhooks."""

    def __init__(self, folder: Path, name: str, start: Start) -> None:
        self.probes, self.metrics, self.webhooks = free_port(), free_port(), free_port()
        super().__init__(
            folder / f"{name}.log",
            *("manager", f"--kubeconfig={start.kubeconfig}", f"--namespace={NAMESPACE}"),
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
def own_control_plane(folder: Path) -> Iterator[Start]:
    crds = ROOT / "charts/ome-crd/templates/crds.yaml"
    start = lifecycle.up(folder, lifecycle.Wishes(2, Shape(), manifests=[crds]))
    try:
        with of_apiserver(start) as client:
            for document in configurations(client_config("default")):
                path = f"/apis/{document['apiVersion']}/{document['kind'].lower()}s"
                client.json("POST", path, document)
        yield start
    finally:
        lifecycle.down(start)


@contextmanager
def two(folder: Path, start: Start) -> Iterator[list[Replica]]:
    replicas = [Replica(folder, name, start) for name in ("a", "b")]
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


def test_two_minutes_without_an_api_server(tmp_path: Path) -> None:
    with own_control_plane(tmp_path / "cp") as start, two(tmp_path, start) as replicas:
        _create(start, "before")
        eventually(lambda: _settled(start, "before"), 30)

        processes.end(start, "kube-apiserver")
        until = time.monotonic() + AWAY
        while time.monotonic() < until:
            for replica in replicas:
                assert replica.running, replica.tail()
                assert replica.answers("/healthz") == 200, replica.tail()
                assert replica.answers("/readyz") == 200, replica.tail()
                assert replica.judges(), "webhooks answer from caches"
            time.sleep(5)
        assert _leaders(replicas) == 0, "nobody leads on a Lease that cannot be renewed"

        lifecycle.serve(start)
        eventually(lambda: _leaders(replicas) == 1, RECOVERY)
        _create(start, "after")
        eventually(lambda: _settled(start, "after"), RECOVERY)
        for replica in replicas:
            cached = f'ome_cache_objects{{kind="{MODELS}"}}'
            eventually(lambda r=replica, c=cached: r.value(c) == 2, RECOVERY)  # type: ignore[misc]
            assert replica.running, replica.tail()
            assert replica.answers("/readyz") == 200
            assert replica.judges()


def _create(start: Start, name: str) -> None:
    _ask(start, "POST", "", _model(name))


def _settled(start: Start, name: str) -> bool:
    model = _ask(start, "GET", f"/{name}")
    return bool(model["metadata"].get("finalizers")) and bool(model.get("status"))


def _ask(start: Start, method: str, path: str, body: Any = None) -> dict[str, Any]:
    with of_apiserver(start) as client:
        answer: dict[str, Any] = client.json(
            method, f"/apis/ome.io/v1beta1/clusterbasemodels{path}", body
        )
    return answer
