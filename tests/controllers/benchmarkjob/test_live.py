"""Against an API server with a Job controller: benchmarks end, fail, are refused, are deleted."""

from __future__ import annotations

import json
import random
import uuid
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from ome.clock import SystemClock
from ome.controllers import ControllerContext, benchmarkjob
from ome.controllers.resources import BENCHMARK_JOBS
from ome.errors import NotFound
from ome.informers.registry import Informers
from ome.kube import Applier, Client, EventRecorder
from ome.kube.http import connect
from ome.kube.resource import ObjectKey
from ome.kube.resources import CONFIGMAPS, EVENTS, JOBS, NAMESPACES, PODS
from tests.controllers.benchmarkjob.world import SETTINGS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from ome.kube.resource import Resource

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(120)]


class Place:
    """The controller at work in a namespace of its own."""

    def __init__(self, client: Client, namespace: str) -> None:
        self.client = client
        self.key = ObjectKey(namespace, "bench")

    async def create(self, **spec: Any) -> None:
        whole = {
            "endpoint": {"endpoint": {"url": "http://host", "apiFormat": "openai"}},
            "task": "text-to-text",
            "maxTimePerIteration": 1,
            "maxRequestsPerIteration": 1,
            "outputLocation": {"storageUri": "s3://bucket/x", "key": "creds"},
            **spec,
        }
        metadata = {"name": "bench", "namespace": self.key.namespace}
        await self.client.create(
            BENCHMARK_JOBS,
            {
                "apiVersion": "ome.io/v1beta1",
                "kind": "BenchmarkJob",
                "metadata": metadata,
                "spec": whole,
            },
        )

    async def status(self) -> dict[str, Any]:
        document = await self.client.get(BENCHMARK_JOBS, self.key)
        return dict(document.get("status") or {})

    async def until(self, holds: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
        now: dict[str, Any] = {}
        with anyio.move_on_after(60):
            while True:
                now = await self.status()
                if holds(now):
                    return now
                await anyio.sleep(0.1)
        raise AssertionError(f"not after a minute: {json.dumps(now)[:2000]}")

    async def pod(self) -> dict[str, Any]:
        with anyio.fail_after(30):
            while True:
                found = await self.client.list(PODS, self.key.namespace)
                if found:
                    return dict(found[0])
                await anyio.sleep(0.1)


@asynccontextmanager
async def place() -> AsyncIterator[Place]:
    clock, rng = SystemClock(), random.Random()
    async with await connect(None) as transport:
        client = Client(transport, clock=clock, rng=rng)
        namespace = f"bench-{uuid.uuid4().hex[:8]}"
        await client.create(
            NAMESPACES,
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}},
        )
        metadata = {"name": "benchmarkjob-config", "namespace": namespace}
        data = {"benchmarkjob": json.dumps(SETTINGS)}
        await client.create(
            CONFIGMAPS,
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data},
        )
        context = ControllerContext(
            client,
            Informers(client, clock, rng),
            Applier(client),
            EventRecorder(client, "test", clock),
            clock,
            rng,
            namespace,
        )
        controllers = benchmarkjob.setup(context)
        async with anyio.create_task_group() as group:
            group.start_soon(context.events.run)
            await group.start(context.informers.run)
            await context.informers.wait_synced(30)
            for controller in controllers:
                group.start_soon(controller.run)
            yield Place(client, namespace)
            group.cancel_scope.cancel()
        await client.delete(NAMESPACES, ObjectKey("", namespace))


async def is_empty(client: Client, resource: Resource, namespace: str) -> None:
    """Wait until nothing is left of a resource."""
    with anyio.fail_after(30):
        while True:
            if not await client.list(resource, namespace):
                return
            await anyio.sleep(0.2)


def test_a_benchmark_completes() -> None:
    async def scenario() -> None:
        async with place() as here:
            await here.create()
            now = await here.until(lambda status: status.get("state") == "Completed")
            assert now["resultLocation"] == "s3://bucket/x"
            assert now["startTime"] <= now["completionTime"]
            job = await here.client.get(JOBS, here.key)
            (container,) = job["spec"]["template"]["spec"]["containers"]
            assert container["envFrom"] == [{"secretRef": {"name": "creds"}}]
            with anyio.fail_after(20):
                while True:
                    events = await here.client.list(EVENTS, here.key.namespace)
                    about = [item for item in events if item["regarding"]["name"] == "bench"]
                    if {"JobCreated", "JobCompleted"} <= {item["reason"] for item in about}:
                        break
                    await anyio.sleep(0.2)

    anyio.run(scenario)


def test_an_evicted_pod_fails_it_and_deletion_leaves_nothing() -> None:
    async def scenario() -> None:
        async with place() as here:
            await here.create(podOverride={"nodeSelector": {"nobody": "has-this"}})
            now = await here.until(lambda status: "not scheduled" in status.get("details", ""))
            assert now["state"] == "Running"
            pod = await here.pod()
            evicted = {"phase": "Failed", "reason": "Evicted", "message": "low on memory"}
            key = ObjectKey(here.key.namespace, pod["metadata"]["name"])
            await here.client.merge_patch(PODS, key, {"status": evicted}, subresource="status")
            now = await here.until(lambda status: status.get("state") == "Failed")
            now = await here.until(lambda status: "Evicted" in status["failureMessage"])
            assert "low on memory" in now["failureMessage"]
            await here.client.delete(BENCHMARK_JOBS, here.key)
            await is_empty(here.client, JOBS, here.key.namespace)
            await is_empty(here.client, PODS, here.key.namespace)
            with pytest.raises(NotFound):
                await here.status()

    anyio.run(scenario)


def test_an_invalid_override_is_told() -> None:
    async def scenario() -> None:
        async with place() as here:
            mounts = [{"name": "nothing", "mountPath": "/x"}]
            await here.create(podOverride={"volumeMounts": mounts})
            now = await here.until(lambda status: status.get("details"))
            assert now["state"] == "Pending"
            assert "failed to reconcile benchmark job" in now["details"]
            assert "volumeMounts" in now["details"]

    anyio.run(scenario)
