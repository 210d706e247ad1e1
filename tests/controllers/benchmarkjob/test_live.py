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
from ome.controllers.resources import BASE_MODELS, BENCHMARK_JOBS, INFERENCE_SERVICES
from ome.errors import NotFound
from ome.informers.registry import Informers
from ome.kube import Applier, Client, EventRecorder
from ome.kube.http import connect
from ome.kube.resource import ObjectKey
from ome.kube.resources import CONFIGMAPS, EVENTS, JOBS, NAMESPACES, NODES, PODS
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


async def is_empty(client: Client, resource: Resource, namespace: str, every: float = 0.2) -> None:
    """Wait until nothing is left of a resource."""
    with anyio.fail_after(30):
        while True:
            if not await client.list(resource, namespace):
                return
            await anyio.sleep(every)


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
            await here.create(podOverride=UNPLACED)
            now = await here.until(lambda status: "not scheduled" in status.get("details", ""))
            assert now["state"] == "Running"
            pod = await here.pod()
            evicted = {"phase": "Failed", "reason": "Evicted", "message": "low on memory"}
            key = ObjectKey(here.key.namespace, pod["metadata"]["name"])
            await here.client.merge_patch(PODS, key, {"status": evicted}, subresource="status")
            now = await here.until(lambda status: status.get("state") == "Failed")
            now = await here.until(lambda status: "Evicted" in status["failureMessage"])
            assert "low on memory" in now["failureMessage"]
            await nothing_is_left(here)

    anyio.run(scenario)


UNPLACED = {"nodeSelector": {"nobody": "has-this"}}
"""Its pod waits, so that a test may say what becomes of it."""


async def nothing_is_left(here: Place) -> None:
    """Delete the benchmark and see everything go that was made for it."""
    await here.client.delete(BENCHMARK_JOBS, here.key)
    await is_empty(here.client, JOBS, here.key.namespace)
    await is_empty(here.client, PODS, here.key.namespace)
    with pytest.raises(NotFound):
        await here.status()


def condition(status: dict[str, Any], type_: str) -> dict[str, Any]:
    held = status.get("conditions") or ()
    return next((item for item in held if item["type"] == type_), {})


def test_an_output_that_cannot_be_written_fails_it_with_the_reason() -> None:
    async def scenario() -> None:
        async with place() as here:
            await here.create(podOverride=UNPLACED)
            await here.until(lambda status: "not scheduled" in status.get("details", ""))
            pod = await here.pod()
            name = pod["spec"]["containers"][0]["name"]
            message = "PermissionError: [Errno 13] Permission denied: '/results'"
            at = "2026-01-01T00:00:00Z"
            ended = {"exitCode": 1, "reason": "Error", "message": message,
                     "startedAt": at, "finishedAt": at}  # fmt: skip
            container = {"name": name, "image": "i", "imageID": "", "ready": False,
                         "restartCount": 0, "state": {"terminated": ended}}  # fmt: skip
            failed = {"phase": "Failed", "containerStatuses": [container]}
            key = ObjectKey(here.key.namespace, pod["metadata"]["name"])
            await here.client.merge_patch(PODS, key, {"status": failed}, subresource="status")
            now = await here.until(lambda status: status.get("state") == "Failed")
            now = await here.until(lambda status: message in status["failureMessage"])
            succeeded = condition(now, "Succeeded")
            assert (succeeded["status"], succeeded["reason"]) == ("False", "JobFailed")
            assert message in succeeded["message"]
            await nothing_is_left(here)

    anyio.run(scenario)


def test_a_container_that_ends_badly_fails_it() -> None:
    async def scenario() -> None:
        async with place() as here:
            mark = {f"{here.key.namespace}.test/here": "yes"}
            await here.create(podOverride={"nodeSelector": mark})
            await here.until(lambda status: "not scheduled" in status.get("details", ""))
            pod = await here.pod()
            key = ObjectKey(here.key.namespace, pod["metadata"]["name"])
            note = {"metadata": {"annotations": {"kwok.ome.io/fail": "Error"}}}
            await here.client.merge_patch(PODS, key, note)
            node = (await here.client.list(NODES))[0]["metadata"]["name"]
            labels: dict[str, Any] = {"metadata": {"labels": mark}}
            await here.client.merge_patch(NODES, ObjectKey("", node), labels)
            try:
                now = await here.until(lambda status: status.get("state") == "Failed")
            finally:
                labels = {"metadata": {"labels": dict.fromkeys(mark)}}
                await here.client.merge_patch(NODES, ObjectKey("", node), labels)
            now = await here.until(lambda status: "exit code 1" in status["failureMessage"])
            assert now["completionTime"]
            await nothing_is_left(here)

    anyio.run(scenario)


