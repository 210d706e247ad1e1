"""Two hundred agents on one server: nothing is lost, and nobody writes more than he may."""

from __future__ import annotations

import random
from collections import Counter
from typing import TYPE_CHECKING, Any

import anyio
import anyio.lowlevel
import msgspec
import pytest

from ome.agent.agent import NodeAgent
from ome.agent.disk import Held
from ome.agent.fetch.manifest import Manifest
from ome.agent.fetch.model import Fetched
from ome.agent.fleet import Fleet
from ome.agent.post import Alone, Post
from ome.agent.protocol import READY, Config, Progress, decode_entry
from ome.agent.reporting import Reporter
from ome.agent.settings import Settings
from ome.api.crds import all_crds
from ome.clock import SystemClock
from ome.controllers.resources import BASE_MODELS, CLUSTER_BASE_MODELS
from ome.informers.registry import Informers
from ome.kube import Client
from ome.kube.resource import ObjectKey
from ome.kube.resources import CONFIGMAPS, NODES
from ome.sandbox.assembly import Settings as SandboxSettings
from ome.sandbox.assembly import started
from ome.sandbox.cluster import Options
from ome.sandbox.manifests import apply

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from ome.agent.fetch.model import Job

AGENTS, MODELS = 200, 30
SECONDS = 20.0
PROGRESS = 5.0


class NoDisk:
    """A disk that keeps no bytes."""

    def __init__(self) -> None:
        self.roots = ["/models"]
        self.kept: dict[str, Manifest] = {}

    def real(self, path: str) -> str:
        return path

    def shown(self, path: str) -> str:
        return path

    async def held(self, key: str) -> Held | None:
        found = self.kept.get(key)
        return None if found is None else Held(found, whole=True)

    async def is_dir(self, _: str) -> bool:
        return True

    async def remove(self, _: str) -> None:
        await anyio.lowlevel.checkpoint()

    async def discard(self, _: str) -> None:
        await anyio.lowlevel.checkpoint()

    async def forget(self, key: str) -> None:
        self.kept.pop(key, None)


class Pretended:
    """Downloads that take a while, tell of themselves each second, and move no bytes."""

    def __init__(self, disk: NoDisk, rng: random.Random) -> None:
        self._disk = disk
        self._rng = rng

    async def fetch(self, job: Job, told: Callable[[Progress], None]) -> Fetched:
        seconds = self._rng.uniform(0.5, 1.5) * SECONDS
        for second in range(int(seconds)):
            await anyio.sleep(1)
            told(Progress("downloading", 1000, int(1000 * second / seconds), 4, 1, 1.0, "now"))
        self._disk.kept[job.key] = Manifest(job.key, job.source, job.path, "r", {})
        config = Config(model_type="llama", model_format={"name": "safetensors"})
        return Fetched(path=job.path, revision="r", size=1000, files=4, config=config)

    async def revision(self, _: Job) -> str:
        return "r"


async def no_secret(namespace: str, name: str) -> Mapping[str, bytes] | None:
    return None


def make(client: Client, node: str, seed: int) -> NodeAgent:
    clock, rng, disk = SystemClock(), random.Random(f"{seed}{node}"), NoDisk()
    settings = Settings(
        root="/models", workers=5, progress_seconds=PROGRESS, report_seconds=1.0, repair_seconds=15
    )
    post = Post(
        node,
        "ome",
        settings,
        Reporter(client, node, "ome", clock, rng),
        disk,  # type: ignore[arg-type]
        Pretended(disk, rng),
        no_secret,
        Alone(),
        clock,
        rng,
        anyio.CapacityLimiter(settings.workers),
    )
    return NodeAgent(post)


def model(number: int) -> dict[str, Any]:
    return {
        "apiVersion": "ome.io/v1beta1",
        "kind": "ClusterBaseModel",
        "metadata": {"name": f"m{number}"},
        "spec": {
            "modelFormat": {"name": "safetensors"},
            "storage": {"storageUri": f"hf://org/m{number}", "path": f"/models/m{number}"},
        },
    }


@pytest.mark.nightly
@pytest.mark.timeout(600)
async def test_two_hundred_agents_with_thirty_models_each(tmp_path: Path) -> None:
    clock, rng = SystemClock(), random.Random(1)
    settings = SandboxSettings(tmp_path, cluster=Options(nodes=AGENTS))
    keys = {f"clusterbasemodel.m{number}" for number in range(MODELS)}
    async with started(settings, clock, rng) as sandbox, anyio.create_task_group() as group:
        transport = sandbox.transport("test")
        own = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "ome"}}
        await apply(transport, sandbox.local, [own, *all_crds()])
        await apply(transport, sandbox.local, [model(number) for number in range(MODELS)])
        client = Client(sandbox.transport("agents"), clock=clock, rng=rng)
        informers = Informers(client, clock, rng)
        kinds = (BASE_MODELS, CLUSTER_BASE_MODELS)
        fleet = Fleet(client, informers, clock, kinds, lambda node: make(client, node, 1))
        began = anyio.current_time()
        await group.start(informers.run)
        await informers.wait_synced()
        group.start_soon(fleet.run, ())

        def reported() -> dict[str, dict[str, str]]:
            held = sandbox.local.list(CONFIGMAPS, "ome")
            found = [stored.load() for stored in held]
            return {one["metadata"]["name"]: dict(one.get("data") or {}) for one in found}

        while True:
            await anyio.sleep(1)
            now = reported()
            done = [entries for entries in now.values() if settled(entries, keys)]
            if len(done) == AGENTS:
                break
        await fleet.settled()
        spent = anyio.current_time() - began
        for node in range(AGENTS):
            stored = sandbox.local.get(NODES, ObjectKey("", f"gpu-{node}"))
            assert stored is not None
            labels = stored.load()["metadata"]["labels"]
            assert {f"models.ome.io/{key}" for key in keys} <= labels.keys()
            assert all(labels[f"models.ome.io/{key}"] == READY for key in keys)
        group.cancel_scope.cancel()
    writes = written(tmp_path / "audit.log")
    assert len(writes) == AGENTS
    # One write a second at most for changes of a second, and one for each progress of five workers.
    assert max(writes.values()) <= spent + 5


def settled(entries: Mapping[str, str], keys: set[str]) -> bool:
    found = {key: decode_entry(text) for key, text in entries.items()}
    return found.keys() == keys and all(
        entry is not None and entry.status == READY and entry.progress is None and entry.config
        for entry in found.values()
    )


def written(path: Path) -> Counter[str]:
    """Writes of each node's ConfigMap, from the audit log."""
    writes: Counter[str] = Counter()
    for line in path.read_bytes().splitlines():
        event = msgspec.json.decode(line)
        about = event.get("objectRef") or {}
        name = about.get("name") or ""
        wrote = event["verb"] in ("create", "patch", "update")
        if wrote and about.get("resource") == "configmaps" and name.startswith("gpu-"):
            writes[name] += 1
    return writes
