"""Components over several nodes, made of pods by the real controller of LeaderWorkerSets."""

from __future__ import annotations

import subprocess
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests import cluster
from tests.e2e.harness import (
    ROOT,
    agents,
    apply,
    apply_first,
    audit,
    condition,
    delete_first,
    eventually,
    get,
    items,
    manager,
    writes,
)
from tests.e2e.test_modes import SPECS, service, settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# The first start on a machine builds the controller, which takes minutes.
pytestmark = [pytest.mark.control_plane, pytest.mark.timeout(900)]

ROLE = "leaderworkerset.sigs.k8s.io/worker-index"
SETS = "leaderworkersets"


@pytest.fixture(scope="module", autouse=True)
def _controller() -> Iterator[None]:
    command = [str(ROOT / "hack/control-plane"), "lws", "--dir", str(cluster.directory())]
    begun = subprocess.run(command, capture_output=True, text=True, check=False)
    assert begun.returncode == 0, begun.stderr
    yield
    subprocess.run([*command, "--stop"], capture_output=True, check=True)


def pods(namespace: str, component: str) -> list[dict[str, Any]]:
    """The pods of a component that are not going."""
    found = items("pods", namespace, labelSelector=f"component={component}")
    return [pod for pod in found if not pod["metadata"].get("deletionTimestamp")]


def images(namespace: str, component: str) -> set[str]:
    """What the containers of a component's pods run."""
    return {
        container["image"]
        for pod in pods(namespace, component)
        for container in pod["spec"]["containers"]
    }


def test_many_nodes_from_apply_to_nothing(tmp_path: Path, namespace: str) -> None:
    apply(settings(namespace))
    with (
        manager(tmp_path / "manager.log", namespace),
        agents(tmp_path / "agents.log", namespace, "--download-seconds=0.5"),
    ):
        apply_first()
        nodes = service("nodes", namespace)
        apply(nodes)
        cluster.wait_ready("inferenceservices", "nodes", namespace, seconds=90)
        assert {pod["metadata"]["labels"][ROLE] for pod in pods(namespace, "engine")} == {"0", "1"}
        before = {pod["metadata"]["uid"] for pod in pods(namespace, "engine")}
        eventually(_everywhere)
        time.sleep(1)  # for the write that says so to be over
        since = time.time()
        apply(nodes)
        time.sleep(5)
        assert writes(audit(since)) == []
        assert {pod["metadata"]["uid"] for pod in pods(namespace, "engine")} == before
        _rolls(namespace)
        _grows(namespace)
        cluster.delete("inferenceservices", "nodes", namespace)
        eventually(lambda: not items(SETS, namespace) and not items("pods", namespace), 90)
        delete_first()


def _everywhere() -> bool:
    """Whether each node has the model and its status says so."""
    model = get("clusterbasemodels", "llama-3-8b") or {}
    return bool((model.get("status") or {}).get("nodesReadyCount") == len(items("nodes")))


def _rolls(namespace: str) -> None:
    """Another image replaces the whole group, and it is not Ready in between."""
    edited = {**SPECS["nodes"]["engine"]}
    for part in ("leader", "worker"):
        runner = {**edited[part]["runner"], "image": "docker.io/lmsysorg/sglang:v0.5.6"}
        edited[part] = {**edited[part], "runner": runner}
    cluster.patch(
        "inferenceservices",
        "nodes",
        namespace,
        [{"op": "replace", "path": "/spec/engine", "value": edited}],
    )
    eventually(lambda: condition("nodes", "Ready", namespace).get("status") != "True")
    new = {"docker.io/lmsysorg/sglang:v0.5.6"}
    eventually(lambda: images(namespace, "engine") == new, 90)
    cluster.wait_ready("inferenceservices", "nodes", namespace, seconds=90)


def _grows(namespace: str) -> None:
    """Groups that somebody asks for at the workload stay."""
    (held,) = items(SETS, namespace)
    cluster.patch(SETS, held["metadata"]["name"], namespace, {"spec": {"replicas": 2}})
    eventually(lambda: len(pods(namespace, "engine")) == 4)
    cluster.wait_ready("inferenceservices", "nodes", namespace, seconds=60)
    time.sleep(2)
    assert (get(SETS, held["metadata"]["name"], namespace) or {})["spec"]["replicas"] == 2


def test_prefill_and_decode_apart(tmp_path: Path, namespace: str) -> None:
    apply(settings(namespace))
    with (
        manager(tmp_path / "manager.log", namespace),
        agents(tmp_path / "agents.log", namespace, "--download-seconds=0.5"),
    ):
        apply_first()
        apply(service("apart", namespace))
        cluster.wait_ready("inferenceservices", "apart", namespace, seconds=90)
        assert len(pods(namespace, "decoder")) == 2
        assert len(pods(namespace, "engine")) == 1
        cluster.delete("inferenceservices", "apart", namespace)
        eventually(lambda: not items(SETS, namespace) and not items("pods", namespace), 90)
        delete_first()


def test_leaders_that_admission_refuses_are_told(tmp_path: Path, namespace: str) -> None:
    apply(settings(namespace))
    with (
        manager(tmp_path / "manager.log", namespace),
        agents(tmp_path / "agents.log", namespace, "--download-seconds=0.5"),
    ):
        apply_first()
        nodes = service("nodes", namespace)
        engine = nodes["spec"]["engine"]
        leader = {**engine["leader"], "serviceAccountName": "nobody"}
        nodes["spec"] = {**nodes["spec"], "engine": {**engine, "leader": leader}}
        apply(nodes)

        def said() -> str:
            return str(condition("nodes", "Ready", namespace).get("message", ""))

        text = "pods cannot be made: pods are forbidden: error looking up service account"
        eventually(lambda: text in said(), 60)
        assert condition("nodes", "EngineReady", namespace)["status"] == "False"
        cluster.create(
            {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "nobody"}},
            namespace,
        )
        cluster.wait_ready("inferenceservices", "nodes", namespace, seconds=120)
        cluster.delete("inferenceservices", "nodes", namespace)
        eventually(lambda: not items(SETS, namespace) and not items("pods", namespace), 90)
        delete_first()
