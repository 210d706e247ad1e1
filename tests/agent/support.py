"""Real agents on a cluster in memory, with a hub and a disk that are real."""

from __future__ import annotations

import random
from collections import Counter
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import anyio
from aiohttp import web

from ome.agent.agent import NodeAgent
from ome.agent.blobs import Blobs
from ome.agent.disk import Disk
from ome.agent.fetching import InProcess
from ome.agent.fleet import Fleet
from ome.agent.post import Alone, Post
from ome.agent.protocol import decode_entry
from ome.agent.reporting import Reporter
from ome.agent.settings import Settings
from ome.agent.turns import ClusterTurns
from ome.cli.nodeagent import address_of
from ome.clock import SystemClock
from ome.controllers.resources import CLUSTER_BASE_MODELS, ON_NODES
from ome.informers.registry import Informers
from ome.kube import Client
from ome.kube.resource import ObjectKey
from ome.kube.resources import CONFIGMAPS, NODES
from ome.reconciler.health import HttpServer
from ome.sandbox.safetensors_files import llama_repository
from ome.storage.settings import Surroundings
from tests.support.fake_cluster import FakeCluster

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping
    from pathlib import Path

    from ome.agent.fetching import Downloads
    from ome.agent.post import Turns
    from ome.agent.protocol import Entry
    from ome.sandbox.hub import Hub

__all__ = [
    "FAST",
    "FILES",
    "SHARD",
    "World",
    "agents",
    "at_rest",
    "label",
    "mark",
    "model",
    "new_cluster",
    "peering",
    "put_node",
    "said",
    "status",
    "statuses",
    "until",
]

FILES = llama_repository(2)
SHARD = "model-00002-of-00002.safetensors"
"""One of them."""
FAST: dict[str, Any] = {
    "attempts": 2,
    "retry_seconds": 0.01,
    "report_seconds": 0.01,
    "turn_seconds": 0.02,
    "jitter_seconds": 0.0,
}


class World:
    """What the agents of a test share."""

    def __init__(self, cluster: FakeCluster, hub: Hub | None, root: Path) -> None:
        self.cluster = cluster
        self.hub = hub
        self.root = root
        self.posts: dict[str, Post] = {}
        self.agents: dict[str, NodeAgent] = {}
        self.turns: Callable[[Client, str], Turns] = lambda *_: Alone()
        self.settings: dict[str, Any] = dict(FAST)
        self.secrets: dict[tuple[str, str], Mapping[str, bytes]] = {}
        self.downloads: Downloads | None = None
        self.labels: dict[str, Mapping[str, str]] = {}
        self.sent: Counter[str] = Counter()
        """Bytes that nodes gave to others."""
        self.clock = SystemClock()

    def disk_of(self, node: str) -> Path:
        """The root directory of a node's models."""
        return self.root / node / "models"

    def note_sent(self, node: str, count: int) -> None:
        self.sent[node] += count

    async def secret(self, namespace: str, name: str) -> Mapping[str, bytes] | None:
        return self.secrets.get((namespace, name))

    def make(self, client: Client, node: str) -> NodeAgent:
        rng = random.Random(node)
        environ = {"HF_ENDPOINT": self.hub.url} if self.hub else {}
        around = Surroundings(self.clock, rng, environ, anyio.CapacityLimiter(4))
        settings = Settings(**{"root": "/models", **self.settings})
        self.disk_of(node).mkdir(parents=True, exist_ok=True)
        post = Post(
            node,
            "ome",
            settings,
            Reporter(client, node, "ome", self.clock, rng, interval=settings.report_seconds),
            Disk(settings.allowed, str(self.root / node)),
            self.downloads or InProcess(around),
            self.secret,
            self.turns(client, node),
            self.clock,
            rng,
            anyio.CapacityLimiter(settings.workers),
            environ=environ,
        )
        self.posts[node] = post
        self.agents[node] = NodeAgent(post)
        return self.agents[node]


@asynccontextmanager
async def peering(world: World, *nodes: str, host: str = "127.0.0.1") -> AsyncIterator[None]:
    """Let the nodes give files to each other while the context is open."""
    addresses: dict[str, str] = {}

    def turns(client: Client, node: str) -> Turns:
        rng, address = random.Random(node), addresses[node]
        made = ClusterTurns(client, "ome", node, world.clock, rng, address=address, jitter=0)
        made.labels = lambda: world.labels.get(node, {})
        return made

    async with AsyncExitStack() as stack:
        for node in nodes:
            app = web.Application()
            Blobs(str(world.disk_of(node)), partial(world.note_sent, node)).add_to(app)
            server = HttpServer(app, host, 0)
            addresses[node] = address_of(host, await server.start())
            stack.push_async_callback(server.stop)
        world.turns = turns
        yield


