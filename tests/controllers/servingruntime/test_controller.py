"""What a runtime's status says, on a fake cluster."""

from __future__ import annotations

import random
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from ome.controllers import ControllerContext, servingruntime
from ome.controllers.resources import (
    ACCELERATOR_CLASSES,
    CLUSTER_SERVING_RUNTIMES,
    SERVING_RUNTIMES,
)
from ome.informers.registry import Informers
from ome.kube import Applier, Client, EventRecorder
from ome.kube.resource import ObjectKey
from ome.kube.resources import EVENTS
from tests.support.fake_cluster import FakeCluster
from tests.support.virtual_time import VirtualClock, run_virtual

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


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
    controllers = servingruntime.setup(context)
    async with anyio.create_task_group() as group:
        group.start_soon(context.events.run)
        await group.start(context.informers.run)
        await context.informers.wait_synced()
        for controller in controllers:
            group.start_soon(controller.run)
        yield
        await anyio.sleep(1)
        group.cancel_scope.cancel()


def new_cluster() -> FakeCluster:
    resources = (ACCELERATOR_CLASSES, SERVING_RUNTIMES, CLUSTER_SERVING_RUNTIMES)
    return FakeCluster(*resources, clock=VirtualClock())


def entry(**fields: Any) -> dict[str, Any]:
    held = {"modelFormat": {"name": "safetensors"}, "modelFramework": {"name": "transformers"}}
    return {**held, "autoSelect": True, "priority": 1, **fields}


def runtime(name: str = "r", *, namespace: str = "", **spec: Any) -> dict[str, Any]:
    metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
    return {
        "apiVersion": "ome.io/v1beta1",
        "kind": "ServingRuntime" if namespace else "ClusterServingRuntime",
        "metadata": metadata,
        "spec": {"supportedModelFormats": [entry()], "protocolVersions": ["openAI"], **spec},
    }


def conditions(cluster: FakeCluster, name: str = "r", namespace: str = "") -> dict[str, Any]:
    resource = SERVING_RUNTIMES if namespace else CLUSTER_SERVING_RUNTIMES
    document = cluster.object(resource, ObjectKey(namespace, name))
    assert document is not None
    return {item["type"]: item for item in document["status"]["conditions"]}


def events(cluster: FakeCluster) -> list[tuple[str, str]]:
    return sorted((item["reason"], item["regarding"]["name"]) for item in cluster.objects(EVENTS))


def test_a_sound_runtime_says_so_once() -> None:
    async def main() -> None:
        cluster = new_cluster()
        cluster.put(runtime())
        cluster.put(runtime(namespace="demo"))
        async with operator(cluster):
            await anyio.sleep(1)
        for namespace in ("", "demo"):
            held = conditions(cluster, namespace=namespace)
            assert {key: item["status"] for key, item in held.items()} == {
                "Valid": "True",
                "PrioritiesDistinct": "True",
            }
        before = len(cluster.writes)
        async with operator(cluster):
            await anyio.sleep(300)
        assert cluster.writes[before:] == []
        assert events(cluster) == []

    run_virtual(main)


@pytest.mark.parametrize(
    ("spec", "reason", "text"),
    [
        ({"supportedModelFormats": []}, "NoSupportedFormat", "spec.supportedModelFormats is empty"),
        (
            {"supportedModelFormats": [entry(modelFormat={"name": "a", "version": "1.x"})]},
            "InvalidVersion",
            "spec.supportedModelFormats[0].modelFormat.version: version '1.x'",
        ),
        (
            {"modelSizeRange": {"min": "7 billion"}},
            "InvalidSizeRange",
            "spec.modelSizeRange.min: '7 billion' is not a size and bounds nothing",
        ),
        (
            {"modelSizeRange": {"min": "9B", "max": "1B"}},
            "InvalidSizeRange",
            "min 9B is above max 1B",
        ),
        (
            {"acceleratorRequirements": {"acceleratorClasses": ["h100", "h200"]}},
            "AcceleratorClassNotFound",
            "h100, h200 not found at cluster scope",
        ),
    ],
)
def test_what_selection_cannot_use_is_said(spec: dict[str, Any], reason: str, text: str) -> None:
    async def main() -> None:
        cluster = new_cluster()
        cluster.put(runtime(**spec))
        async with operator(cluster):
            await anyio.sleep(1)
        valid = conditions(cluster)["Valid"]
        assert (valid["status"], valid["reason"]) == ("False", reason)
        assert text in valid["message"]
        assert events(cluster) == [(reason, "r")]

    run_virtual(main)


def test_a_class_that_appears_mends_its_runtimes() -> None:
    async def main() -> None:
        cluster = new_cluster()
        cluster.put(runtime(acceleratorRequirements={"acceleratorClasses": ["h100"]}))
        h100 = {
            "apiVersion": "ome.io/v1beta1",
            "kind": "AcceleratorClass",
            "metadata": {"name": "h100"},
            "spec": {"discovery": {}, "capabilities": {}},
        }
        async with operator(cluster):
            await anyio.sleep(1)
            assert conditions(cluster)["Valid"]["status"] == "False"
            cluster.put(h100)
            await anyio.sleep(1)
            assert conditions(cluster)["Valid"]["status"] == "True"
            cluster.remove(ACCELERATOR_CLASSES, ObjectKey("", "h100"))
            await anyio.sleep(1)
            assert conditions(cluster)["Valid"]["status"] == "False"

    run_virtual(main)


def test_equal_priorities_are_a_warning_on_both_until_they_differ() -> None:
    async def main() -> None:
        cluster = new_cluster()
        for name in "ab":
            cluster.put(runtime(name))
        cluster.put(runtime("other", protocolVersions=["cohere"]))
        async with operator(cluster):
            await anyio.sleep(1)
            held = conditions(cluster, "a")["PrioritiesDistinct"]
            assert (held["status"], held["reason"]) == ("False", "SamePriority")
            assert held["message"] == (
                "format safetensors: same priority as b; names decide which one is chosen, give"
                " them different priorities"
            )
            assert conditions(cluster, "b")["PrioritiesDistinct"]["status"] == "False"
            assert conditions(cluster, "other")["PrioritiesDistinct"]["status"] == "True"
            document = cluster.object(CLUSTER_SERVING_RUNTIMES, ObjectKey("", "b"))
            assert document is not None
            document["spec"]["supportedModelFormats"][0]["priority"] = 2
            cluster.put(document)
            await anyio.sleep(1)
            for name in "ab":
                assert conditions(cluster, name)["PrioritiesDistinct"]["status"] == "True"
        assert events(cluster) == [("SamePriority", "a"), ("SamePriority", "b")]

    run_virtual(main)
