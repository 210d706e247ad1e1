"""Against a real API server: what its defaults, pruning and validation do to our writes.

Many nodes and their status writes are counted in ``tests/e2e/test_scale.py``.
"""

from __future__ import annotations

import json
import random
import uuid
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from ome.agent.simulate import Behaviour, Simulation
from ome.api import names
from ome.clock import SystemClock
from ome.controllers import ControllerContext, basemodel
from ome.controllers.resources import BASE_MODELS, CLUSTER_BASE_MODELS
from ome.errors import NotFound
from ome.informers.registry import Informers
from ome.kube import Applier, Client, EventRecorder
from ome.kube.http import connect
from ome.kube.resource import ObjectKey
from ome.kube.resources import CONFIGMAPS, EVENTS, NAMESPACES, NODES

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(120)]


class Place:
    """The controllers at work on a real server, with a namespace and a model name of their own."""

    def __init__(self, client: Client, context: ControllerContext) -> None:
        self.client = client
        self.context = context
        self.key = ObjectKey("", f"live-{uuid.uuid4().hex[:8]}")

    @property
    def report_key(self) -> str:
        return f"clusterbasemodel.{self.key.name}"

    async def create(self, **storage: Any) -> None:
        uri = {"storageUri": "hf://example/live", **storage}
        await self.client.create(
            CLUSTER_BASE_MODELS,
            {
                "apiVersion": "ome.io/v1beta1",
                "kind": "ClusterBaseModel",
                "metadata": {"name": self.key.name},
                "spec": {"storage": uri},
            },
        )

    async def model(self) -> dict[str, Any]:
        return await self.client.get(CLUSTER_BASE_MODELS, self.key)

    async def until(self, holds: Callable[[dict[str, Any]], Any], seconds: float = 30) -> Any:
        """Wait until something is true of the model."""
        document: dict[str, Any] = {}
        with anyio.move_on_after(seconds):
            while True:
                document = await self.model()
                if holds(document):
                    return document
                await anyio.sleep(0.05)
        raise AssertionError(f"not after {seconds:g} s: {json.dumps(document)[:3000]}")

    async def rest(self) -> dict[str, Any]:
        """The model once nobody writes it any more."""
        with anyio.fail_after(30):
            before = await self.model()
            while True:
                await anyio.sleep(3)
                now = await self.model()
                if now["metadata"]["resourceVersion"] == before["metadata"]["resourceVersion"]:
                    return now
                before = now

    async def report(self, node: str, text: str) -> None:
        """Report as an agent of another make would."""
        labels = {names.LABEL_MODEL_STATUS: "true", names.LABEL_NODE: node}
        metadata = {"name": node, "namespace": self.context.namespace, "labels": labels}
        await self.client.apply(
            CONFIGMAPS,
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": metadata,
                "data": {self.report_key: text},
            },
            manager="test",
        )


@asynccontextmanager
async def place(*nodes: str) -> AsyncIterator[Place]:
    clock, rng = SystemClock(), random.Random()
    async with await connect(None) as transport:
        client = Client(transport, clock=clock, rng=rng)
        namespace = f"live-{uuid.uuid4().hex[:8]}"
        await client.create(
            NAMESPACES,
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}},
        )
        informers = Informers(client, clock, rng)
        context = ControllerContext(
            client,
            informers,
            Applier(client),
            EventRecorder(client, "test", clock),
            clock,
            rng,
            namespace,
        )
        controllers = basemodel.setup(context)
        simulation = Simulation(
            client,
            informers,
            namespace,
            clock,
            rng,
            Behaviour((0.5, 1.0), report_interval=0.2),
            (BASE_MODELS, CLUSTER_BASE_MODELS),
        )
        async with anyio.create_task_group() as group:
            group.start_soon(context.events.run)
            await group.start(informers.run)
            await informers.wait_synced(30)
            for controller in controllers:
                group.start_soon(controller.run)
            if nodes:
                group.start_soon(simulation.run, nodes)
            yield Place(client, context)
            group.cancel_scope.cancel()
        await client.delete(NAMESPACES, ObjectKey("", namespace))


@asynccontextmanager
async def node(client: Client) -> AsyncIterator[str]:
    name = f"live-{uuid.uuid4().hex[:8]}"
    await client.create(NODES, {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}})
    try:
        yield name
    finally:
        await _is_gone(lambda: client.delete(NODES, ObjectKey("", name)))


async def _is_gone(get: Callable[[], Awaitable[Any]]) -> bool:
    try:
        await get()
    except NotFound:
        return True
    return False


async def _until(holds: Callable[[], Awaitable[Any]], seconds: float = 30) -> None:
    with anyio.fail_after(seconds):
        while True:
            if await holds():
                return
            await anyio.sleep(0.1)


