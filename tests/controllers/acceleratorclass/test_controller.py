"""Classes and nodes on a fake cluster: status, finalizer, and silence when nothing changes."""

from __future__ import annotations

import random
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import anyio

from ome.controllers import ControllerContext, acceleratorclass
from ome.controllers.resources import ACCELERATOR_CLASSES
from ome.informers.registry import Informers
from ome.kube import Applier, Client, EventRecorder
from ome.kube.resource import ObjectKey
from ome.kube.resources import NODES
from tests.support.fake_cluster import FakeCluster
from tests.support.virtual_time import VirtualClock, run_virtual

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

KEY = ObjectKey("", "h100")


@asynccontextmanager
async def operator(cluster: FakeCluster) -> AsyncIterator[None]:
    clock, rng = VirtualClock(), random.Random(1)
    client = Client(cluster, clock=clock, rng=rng)
    context = ControllerContext(
        client,
        Informers(client, clock, rng),
        Applier(client),
        EventRecorder(client, "test", clock, instance="test"),
        clock,
        rng,
        "ome",
    )
    (controller,) = acceleratorclass.setup(context)
    async with anyio.create_task_group() as group:
        await group.start(context.informers.run)
        await context.informers.wait_synced()
        group.start_soon(controller.run)
        yield
        group.cancel_scope.cancel()


def new_cluster() -> FakeCluster:
    return FakeCluster(ACCELERATOR_CLASSES, clock=VirtualClock())


def h100(**spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "ome.io/v1beta1",
        "kind": "AcceleratorClass",
        "metadata": {"name": "h100"},
        "spec": {
            "discovery": {"nodeSelector": {"gpu": "h100"}},
            "capabilities": {"memoryGB": "80Gi"},
            "resources": [{"name": "nvidia.com/gpu"}],
            **spec,
        },
    }


def node(name: str, gpus: str = "8", allocatable: str = "8", **labels: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": labels or {"gpu": "h100"}},
        "status": {
            "capacity": {"memory": "2Ti", "cpu": "96", "nvidia.com/gpu": gpus},
            "allocatable": {"memory": "2Ti", "cpu": "95", "nvidia.com/gpu": allocatable},
        },
    }


def status(cluster: FakeCluster) -> dict[str, Any]:
    document = cluster.object(ACCELERATOR_CLASSES, KEY)
    assert document is not None
    found: dict[str, Any] = document.get("status") or {}
    return found


def condition(cluster: FakeCluster) -> tuple[str, str, str]:
    (found,) = status(cluster)["conditions"]
    return found["status"], found["reason"], found["message"]


def test_the_status_follows_the_nodes() -> None:
    async def main() -> None:
        cluster = new_cluster()
        for item in (h100(), node("b", allocatable="7"), node("a"), node("c", gpu="t4")):
            cluster.put(item)
        async with operator(cluster):
            await anyio.sleep(1)
            held = status(cluster)
            assert held["nodes"] == ["a", "b"]
            assert held["availableNodes"] == 2
            assert (held["totalAccelerators"], held["availableAccelerators"]) == (16, 15)
            assert condition(cluster) == (
                "True",
                "NodesFound",
                "2 nodes with 16 accelerators, 15 of them allocatable",
            )
            moved = held["lastUpdated"]
            cluster.put(node("c"))
            await anyio.sleep(3)
            assert status(cluster)["nodes"] == ["a", "b", "c"]
            assert status(cluster)["lastUpdated"] > moved
            for name in "abc":
                cluster.put(node(name, gpu="gone"))
            await anyio.sleep(3)
            held = status(cluster)
            assert not {"nodes", "availableNodes", "totalAccelerators"} & held.keys()
            assert condition(cluster) == (
                "False",
                "NoNodes",
                "no node has label gpu=h100 and memory of at least 80Gi (capabilities.memoryGB);"
                " label nodes, or correct spec.discovery.nodeSelector",
            )

    run_virtual(main)


def test_heartbeats_and_restarts_write_nothing() -> None:
    async def main() -> None:
        cluster = new_cluster()
        for item in (h100(), node("a")):
            cluster.put(item)
        async with operator(cluster):
            await anyio.sleep(5)
        before = len(cluster.writes)
        async with operator(cluster):
            for beat in range(20):
                held = node("a")
                held["status"]["conditions"] = [{"type": "Ready", "lastHeartbeatTime": str(beat)}]
                cluster.put(held)
                await anyio.sleep(10)
        assert cluster.writes[before:] == []

    run_virtual(main)


def test_many_nodes_at_once_cost_few_writes() -> None:
    async def main() -> None:
        cluster = new_cluster()
        cluster.put(h100())
        async with operator(cluster):
            await anyio.sleep(5)
            before = len(cluster.writes)
            for number in range(200):
                cluster.put(node(f"n{number:03}"))
                await anyio.sleep(0.01)
            await anyio.sleep(5)
            assert status(cluster)["availableNodes"] == 200
            assert len(cluster.writes) - before <= 5

    run_virtual(main)


def test_the_finalizer_is_held_and_let_go() -> None:
    async def main() -> None:
        cluster = new_cluster()
        cluster.put(h100())
        async with operator(cluster):
            await anyio.sleep(1)
            document = cluster.object(ACCELERATOR_CLASSES, KEY)
            assert document is not None
            assert document["metadata"]["finalizers"] == ["acceleratorclasses.ome.io/finalizer"]
            cluster.remove(ACCELERATOR_CLASSES, KEY)
            await anyio.sleep(1)
            assert cluster.object(ACCELERATOR_CLASSES, KEY) is None

    run_virtual(main)


def test_an_edit_of_the_class_looks_at_all_nodes_again() -> None:
    async def main() -> None:
        cluster = new_cluster()
        for item in (h100(), node("a"), node("t", gpu="t4")):
            cluster.put(item)
        async with operator(cluster):
            await anyio.sleep(2)
            document = cluster.object(ACCELERATOR_CLASSES, KEY)
            assert document is not None
            spec = h100(discovery={"nodeSelector": {"gpu": "t4"}})["spec"]
            cluster.put({**document, "spec": spec})
            await anyio.sleep(2)
            assert status(cluster)["nodes"] == ["t"]
            assert len(cluster.objects(NODES)) == 2

    run_virtual(main)