@asynccontextmanager
async def agents(world: World, *nodes: str) -> AsyncIterator[Fleet]:
    """The agents of some nodes, running."""
    rng = random.Random(1)
    client = Client(world.cluster, clock=world.clock, rng=rng)
    informers = Informers(client, world.clock, rng)
    fleet = Fleet(client, informers, world.clock, ON_NODES, lambda node: world.make(client, node))
    async with anyio.create_task_group() as group:
        await group.start(informers.run)
        await informers.wait_synced()
        group.start_soon(fleet.run, nodes)
        yield fleet
        group.cancel_scope.cancel()


def new_cluster(*nodes: str) -> FakeCluster:
    cluster = FakeCluster(*ON_NODES, clock=SystemClock())
    for name in nodes:
        put_node(cluster, name)
    return cluster


def put_node(cluster: FakeCluster, name: str, **labels: str) -> None:
    cluster.put({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": labels}})


def model(name: str = "m", uri: str = "hf://org/tiny", **storage: Any) -> dict[str, Any]:
    return {
        "apiVersion": "ome.io/v1beta1",
        "kind": "ClusterBaseModel",
        "metadata": {"name": name, "finalizers": ["clusterbasemodels.ome.io/finalizer"]},
        "spec": {"storage": {"storageUri": uri, "path": f"/models/{name}", **storage}},
    }


def said(cluster: FakeCluster, node: str = "n1", name: str = "m") -> Entry | None:
    held = cluster.object(CONFIGMAPS, ObjectKey("ome", node)) or {}
    text = (held.get("data") or {}).get(f"clusterbasemodel.{name}")
    return None if text is None else decode_entry(text)


def label(cluster: FakeCluster, node: str = "n1", name: str = "m") -> str:
    found = cluster.object(NODES, ObjectKey("", node)) or {"metadata": {}}
    labels: dict[str, str] = found["metadata"].get("labels", {})
    return labels.get(f"models.ome.io/clusterbasemodel.{name}", "")


async def until(holds: Callable[[], object], seconds: float = 60.0) -> None:
    """Wait until something is so. Raises ``TimeoutError``."""
    with anyio.fail_after(seconds):
        while not holds():  # noqa: ASYNC110  # of a cluster and a disk, which tell nobody
            await anyio.sleep(0.005)


async def at_rest(world: World, node: str = "n1", name: str = "m") -> None:
    """Wait until the agent has done, and told, what it does for a model as it is now."""
    await until(lambda: _is_at_rest(world, node, name))
    await world.agents[node].settled()


def _is_at_rest(world: World, node: str, name: str) -> bool:
    stored = world.cluster.object(CLUSTER_BASE_MODELS, ObjectKey("", name))
    tenders = world.agents[node]._tenders if node in world.agents else {}
    tender = tenders.get(f"clusterbasemodel.{name}")
    if stored is None or tender is None:
        return False
    seen, metadata = tender.model, stored["metadata"]
    if (seen.storage, seen.labels) != (stored["spec"]["storage"], metadata.get("labels") or {}):
        return False
    return tender._wish == tender._wished() and bool(tender.resting or tender.failed_by)


def status(cluster: FakeCluster, node: str = "n1", name: str = "m") -> str:
    entry = said(cluster, node, name)
    return "" if entry is None else entry.status


def statuses(cluster: FakeCluster, name: str = "m", node: str = "n1") -> list[str | None]:
    """The states that were written of a model, in order."""
    found: list[str | None] = []
    for write in cluster.writes:
        if write.resource == CONFIGMAPS and write.key.name == node:
            data = write.body.get("data") or {}
            key = f"clusterbasemodel.{name}"
            if key in data:
                entry = None if data[key] is None else decode_entry(data[key])
                found.append(None if entry is None else entry.status)
    return found


def mark(cluster: FakeCluster, name: str = "m", **metadata: dict[str, str]) -> None:
    found = cluster.object(CLUSTER_BASE_MODELS, ObjectKey("", name))
    assert found is not None
    cluster.put({**found, "metadata": {**found["metadata"], **metadata}})
