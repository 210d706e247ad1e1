"""The InferenceService controller on a fake cluster in virtual time."""

from __future__ import annotations

import random
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import anyio

from ome.controllers import ControllerContext, inferenceservice
from ome.controllers.resources import (
    ACCELERATOR_CLASSES,
    BASE_MODELS,
    CLUSTER_BASE_MODELS,
    CLUSTER_SERVING_RUNTIMES,
    FINE_TUNED_WEIGHTS,
    INFERENCE_SERVICES,
    SERVING_RUNTIMES,
)
from ome.informers.registry import Informers
from ome.kube import Applier, Client, EventRecorder
from ome.kube.resource import ObjectKey
from ome.kube.resources import DEPLOYMENTS
from tests.support.fake_cluster import FakeCluster
from tests.support.virtual_time import VirtualClock, run_virtual

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable

    from prometheus_client import CollectorRegistry

    from ome.kube.resource import Resource

SERVICE = ObjectKey("demo", "chat")
ENGINE = ObjectKey("demo", "chat-engine")
RUNNER = {"name": "ome-container", "image": "example.test/serve:1"}
FORMAT = {"modelFormat": {"name": "safetensors"}, "modelFramework": {"name": "transformers"}}


def new_cluster(*optional: Resource, kind: type[FakeCluster] = FakeCluster) -> FakeCluster:
    """A cluster; with the CRDs of ``optional`` kinds of others installed."""
    cluster = kind(
        ACCELERATOR_CLASSES,
        BASE_MODELS,
        CLUSTER_BASE_MODELS,
        SERVING_RUNTIMES,
        CLUSTER_SERVING_RUNTIMES,
        FINE_TUNED_WEIGHTS,
        INFERENCE_SERVICES,
        clock=VirtualClock(),
    )
    for resource in optional:
        cluster.install(resource)
    return cluster


@asynccontextmanager
async def operator(
    cluster: FakeCluster, seed: int = 1, registry: CollectorRegistry | None = None
) -> AsyncIterator[ControllerContext]:
    """The controller at work; leaving kills it, as a crash would."""
    clock, rng = VirtualClock(), random.Random(seed)
    client = Client(cluster, clock=clock, rng=rng)
    context = ControllerContext(
        client,
        Informers(client, clock, rng),
        Applier(client),
        EventRecorder(client, "test", clock, instance="test"),
        clock,
        rng,
        "ome",
        registry=registry,
    )
    (controller,) = inferenceservice.setup(context)
    async with anyio.create_task_group() as group:
        group.start_soon(context.events.run)
        await group.start(context.informers.run)
        await context.informers.wait_synced()
        group.start_soon(controller.run)
        yield context
        group.cancel_scope.cancel()


def model(name: str = "m", **spec: Any) -> dict[str, Any]:
    storage = {"storageUri": "hf://example/m", "path": "/raid/m"}
    return {
        "apiVersion": "ome.io/v1beta1",
        "kind": "ClusterBaseModel",
        "metadata": {"name": name},
        "spec": {**FORMAT, "storage": storage, **spec},
    }


def local(namespace: str, name: str = "m") -> dict[str, Any]:
    """A BaseModel, as ``model`` makes a ClusterBaseModel."""
    return {
        **model(name),
        "kind": "BaseModel",
        "metadata": {"name": name, "namespace": namespace},
    }


def runtime(name: str = "r", image: str = "example.test/serve:1", **spec: Any) -> dict[str, Any]:
    runner = {"name": "ome-container", "image": image, "ports": [{"containerPort": 8080}]}
    return {
        "apiVersion": "ome.io/v1beta1",
        "kind": "ClusterServingRuntime",
        "metadata": {"name": name},
        "spec": {
            "supportedModelFormats": [{**FORMAT, "autoSelect": True}],
            "engineConfig": {"runner": runner},
            **spec,
        },
    }


def weight(name: str = "w", **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "ome.io/v1beta1",
        "kind": "FineTunedWeight",
        "metadata": {"name": name},
        "spec": {
            "baseModelRef": {"name": "m"},
            "modelType": "lora",
            "hyperParameters": {"strategy": "lora"},
            "storage": {"storageUri": "hf://example/w"},
            **spec,
        },
    }


