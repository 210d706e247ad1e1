"""Simulated agents on a fake cluster, and what they say of models."""

from __future__ import annotations

import random
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import anyio
import anyio.lowlevel

from ome.agent.protocol import Entry, decode_entry
from ome.agent.simulate import Behaviour, Simulation
from ome.controllers.resources import ON_NODES
from ome.informers.registry import Informers
from ome.kube import Client
from ome.kube.resource import ObjectKey
from ome.kube.resources import CONFIGMAPS, NODES
from tests.support.fake_cluster import FakeCluster
from tests.support.virtual_time import VirtualClock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

KEY = "clusterbasemodel.m"
LABEL = f"models.ome.io/{KEY}"


def new_cluster(*nodes: str) -> FakeCluster:
    cluster = FakeCluster(*ON_NODES, clock=VirtualClock())
    for name in nodes:
        put_node(cluster, name)
    return cluster


def put_node(cluster: FakeCluster, name: str, **labels: str) -> None:
    cluster.put({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": labels}})


def relabel(cluster: FakeCluster, name: str, **labels: str) -> None:
    node = cluster.object(NODES, ObjectKey("", name))
    assert node is not None
    node["metadata"]["labels"] |= labels
    cluster.put(node)


def model(name: str = "m", **storage: Any) -> dict[str, Any]:
    return {
        "apiVersion": "ome.io/v1beta1",
        "kind": "ClusterBaseModel",
        "metadata": {"name": name},
        "spec": {
            "storage": {"storageUri": f"hf://example/{name}", "path": f"/p/{name}", **storage}
        },
    }


@asynccontextmanager
async def agents(
    cluster: FakeCluster, *nodes: str, seed: int = 1, **behaviour: Any
) -> AsyncIterator[Simulation]:
    clock, rng = VirtualClock(), random.Random(seed)
    client = Client(cluster, clock=clock, rng=rng)
    informers = Informers(client, clock, rng)
    simulation = Simulation(
        client,
        informers,
        "ome",
        clock,
        rng,
        Behaviour(**behaviour),
        ON_NODES,
    )
    async with anyio.create_task_group() as group:
        await group.start(informers.run)
        await informers.wait_synced()
        group.start_soon(simulation.run, nodes)
        yield simulation
        group.cancel_scope.cancel()


def said(cluster: FakeCluster, node: str, key: str = KEY) -> Entry | None:
    held = cluster.object(CONFIGMAPS, ObjectKey("ome", node)) or {}
    text = (held.get("data") or {}).get(key)
    return None if text is None else decode_entry(text)


def state(cluster: FakeCluster, node: str, key: str = KEY) -> str:
    entry = said(cluster, node, key)
    return "" if entry is None else entry.status


def label(cluster: FakeCluster, node: str) -> str:
    found = cluster.object(NODES, ObjectKey("", node))
    return "" if found is None else found["metadata"].get("labels", {}).get(LABEL, "")


def history(cluster: FakeCluster, node: str, key: str = KEY) -> list[str | None]:
    """The statuses that were written of a model, in order."""
    found: list[str | None] = []
    for write in cluster.writes:
        if write.resource == CONFIGMAPS and write.key.name == node:
            data = write.body.get("data") or {}
            if key in data:
                entry = None if data[key] is None else decode_entry(data[key])
                found.append(None if entry is None else entry.status)
    return found