def test_a_benchmark_that_is_deleted_while_it_runs_takes_everything_along() -> None:
    async def scenario() -> None:
        async with place() as here:
            await here.create(podOverride=UNPLACED)
            now = await here.until(lambda status: status.get("state") == "Running")
            assert condition(now, "Succeeded")["status"] == "Unknown"
            await here.pod()
            await nothing_is_left(here)

    anyio.run(scenario)


def test_a_job_that_is_deleted_is_made_again() -> None:
    async def scenario() -> None:
        async with place() as here:
            await here.create(podOverride=UNPLACED)
            await here.pod()
            first = await here.client.get(JOBS, here.key)
            await here.client.delete(JOBS, here.key)
            with anyio.fail_after(30):
                while True:
                    jobs = await here.client.list(JOBS, here.key.namespace)
                    if jobs and jobs[0]["metadata"]["uid"] != first["metadata"]["uid"]:
                        break
                    await anyio.sleep(0.1)
            await here.until(lambda status: status.get("state") == "Running")
            await nothing_is_left(here)

    anyio.run(scenario)


def test_a_job_that_is_removed_at_its_end_ran_once() -> None:
    async def scenario() -> None:
        async with place() as here:
            await here.create(podOverride={"ttlSecondsAfterFinished": 0})
            await here.until(lambda status: status.get("state") == "Completed")
            await is_empty(here.client, JOBS, here.key.namespace)
            await anyio.sleep(2)
            assert await here.client.list(JOBS, here.key.namespace) == []
            assert (await here.status())["state"] == "Completed"
            events = await here.client.list(EVENTS, here.key.namespace)
            assert [item["reason"] for item in events].count("JobCreated") == 1

    anyio.run(scenario)


def test_one_that_is_deleted_and_applied_again_runs_again() -> None:
    async def scenario() -> None:
        async with place() as here:
            await here.create(podOverride=UNPLACED)
            await here.pod()
            first = await here.client.get(JOBS, here.key)
            await here.client.delete(BENCHMARK_JOBS, here.key)
            await is_empty(here.client, BENCHMARK_JOBS, here.key.namespace, every=0.01)
            await here.create(podOverride=UNPLACED)
            await here.until(lambda status: status.get("state") == "Running")
            second = await here.client.get(JOBS, here.key)
            assert second["metadata"]["uid"] != first["metadata"]["uid"]
            events = await here.client.list(EVENTS, here.key.namespace)
            assert "ServiceConflict" not in {item["reason"] for item in events}

    anyio.run(scenario)


def test_a_service_that_is_deleted_is_told_before_and_while_it_is_measured() -> None:
    async def scenario() -> None:
        async with place() as here:
            namespace = here.key.namespace
            service = {"name": "chat", "namespace": namespace}
            await here.create(endpoint={"inferenceService": service})
            now = await here.until(lambda status: condition(status, "EndpointReady"))
            assert condition(now, "EndpointReady")["reason"] == "InferenceServiceNotFound"
            assert condition(now, "JobCreated")["status"] == "False"
            assert f"failed to get InferenceService {namespace}/chat" in now["details"]
            assert not await here.client.list(JOBS, namespace)
            await serve(here)
            now = await here.until(lambda status: status.get("state") == "Running")
            assert condition(now, "EndpointReady")["status"] == "True"
            await here.client.delete(INFERENCE_SERVICES, ObjectKey(namespace, "chat"))
            now = await here.until(
                lambda status: condition(status, "EndpointReady")["status"] == "False"
            )
            assert condition(now, "EndpointReady")["reason"] == "InferenceServiceNotFound"
            assert now["state"] == "Running"
            await nothing_is_left(here)
            await here.client.delete(BASE_MODELS, ObjectKey(namespace, "llama"))

    anyio.run(scenario)


async def serve(here: Place) -> None:
    """A model that is on no node, and a service of it that says it is ready."""
    namespace = here.key.namespace

    def named(kind: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
        metadata = {"name": name, "namespace": namespace}
        return {"apiVersion": "ome.io/v1beta1", "kind": kind, "metadata": metadata, "spec": spec}

    storage = {"storage": {"storageUri": "hf://a/b", "path": "/raid/llama"}}
    await here.client.create(BASE_MODELS, named("BaseModel", "llama", storage))
    spec = {"model": {"name": "llama", "kind": "BaseModel"}, "engine": {}}
    await here.client.create(INFERENCE_SERVICES, named("InferenceService", "chat", spec))
    at = "2026-01-01T00:00:00Z"
    ready = {"type": "Ready", "status": "True", "lastTransitionTime": at}
    status = {"status": {"url": "http://chat.example.com", "conditions": [ready]}}
    key = ObjectKey(namespace, "chat")
    await here.client.merge_patch(INFERENCE_SERVICES, key, status, subresource="status")


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