def service(
    name: str = "chat", labels: dict[str, str] | None = None, **spec: Any
) -> dict[str, Any]:
    return {
        "apiVersion": "ome.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {"name": name, "namespace": "demo", "labels": labels or {}},
        "spec": {"model": {"name": "m"}, "engine": {"minReplicas": 1}, **spec},
    }


def found(cluster: FakeCluster, resource: Resource, key: ObjectKey) -> dict[str, Any]:
    document = cluster.object(resource, key)
    assert document is not None, f"{resource.kind} {key} is gone"
    return document


def status(cluster: FakeCluster, key: ObjectKey = SERVICE) -> dict[str, Any]:
    return dict(found(cluster, INFERENCE_SERVICES, key).get("status") or {})


def condition(cluster: FakeCluster, type_: str, key: ObjectKey = SERVICE) -> dict[str, Any]:
    conditions = status(cluster, key).get("conditions") or []
    return next((item for item in conditions if item["type"] == type_), {})


def available(cluster: FakeCluster, key: ObjectKey = ENGINE, *, rolling: bool = False) -> None:
    """What the Deployment controller would say once the pods are up, or while they change."""
    document = found(cluster, DEPLOYMENTS, key)
    annotations = document["metadata"].setdefault("annotations", {})
    annotations["deployment.kubernetes.io/revision"] = "2" if rolling else "1"
    document.setdefault("spec", {})["replicas"] = 1
    document["status"] = {
        "observedGeneration": document["metadata"]["generation"],
        "replicas": 2 if rolling else 1,
        "updatedReplicas": 1,
        "availableReplicas": 1,
        "conditions": [
            {
                "type": "Available",
                "status": "True",
                "reason": "MinimumReplicasAvailable",
                "message": "Deployment has minimum availability.",
            }
        ],
    }
    cluster.put(document)


def image(cluster: FakeCluster, key: ObjectKey = ENGINE) -> str:
    spec = found(cluster, DEPLOYMENTS, key)["spec"]["template"]["spec"]
    return str(spec["containers"][0]["image"])


def new_image(cluster: FakeCluster, text: str) -> None:
    held = found(cluster, CLUSTER_SERVING_RUNTIMES, ObjectKey("", "r"))
    cluster.put({**held, "spec": runtime(image=text)["spec"]})


def edit(cluster: FakeCluster, key: ObjectKey = SERVICE, **spec: Any) -> None:
    """Change fields of a service's spec as its user would; None takes one away."""
    held = found(cluster, INFERENCE_SERVICES, key)
    merged = {**held["spec"], **spec}
    held["spec"] = {name: value for name, value in merged.items() if value is not None}
    cluster.put(held)


def annotate(cluster: FakeCluster, key: ObjectKey = SERVICE, **annotations: str | None) -> None:
    """Set annotations ``ome.io/<name>`` of a service, dashes as underscores; None removes one."""
    held = found(cluster, INFERENCE_SERVICES, key)
    before = held["metadata"].get("annotations") or {}
    wanted = {f"ome.io/{name.replace('_', '-')}": text for name, text in annotations.items()}
    merged = {**before, **wanted}
    held["metadata"]["annotations"] = {
        name: text for name, text in merged.items() if text is not None
    }
    cluster.put(held)


def says(
    cluster: FakeCluster, resource: Resource, key: ObjectKey, *types: str, **more: Any
) -> None:
    """Have a workload's controller say that conditions are True, and more of its status."""
    document = found(cluster, resource, key)
    document["status"] = {
        "observedGeneration": document["metadata"]["generation"],
        "conditions": [{"type": type_, "status": "True", "reason": type_} for type_ in types],
        **more,
    }
    cluster.put(document)


def play(
    body: Callable[[FakeCluster], Awaitable[None]],
    *objects: dict[str, Any],
    optional: Iterable[Resource] = (),
) -> None:
    """Run a scenario with the operator at work on a model, a runtime and these objects.

    ``optional`` are resources of others that are installed from the start.
    """

    async def main() -> None:
        cluster = new_cluster(*optional)
        for item in (model(), runtime(), *objects):
            cluster.put(item)
        async with operator(cluster):
            await anyio.sleep(1)
            await body(cluster)
            before = len(cluster.writes)
            await anyio.sleep(300)
            assert cluster.writes[before:] == [], "a steady service is not written"

    run_virtual(main)
