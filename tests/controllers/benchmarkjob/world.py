"""The benchmark controller on a fake cluster in virtual time."""

from __future__ import annotations

import json
import random
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import anyio

from ome.controllers import ControllerContext, benchmarkjob
from ome.controllers import resources as kinds
from ome.informers.registry import Informers
from ome.kube import Applier, Client, EventRecorder
from ome.kube.resource import ObjectKey
from ome.kube.resources import EVENTS, JOBS
from tests.support.fake_cluster import FakeCluster
from tests.support.virtual_time import VirtualClock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

NAMESPACE = "ome"
KEY = ObjectKey("team", "bench")
SETTINGS = {
    "podConfig": {
        "image": "image:1",
        "cpuRequest": "2",
        "memoryRequest": "2Gi",
        "cpuLimit": "2",
        "memoryLimit": "2Gi",
    }
}
URL = {"endpoint": {"url": "http://host", "apiFormat": "openai"}}
SERVICE = {"inferenceService": {"name": "svc", "namespace": "serving"}}


class LoggedClient(Client):
    """A client whose pods have all written the same log."""

    log: str | Exception | float = ""
    """What they wrote; an error that the server answers; seconds until an answer."""
    looks = 0
    container = ""
    """Of the last look."""

    async def pod_log(
        self, key: ObjectKey, *, tail_lines: int, container: str = "", previous: bool = False
    ) -> str:
        self.looks += 1
        self.container = container
        if isinstance(self.log, Exception):
            raise self.log
        if isinstance(self.log, float):
            await anyio.sleep(self.log)
            return ""
        return self.log


def new_cluster(*, settings: bool = True) -> FakeCluster:
    cluster = FakeCluster(
        kinds.BENCHMARK_JOBS,
        kinds.INFERENCE_SERVICES,
        kinds.BASE_MODELS,
        kinds.CLUSTER_BASE_MODELS,
        kinds.FINE_TUNED_WEIGHTS,
        kinds.SERVING_RUNTIMES,
        kinds.CLUSTER_SERVING_RUNTIMES,
        clock=VirtualClock(),
    )
    if settings:
        put_settings(cluster)
    return cluster


def put_settings(cluster: FakeCluster) -> None:
    metadata = {"name": "benchmarkjob-config", "namespace": NAMESPACE}
    data = {"benchmarkjob": json.dumps(SETTINGS)}
    cluster.put({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data})


@asynccontextmanager
async def operator(cluster: FakeCluster, seed: int = 1) -> AsyncIterator[LoggedClient]:
    """The controller at work; leaving kills it, as a crash would."""
    clock, rng = VirtualClock(), random.Random(seed)
    client = LoggedClient(cluster, clock=clock, rng=rng)
    context = ControllerContext(
        client,
        Informers(client, clock, rng),
        Applier(client),
        EventRecorder(client, "test", clock, instance="test"),
        clock,
        rng,
        NAMESPACE,
    )
    controllers = benchmarkjob.setup(context)
    async with anyio.create_task_group() as group:
        group.start_soon(context.events.run)
        await group.start(context.informers.run)
        await context.informers.wait_synced()
        for controller in controllers:
            group.start_soon(controller.run)
        yield client
        group.cancel_scope.cancel()


def benchmark(endpoint: dict[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "ome.io/v1beta1",
        "kind": "BenchmarkJob",
        "metadata": {"name": "bench", "namespace": "team", "generation": 1},
        "spec": {
            "endpoint": endpoint or URL,
            "task": "text-to-text",
            "trafficScenarios": ["D(100,100)"],
            "numConcurrency": [1, 8],
            "maxTimePerIteration": 1,
            "maxRequestsPerIteration": 10,
            "outputLocation": {"storageUri": "s3://b/p"},
            **spec,
        },
    }


def service(ready: str = "True", **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "ome.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {"name": "svc", "namespace": "serving"},
        "spec": {"model": {"name": "llama"}, **spec},
        "status": {
            "url": "http://svc.serving.example.com",
            "conditions": [{"type": "Ready", "status": ready}],
        },
    }


def llama(namespace: str = "") -> dict[str, Any]:
    metadata = {"name": "llama", **({"namespace": namespace} if namespace else {})}
    return {
        "apiVersion": "ome.io/v1beta1",
        "kind": "BaseModel" if namespace else "ClusterBaseModel",
        "metadata": metadata,
        "spec": {"storage": {"storageUri": "hf://a/b", "path": "/raid/llama"}},
    }


def found(cluster: FakeCluster) -> dict[str, Any]:
    document = cluster.object(kinds.BENCHMARK_JOBS, KEY)
    assert document is not None
    return document


def status(cluster: FakeCluster) -> dict[str, Any]:
    return dict(found(cluster).get("status") or {})


def condition(cluster: FakeCluster, type_: str) -> dict[str, Any]:
    held = status(cluster).get("conditions") or []
    return next((item for item in held if item["type"] == type_), {})


def the_job(cluster: FakeCluster) -> dict[str, Any] | None:
    return cluster.object(JOBS, KEY)


def told(cluster: FakeCluster) -> list[tuple[str, str]]:
    """Type and reason of the events, in order."""
    made = sorted(cluster.objects(EVENTS), key=lambda item: str(item["eventTime"]))
    return [(item["type"], item["reason"]) for item in made]


def job_is(cluster: FakeCluster, **fields: Any) -> None:
    """The Job controller says so."""
    job = the_job(cluster)
    assert job is not None
    cluster.put({**job, "status": fields})


def ended(type_: str, message: str = "") -> dict[str, Any]:
    """A condition of a Job at its end."""
    return {
        "type": type_,
        "status": "True",
        "message": message,
        "lastTransitionTime": "2026-01-01T00:10:00Z",
    }


def put_pod(cluster: FakeCluster, **fields: Any) -> None:
    """The Job's pod."""
    job = the_job(cluster)
    assert job is not None
    owner = {"apiVersion": "batch/v1", "kind": "Job", "name": "bench", "controller": True}
    metadata = {
        "name": "bench-x",
        "namespace": "team",
        "labels": {"benchmark": "bench"},
        "ownerReferences": [{**owner, "uid": job["metadata"]["uid"]}],
    }
    cluster.put({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "status": fields})


def container_state(**state: Any) -> list[dict[str, Any]]:
    """The status of the pod's container."""
    return [{"name": "bench", "state": state}]
