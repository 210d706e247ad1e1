"""Real agents for the nodes of a sandbox: real downloads from a local hub onto this machine's disk.

Each node has a directory that stands for its file system. The hub gives every repository that it is
asked for the files of a tiny model, drawn from the repository's name; nodes take them from each
other as in a cluster. Downloads run in child processes, a few at a time for all nodes together.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import anyio
import anyio.to_thread
from aiohttp import web

from ome.agent.assembly import Site, node_agent
from ome.agent.blobs import BLOB_ROUTE, Blobs
from ome.agent.fetching import InChildren
from ome.agent.fleet import Fleet
from ome.agent.settings import Settings
from ome.reconciler.health import HttpServer
from ome.sandbox.hub import Repository, running_hub
from ome.sandbox.safetensors_files import llama_repository
from ome.storage.settings import Surroundings

if TYPE_CHECKING:
    import random
    from collections.abc import AsyncIterator, Callable, Sequence
    from pathlib import Path

    from ome.agent.agent import NodeAgent
    from ome.agent.fetch.model import Fetched, Job
    from ome.agent.protocol import Progress
    from ome.clock import Clock
    from ome.informers.registry import Informers
    from ome.kube.client import Client
    from ome.kube.resource import Resource

__all__ = ["Place", "real_agents", "tiny_repository"]

_CHILDREN = 4
_SETTINGS = Settings(report_seconds=0.5, progress_seconds=2.0, turn_seconds=0.2, jitter_seconds=0.0)
_LOCAL = "127.0.0.1,localhost"


@dataclass(frozen=True, slots=True)
class Place:
    """Where the nodes' file systems are, and the operator's namespace."""

    directory: Path
    namespace: str


def tiny_repository(name: str) -> Repository:
    """A genuine model of 92,564 parameters; its bytes and its commit are those of the name."""
    digest = hashlib.sha256(name.encode()).hexdigest()
    files = llama_repository(2, seed=int(digest[:8], 16))
    if "qwen" in name.lower():
        config = json.loads(files["config.json"])
        config |= {"architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2"}
        files["config.json"] = json.dumps(config).encode()
    return Repository(files, commit=digest[:40])


@asynccontextmanager
async def real_agents(
    client: Client,
    informers: Informers,
    place: Place,
    clock: Clock,
    rng: random.Random,
    models: Sequence[Resource],
) -> AsyncIterator[Fleet]:
    """Agents for every node, to be run once the informers are in sync; nothing of them is kept."""
    nodes: dict[str, Blobs] = {}
    app = web.Application()

    async def blob(request: web.Request) -> web.StreamResponse:
        found = nodes.get(request.match_info["node"])
        return web.Response(status=404) if found is None else await found.answer(request)

    app.router.add_get("/nodes/{node}" + BLOB_ROUTE, blob)
    server = HttpServer(app, "127.0.0.1", 0)
    port = await server.start()
    try:
        async with running_hub(make=tiny_repository) as hub:
            environ = {**os.environ, "HF_ENDPOINT": hub.url, "no_proxy": _LOCAL}
            environ["NO_PROXY"] = _LOCAL
            for secret in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
                environ.pop(secret, None)  # the local hub knows nobody
            downloads = _AFew(Surroundings(clock, rng, environ))

            def make(node: str) -> NodeAgent:
                prefix = place.directory / node
                root = f"{prefix}{_SETTINGS.root}"
                os.makedirs(root, exist_ok=True)
                nodes[node] = Blobs(root)
                site = Site(
                    place.namespace,
                    environ,
                    str(prefix),
                    f"http://127.0.0.1:{port}/nodes/{node}",
                    downloads=downloads,
                )
                return node_agent(client, node, site, _SETTINGS, clock, rng)[0]

            yield Fleet(client, informers, clock, models, make)
    finally:
        with anyio.CancelScope(shield=True):
            await server.stop()
            await anyio.to_thread.run_sync(_clear, place.directory)


def _clear(directory: Path) -> None:
    shutil.rmtree(directory, ignore_errors=True)


class _AFew(InChildren):
    """Downloads in children, a few at a time."""

    def __init__(self, around: Surroundings) -> None:
        super().__init__(around)
        self._children = anyio.CapacityLimiter(_CHILDREN)

    async def fetch(
        self, job: Job, told: Callable[[Progress], None], limited: Callable[[float], None]
    ) -> Fetched:
        async with self._children:
            return await super().fetch(job, told, limited)