async def _delete(here: Place) -> None:
    """Delete the model and wait until it is gone."""
    await here.client.delete(CLUSTER_BASE_MODELS, here.key)
    await _until(lambda: _is_gone(here.model))


async def test_from_its_creation_to_its_end() -> None:
    nodes = ["gpu-0", "gpu-1", "gpu-2"]
    async with place(*nodes) as here:
        await here.create()
        await here.until(lambda now: now.get("status", {}).get("nodesReady") == nodes)
        settled = await here.rest()
        spec = settled["spec"]
        assert spec["storage"]["path"] == "/mnt/models/hf:/example/live"
        assert spec["modelType"] == "llama"
        assert spec["modelFormat"]["name"] == "safetensors"
        assert spec["modelFramework"]["version"] == "4.43.0"
        assert spec["modelConfiguration"]["context_length"] == 131072
        filled = settled["metadata"]["annotations"]["ome.io/auto-filled-fields"]
        assert "storage.path=" in filled
        ready = next(item for item in settled["status"]["conditions"] if item["type"] == "Ready")
        assert ready["message"] == "ready on 3 nodes"

        await here.client.merge_patch(CLUSTER_BASE_MODELS, here.key, {"spec": {"maxTokens": 4096}})
        now = await here.until(lambda now: "maxTokens" not in _filled(now))
        assert now["spec"]["maxTokens"] == 4096
        assert (await here.rest())["spec"]["maxTokens"] == 4096

        await _delete(here)
        label = f"models.ome.io/{here.report_key}"
        for name in nodes:
            labels = (await here.client.get(NODES, ObjectKey("", name)))["metadata"]["labels"]
            assert label not in labels


def _filled(document: dict[str, Any]) -> str:
    annotations = document["metadata"].get("annotations") or {}
    return str(annotations.get("ome.io/auto-filled-fields", ""))


@pytest.mark.slow
@pytest.mark.parametrize(
    "config",
    [
        {"diffusionPipeline": {"className": "Flux", "unknownMember": {"x": 1}}},
        {"decodedModelConfiguration": {"whole": 1.0, "small": 1e-5, "none": None, "deep": [1.0]}},
        {"modelFramework": {"name": "transformers", "extra": "x"}},
        {"modelFormat": {"name": "safetensors", "version": "1.0.0"}},
    ],
    ids=["pruned", "numbers", "framework", "format"],
)
async def test_what_the_server_stores_differently_is_not_written_again(
    config: dict[str, Any],
) -> None:
    async with place() as here, node(here.client) as name:
        await here.create(path="/raid/x")
        entry = {"name": here.key.name, "status": "Ready", "config": config}
        await here.report(name, json.dumps(entry))
        await here.until(lambda now: now.get("status", {}).get("state") == "Ready")
        settled = await here.rest()
        await anyio.sleep(3)
        assert (await here.model())["metadata"] == settled["metadata"]
        await here.client.delete(NODES, ObjectKey("", name))
        await _delete(here)


async def test_what_the_server_refuses_is_told_and_the_state_is_written() -> None:
    async with place() as here, node(here.client) as name:
        await here.create(path="/raid/x")
        nonsense = {"diffusionPipeline": {"scheduler": "no object"}, "modelType": "llama"}
        entry = {"name": here.key.name, "status": "Ready", "config": nonsense}
        await here.report(name, json.dumps(entry))
        now = await here.until(lambda now: now.get("status", {}).get("state") == "Ready")
        conditions = {item["type"]: item for item in now["status"]["conditions"]}
        assert conditions["Degraded"]["reason"] == "SpecNotFilled"
        assert "diffusionPipeline" in conditions["Degraded"]["message"]
        selector = f"regarding.name={here.key.name}"
        await _until(lambda: here.client.list(EVENTS, "default", field_selector=selector))
        await here.client.delete(NODES, ObjectKey("", name))
        await _delete(here)


async def test_a_node_that_goes_takes_its_report_along_and_blocks_nothing() -> None:
    async with place() as here, node(here.client) as name:
        await here.create(path="/raid/x")
        await here.report(name, json.dumps({"name": here.key.name, "status": "Ready"}))
        await here.until(lambda now: now.get("status", {}).get("nodesReady") == [name])
        await here.client.delete(CLUSTER_BASE_MODELS, here.key)
        await anyio.sleep(2)
        assert (await here.model())["metadata"]["deletionTimestamp"]
        await here.client.delete(NODES, ObjectKey("", name))
        held = ObjectKey(here.context.namespace, name)
        await _until(lambda: _is_gone(lambda: here.client.get(CONFIGMAPS, held)))
        await _until(lambda: _is_gone(here.model))
