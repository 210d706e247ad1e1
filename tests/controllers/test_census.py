"""The gauges of services and models follow what happens to them."""

from __future__ import annotations

import random
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from prometheus_client import CollectorRegistry

from ome.controllers.census import take_census
from ome.controllers.resources import BASE_MODELS, CLUSTER_BASE_MODELS, INFERENCE_SERVICES
from ome.informers.registry import Informers
from ome.kube import Client
from ome.kube.resource import ObjectKey
from tests.support.fake_cluster import FakeCluster
from tests.support.virtual_time import VirtualClock, run_virtual

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

RESOURCES = (BASE_MODELS, CLUSTER_BASE_MODELS, INFERENCE_SERVICES)


def put(cluster: FakeCluster, resource: Any, name: str, **status: Any) -> None:
    metadata: dict[str, str] = {"name": name}
    if resource.namespaced:
        metadata["namespace"] = "demo"
    kind = {"apiVersion": resource.api_version, "kind": resource.kind}
    cluster.put({**kind, "metadata": metadata, **({"status": status} if status else {})})


def ready(status: str) -> dict[str, Any]:
    return {"conditions": [{"type": "EngineReady", "status": "True"}, _ready(status)]}


def _ready(status: str) -> dict[str, str]:
    return {"type": "Ready", "status": status}


@asynccontextmanager
async def census(registry: CollectorRegistry) -> AsyncIterator[FakeCluster]:
    clock, rng = VirtualClock(), random.Random(1)
    cluster = FakeCluster(*RESOURCES, clock=clock)
    informers = Informers(Client(cluster, clock=clock, rng=rng), clock, rng)
    take_census(informers, registry)
    async with anyio.create_task_group() as group:
        await group.start(informers.run)
        await informers.wait_synced()
        yield cluster
        group.cancel_scope.cancel()


def test_gauges_follow_objects() -> None:
    registry = CollectorRegistry()

    def services(status: str) -> float | None:
        return registry.get_sample_value("ome_inferenceservices", {"ready": status})

    def models(kind: str, state: str) -> float | None:
        return registry.get_sample_value("ome_models", {"kind": kind, "state": state})

    async def main() -> None:
        async with census(registry) as cluster:
            put(cluster, INFERENCE_SERVICES, "new")
            put(cluster, INFERENCE_SERVICES, "waits", **ready("False"))
            put(cluster, CLUSTER_BASE_MODELS, "a", state="Ready", nodesReady=["n"])
            put(cluster, BASE_MODELS, "b")
            await anyio.sleep(1)
            assert (services("Unknown"), services("False"), services("True")) == (1, 1, None)
            assert models("ClusterBaseModel", "Ready") == 1
            assert models("BaseModel", "Unknown") == 1

            put(cluster, INFERENCE_SERVICES, "waits", **ready("True"))
            put(cluster, CLUSTER_BASE_MODELS, "a", state="Failed")
            cluster.remove(BASE_MODELS, ObjectKey("demo", "b"))
            await anyio.sleep(1)
            assert (services("False"), services("True")) == (0, 1)
            assert models("ClusterBaseModel", "Ready") == 0
            assert models("ClusterBaseModel", "Failed") == 1
            assert models("BaseModel", "Unknown") == 0

    run_virtual(main)


@pytest.mark.parametrize("status", [{"conditions": "none"}, {"conditions": [{"type": 1}]}])
def test_a_status_of_another_shape_is_unknown(status: dict[str, Any]) -> None:
    registry = CollectorRegistry()

    async def main() -> None:
        async with census(registry) as cluster:
            put(cluster, INFERENCE_SERVICES, "odd", **status)
            await anyio.sleep(1)

    run_virtual(main)
    assert registry.get_sample_value("ome_inferenceservices", {"ready": "Unknown"}) == 1
