"""The agent's process on a node: killed at any moment it loses nothing."""

from __future__ import annotations

import base64
import json
import os
import random
import signal
import urllib.request
import uuid
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import anyio
import anyio.to_thread
import pytest

from ome.agent.protocol import READY, Entry, decode_entry
from ome.cli.nodeagent import start_delay
from ome.sandbox.hub import Repository, Trouble, running_hub
from ome.sandbox.safetensors_files import llama_repository, safetensors
from tests import cluster
from tests.e2e.harness import free_port, manager
from tests.storage.support import on_disk
from tests.support.commands import Command
from tests.support.disks import two_mebibytes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ome.sandbox.hub import Hub

pytestmark = [pytest.mark.cluster, pytest.mark.slow, pytest.mark.timeout(600)]

_LARGEST = 200_000
_IN_FLIGHT = 4 * _LARGEST
"""What a kill may lose: the unwritten parts of as many files as are fetched at once."""


@pytest.fixture
def node() -> Iterator[str]:
    """A Node whose agent begins at once."""
    name = next(
        found for _ in range(10_000) if start_delay(found := f"agent-{uuid.uuid4().hex[:6]}") == 0
    )
    cluster.create({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}})
    yield name
    cluster.delete("nodes", name)


@contextmanager
def an_agent(
    node: str, namespace: str, root: Path, hub: Hub, log: Path, port: int, *more: str
) -> Iterator[Command]:
    words = [
        "agent",
        f"--port={port}",
        f"--models-root-dir={root}",
        f"--namespace={namespace}",
        f"--kubeconfig={os.environ['KUBECONFIG']}",
        *more,
    ]
    environ = {**os.environ, "NODE_NAME": node, "HF_ENDPOINT": hub.url, "POD_IP": "127.0.0.1"}
    process = Command(*words, out=log, env=environ)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(10)


def model(name: str, node: str, place: Path, **storage: Any) -> dict[str, Any]:
    storage = {
        "storageUri": "hf://org/tiny",
        "path": str(place),
        **storage,
        "nodeAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": {
                "nodeSelectorTerms": [
                    {"matchFields": [{"key": "metadata.name", "operator": "In", "values": [node]}]}
                ]
            }
        },
    }
    return {
        "apiVersion": "ome.io/v1beta1",
        "kind": "ClusterBaseModel",
        "metadata": {"name": name},
        "spec": {"modelFormat": {"name": "safetensors"}, "storage": storage},
    }


def said(node: str, namespace: str, name: str) -> Entry | None:
    held = cluster.get("configmaps", node, namespace) or {}
    text = (held.get("data") or {}).get(f"clusterbasemodel.{name}")
    return None if text is None else decode_entry(text)


def asked(port: int, path: str) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
        text: str = answer.read().decode()
        return text


async def until_ready(node: str, namespace: str, name: str) -> None:
    def ready() -> bool:
        entry = said(node, namespace, name)
        return entry is not None and entry.status == READY

    await anyio.to_thread.run_sync(cluster.eventually, ready, 200.0, 0.5)


