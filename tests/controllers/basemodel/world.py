"""The model controllers on a fake cluster in virtual time."""

from __future__ import annotations

import json
import random
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import anyio

from ome.api import names
from ome.controllers import ControllerContext, basemodel, finetunedweight
from ome.controllers.basemodel.reports import NodeReports
from ome.controllers.resources import BASE_MODELS, CLUSTER_BASE_MODELS, FINE_TUNED_WEIGHTS
from ome.informers.registry import Informers
from ome.kube import Applier, Client, EventRecorder
from ome.kube.resource import ObjectKey
from ome.kube.resources import CONFIGMAPS, EVENTS, NODES
from ome.telemetry.metrics import Metrics
from tests.support.fake_cluster import FakeCluster
from tests.support.virtual_time import VirtualClock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from ome.kube.resource import Resource
    from tests.support.fake_cluster import Write

FINALIZER = "clusterbasemodels.ome.io/finalizer"
NAMESPACE = "ome"
MODEL = ObjectKey("", "m")
REPORT = "clusterbasemodel.m"
CONFIG = {
    "modelType": "llama",
    "modelArchitecture": "LlamaForCausalLM",
    "modelFramework": {"name": "transformers", "version": "4.36.0"},
    "modelFormat": {"name": "safetensors", "version": "1.0.0"},
    "modelParameterSize": "70.6B",
    "maxTokens": 8192,
    "modelCapabilities": ["TEXT_TO_TEXT"],
    "artifact": {"sha": "", "parentPath": None, "childrenPaths": None},
}


def new_cluster(*nodes: str) -> FakeCluster:
    cluster = FakeCluster(
        BASE_MODELS, CLUSTER_BASE_MODELS, FINE_TUNED_WEIGHTS, clock=VirtualClock()
    )
    for name in nodes:
        put_node(cluster, name)
    return cluster


@asynccontextmanager
async def operator(
    cluster: FakeCluster, seed: int = 1, metrics: Metrics | None = None
) -> AsyncIterator[ControllerContext]:
    """The controllers at work; leaving kills them, as a crash would."""
    clock, rng = VirtualClock(), random.Random(seed)
    metrics = metrics or Metrics()
    client = Client(cluster, clock=clock, rng=rng)
    context = ControllerContext(
        client,
        Informers(client, clock, rng),
        Applier(client, status_written=metrics.status_written),
        EventRecorder(client, "test", clock, instance="test"),
        clock,
        rng,
        NAMESPACE,
        metrics.status_saved,
    )
    reports = NodeReports()
    controllers = [*basemodel.setup(context, reports), *finetunedweight.setup(context, reports)]
    for controller in controllers:
        controller.observe(
            metrics.controller(controller.name, controller.workers),
            metrics.queue(controller.name),
        )
    async with anyio.create_task_group() as group:
        group.start_soon(context.events.run)
        await group.start(context.informers.run)
        await context.informers.wait_synced()
        for controller in controllers:
            group.start_soon(controller.run)
        yield context
        group.cancel_scope.cancel()


def model(name: str = "m", namespace: str = "", **spec: Any) -> dict[str, Any]:
    storage = {"storageUri": "hf://example/m", "path": "/raid/m"}
    return {
        "apiVersion": "ome.io/v1beta1",
        "kind": "BaseModel" if namespace else "ClusterBaseModel",
        "metadata": {"name": name, **({"namespace": namespace} if namespace else {})},
        "spec": {"storage": storage, **spec},
    }


def put_node(cluster: FakeCluster, name: str, **labels: str) -> None:
    cluster.put(
        {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": dict(labels)}}
    )


def report(node: str, data: dict[str, str] | None, **metadata: Any) -> dict[str, Any]:
    """A status ConfigMap; ``metadata`` replaces members of its metadata."""
    document: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": node,
            "namespace": NAMESPACE,
            "labels": {names.LABEL_MODEL_STATUS: "true", names.LABEL_NODE: node},
            **metadata,
        },
    }
    return document if data is None else {**document, "data": data}


def entry(status: str, **more: Any) -> str:
    return json.dumps({"name": "m", "status": status, **more})


def put_reports(cluster: FakeCluster, states: dict[str, str], key: str = REPORT) -> None:
    """Have each node report a status, or a whole entry where the text is JSON."""
    for node, state in states.items():
        text = state if state.startswith("{") else entry(state)
        cluster.put(report(node, {key: text}))


def kind_of(key: ObjectKey) -> Resource:
    return BASE_MODELS if key.namespace else CLUSTER_BASE_MODELS


def found(cluster: FakeCluster, key: ObjectKey = MODEL) -> dict[str, Any]:
    document = cluster.object(kind_of(key), key)
    assert document is not None, f"{key} is gone"
    return document


def status(cluster: FakeCluster, key: ObjectKey = MODEL) -> dict[str, Any]:
    return dict(found(cluster, key).get("status") or {})


def condition(cluster: FakeCluster, type_: str, key: ObjectKey = MODEL) -> dict[str, Any]:
    conditions = status(cluster, key).get("conditions") or []
    return next((item for item in conditions if item["type"] == type_), {})


def status_writes(cluster: FakeCluster, key: ObjectKey = MODEL) -> list[Write]:
    return [write for write in cluster.writes if write.key == key and write.subresource == "status"]


def warnings(cluster: FakeCluster) -> list[tuple[str, str]]:
    """The events, as reason and note, in the order in which they were made."""
    made = sorted(cluster.objects(EVENTS), key=lambda item: str(item["eventTime"]))
    return [(item["reason"], item["note"]) for item in made if item["type"] == "Warning"]


def gone(cluster: FakeCluster, key: ObjectKey = MODEL) -> bool:
    return cluster.object(kind_of(key), key) is None


def delete(cluster: FakeCluster, key: ObjectKey = MODEL) -> None:
    cluster.remove(kind_of(key), key)


def lose_nodes(cluster: FakeCluster, nodes: Iterable[str]) -> None:
    for node in nodes:
        cluster.remove(NODES, ObjectKey("", node))


def has_report(cluster: FakeCluster, node: str) -> bool:
    return cluster.object(CONFIGMAPS, ObjectKey(NAMESPACE, node)) is not None