@pytest.mark.parametrize("seed", [1])
async def test_killed_at_random_moments_of_a_download_of_fifty_files(
    tmp_path: Path, namespace: str, node: str, seed: int
) -> None:
    rng, name = random.Random(seed), f"m-{node}"
    files = {
        f"part-{n:02}.safetensors": safetensors({"w": ("U8", [rng.randrange(_LARGEST)])}, seed=n)
        for n in range(49)
    } | {"config.json": llama_repository(2)["config.json"]}
    root, port = tmp_path / "models", free_port()
    root.mkdir()
    total, rounds = sum(map(len, files.values())), 0
    async with running_hub({"org/tiny": Repository(files)}) as hub:
        hub.troubles.append(Trouble("part-", 10_000, chunk_seconds=0.001))
        cluster.apply(model(name, node, root / "m"))
        while not (root / "m").exists() and rounds < 30:
            with an_agent(node, namespace, root, hub, tmp_path / "log", port) as process:
                before = sum(hub.served.values())
                with anyio.move_on_after(200):
                    async with anyio.create_task_group() as group:
                        group.start_soon(until_published, root / "m", group.cancel_scope)
                        await hub.until_total(before + rng.randrange(total // 5, total // 2))
                        group.cancel_scope.cancel()
                process.send_signal(signal.SIGKILL)
            rounds += 1
            assert sum(hub.served.values()) > before, (tmp_path / "log").read_text()[-2000:]
            work = root / "m" if (root / "m").exists() else root / ".m.fetching"
            for path, content in on_disk(work).items():
                if not path.endswith(".incomplete"):
                    # What is whole is right, and never asked for again.
                    assert content == files[path]
                    hub.finished.add(path)
        with an_agent(node, namespace, root, hub, tmp_path / "log", port) as process:
            await until_ready(node, namespace, name)
            await anyio.to_thread.run_sync(look_at, port)
            cluster.delete("clusterbasemodels", name, wait=0)
            await anyio.to_thread.run_sync(
                cluster.eventually, lambda: said(node, namespace, name) is None, 100.0, 0.5
            )
            process.send_signal(signal.SIGTERM)
            assert await anyio.to_thread.run_sync(process.wait, 60) == 0
        assert rounds > 1
        assert hub.asked_again == set()
        assert sum(hub.served.values()) <= total + rounds * _IN_FLIGHT
    assert not (root / "m").exists()


async def test_a_node_that_is_made_anew_is_served_as_before(
    tmp_path: Path, namespace: str, node: str
) -> None:
    name, root = f"m-{node}", tmp_path / "models"
    root.mkdir()

    def labelled() -> bool:
        labels = (cluster.get("nodes", node) or {"metadata": {}})["metadata"].get("labels") or {}
        return bool(labels.get(f"models.ome.io/clusterbasemodel.{name}") == READY)

    async with running_hub({"org/tiny": Repository(llama_repository(2))}) as hub:
        cluster.apply(model(name, node, root / "m"))
        with an_agent(node, namespace, root, hub, tmp_path / "log", free_port()):
            await until_ready(node, namespace, name)
            fetched = sum(hub.served.values())
            # As who resets a node's labels does, within the time that its pods have.
            cluster.delete("nodes", node)
            cluster.create({"apiVersion": "v1", "kind": "Node", "metadata": {"name": node}})
            await anyio.to_thread.run_sync(cluster.eventually, labelled, 100.0, 0.5)
            cluster.delete("clusterbasemodels", name, wait=0)
            await anyio.to_thread.run_sync(
                cluster.eventually, lambda: said(node, namespace, name) is None, 60.0, 0.5
            )
        assert sum(hub.served.values()) == fetched
    assert not (root / "m").exists()


TROUBLES = {
    "full-disk": "DiskFull",
    "revoked-token": "Unauthorized",
    "deleted": "NotFound",
    "wrong-bytes": "ChecksumMismatch",
    "forbidden": "ForbiddenPath",
}
"""By model, the reason that its status gives."""


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """Models' root on a file system of two MiB."""
    with two_mebibytes(tmp_path / "models") as place:
        yield place


async def test_each_trouble_has_its_own_reason_in_the_status_and_leaves_others_alone(
    tmp_path: Path, namespace: str, node: str, small: Path
) -> None:
    tiny = llama_repository(2)
    repositories = {
        "org/tiny": Repository(tiny),
        "org/private": Repository(tiny, tokens=("valid",)),
        "org/wrong": Repository(llama_repository(2, seed=9), commit="e" * 40),
        "org/big": Repository({**tiny, "big.bin": b"x" * 3_000_000}, commit="d" * 40),
    }
    token = base64.b64encode(b"revoked").decode()
    cluster.create(
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "hub", "namespace": namespace},
            "data": {"token": token},
        }
    )
    names = {trouble: f"{trouble}-{node}" for trouble in ("good", *TROUBLES)}
    own: dict[str, dict[str, Any]] = {
        "full-disk": {"storageUri": "hf://org/big"},
        "revoked-token": {"storageUri": "hf://org/private", "key": "hub"},
        "deleted": {"storageUri": "hf://org/deleted"},
        "wrong-bytes": {"storageUri": "hf://org/wrong"},
        "forbidden": {"path": f"{tmp_path}/elsewhere/m"},
    }

    def status(trouble: str) -> dict[str, Any]:
        found = cluster.get("clusterbasemodels", names[trouble]) or {}
        told: dict[str, Any] = found.get("status") or {}
        return told

    def reason(trouble: str) -> str:
        conditions = status(trouble).get("conditions") or ()
        return next((entry["reason"] for entry in conditions if entry["type"] == "Ready"), "")

    def all_are_told() -> bool:
        return all(reason(trouble) == wanted for trouble, wanted in TROUBLES.items())

    async with running_hub(repositories) as hub:
        hub.troubles.append(Trouble("org/wrong/resolve", 99, wrong_bytes=True))
        fast = ("--hf-max-retries=2", "--hf-retry-interval=50ms")
        with (
            manager(tmp_path / "manager.log", namespace),
            an_agent(node, namespace, small, hub, tmp_path / "log", free_port(), *fast),
        ):
            cluster.apply(model(names["good"], node, small / "good"))
            await until_ready(node, namespace, names["good"])
            for trouble, storage in own.items():
                cluster.apply(model(names[trouble], node, small / trouble, **storage))
            await anyio.to_thread.run_sync(cluster.eventually, all_are_told, 200.0, 0.5)
            for trouble in TROUBLES:
                assert status(trouble)["state"] == "Failed"
                assert status(trouble)["nodesFailed"] == [node]
                assert "revoked" not in json.dumps(status(trouble)).replace("or revoked", "")
            assert status("good")["state"] == READY
            assert status("good")["nodesReady"] == [node]
            assert on_disk(small / "good") == tiny
            told = [
                event["reason"]
                for event in cluster.items("events", "default")
                if event["involvedObject"]["name"] in set(names.values()) - {names["good"]}
            ]
            assert set(told) == {"ModelDownloadFailed"}
            for name in names.values():
                cluster.delete("clusterbasemodels", name, wait=0)
            await anyio.to_thread.run_sync(
                cluster.eventually,
                lambda: not any(cluster.get("clusterbasemodels", name) for name in names.values()),
                100.0,
                0.5,
            )
    assert not (tmp_path / "elsewhere").exists()


async def until_published(place: Path, scope: anyio.CancelScope) -> None:
    while not place.exists():  # noqa: ASYNC110, ASYNC240  # a disk tells nobody
        await anyio.sleep(0.05)
    scope.cancel()


def look_at(port: int) -> None:
    """Probes and metrics, as a kubelet and Prometheus ask for them."""
    for path in ("/healthz", "/readyz", "/livez", "/livez/ping", "/healthz/model-agent-health"):
        assert asked(port, path) == "ok"
    assert "[+]model-agent-health ok\nhealthz check passed" in asked(port, "/healthz?verbose")
    metrics = asked(port, "/metrics")
    for name in (
        "model_agent_downloads_success_total",
        "model_agent_downloads_failed_total",
        "model_agent_download_duration_seconds",
        "model_agent_download_bytes_total",
        "model_agent_verifications_total",
        "model_agent_verification_duration_seconds",
        "model_agent_active_workers",
        "model_agent_task_queue_depth",
        "model_agent_configmap_operations_total",
    ):
        assert name in metrics, name
