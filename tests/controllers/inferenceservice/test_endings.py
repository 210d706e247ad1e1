"""What a service depends on goes away, or the service itself does, in the middle of things."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anyio
import pytest

from ome.controllers.resources import (
    CLUSTER_BASE_MODELS,
    CLUSTER_SERVING_RUNTIMES,
    INFERENCE_SERVICES,
)
from ome.kube.resource import ObjectKey
from ome.kube.resources import CONFIGMAPS, DEPLOYMENTS, EVENTS, HPAS, PDBS, SERVICES
from tests.controllers.inferenceservice.world import (
    ENGINE,
    SERVICE,
    available,
    condition,
    found,
    image,
    model,
    new_cluster,
    operator,
    runtime,
    service,
    status,
)
from tests.support.virtual_time import run_virtual

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.support.fake_cluster import FakeCluster

RUNTIME = ObjectKey("", "r")


def play(body: Callable[[FakeCluster], Awaitable[None]], **spec: Any) -> None:
    """Run a scenario on a service that is Ready, with the operator at work."""

    async def main() -> None:
        cluster = new_cluster()
        for item in (model(), runtime(), service(**spec)):
            cluster.put(item)
        async with operator(cluster):
            await anyio.sleep(1)
            available(cluster)
            await anyio.sleep(1)
            assert condition(cluster, "Ready")["status"] == "True"
            await body(cluster)

    run_virtual(main)


def test_its_model_is_deleted_and_comes_back() -> None:
    async def body(cluster: FakeCluster) -> None:
        cluster.remove(CLUSTER_BASE_MODELS, ObjectKey("", "m"))
        await anyio.sleep(60)
        engine = condition(cluster, "EngineReady")
        assert (engine["status"], engine["reason"]) == ("False", "ModelReconcileError")
        assert status(cluster)["modelStatus"]["lastFailureInfo"]["reason"] == "BaseModelNotFound"
        assert image(cluster) == "example.test/serve:1"
        cluster.put(model())
        await anyio.sleep(1)
        assert condition(cluster, "Ready")["status"] == "True"

    play(body)


@pytest.mark.parametrize(
    ("named", "reason", "served"),
    [
        (None, "RolloutInProgress", "example.test/serve:2"),
        ({"name": "r"}, "RuntimeValidationError", "example.test/serve:1"),
    ],
    ids=["chosen", "named"],
)
def test_its_runtime_is_renamed(named: dict[str, str] | None, reason: str, served: str) -> None:
    async def body(cluster: FakeCluster) -> None:
        cluster.put(runtime("r2", image="example.test/serve:2"))
        await anyio.sleep(1)
        cluster.remove(CLUSTER_SERVING_RUNTIMES, RUNTIME)
        await anyio.sleep(60)
        assert condition(cluster, "Ready")["reason"] == reason
        assert image(cluster) == served

    play(body, **({"runtime": named} if named else {}))


def test_it_is_deleted_while_it_rolls() -> None:
    async def body(cluster: FakeCluster) -> None:
        held = found(cluster, CLUSTER_SERVING_RUNTIMES, RUNTIME)
        cluster.put({**held, "spec": runtime(image="example.test/serve:2")["spec"]})
        await anyio.sleep(1)
        available(cluster, rolling=True)
        await anyio.sleep(1)
        assert condition(cluster, "Ready")["reason"] == "RolloutInProgress"
        cluster.remove(INFERENCE_SERVICES, SERVICE)
        await anyio.sleep(1)
        assert cluster.object(INFERENCE_SERVICES, SERVICE) is None
        cluster.collect_garbage()
        for resource in (DEPLOYMENTS, SERVICES, HPAS, PDBS, CONFIGMAPS):
            assert cluster.objects(resource, "demo") == []
        before = len(cluster.writes)
        await anyio.sleep(60)
        assert cluster.writes[before:] == [], "nothing is made for what is gone"

    play(body)


def test_it_is_made_anew_before_what_it_had_is_gone() -> None:
    async def body(cluster: FakeCluster) -> None:
        former = found(cluster, DEPLOYMENTS, ENGINE)["metadata"]["uid"]
        cluster.remove(INFERENCE_SERVICES, SERVICE)
        await anyio.sleep(1)
        cluster.put(service())
        await anyio.sleep(30)
        assert found(cluster, DEPLOYMENTS, ENGINE)["metadata"]["uid"] == former
        assert "Warning" not in {event["type"] for event in cluster.objects(EVENTS)}
        assert condition(cluster, "EngineReady")["reason"] == "Initializing"
        cluster.collect_garbage()
        await anyio.sleep(5)
        available(cluster)
        await anyio.sleep(5)
        assert found(cluster, DEPLOYMENTS, ENGINE)["metadata"]["uid"] != former
        assert condition(cluster, "Ready")["status"] == "True"

    play(body)


def test_a_stuck_service_does_not_keep_the_next_from_its_turn() -> None:
    async def body(cluster: FakeCluster) -> None:
        other = ObjectKey("demo", "other-engine")
        cluster.put(service("other"))
        await anyio.sleep(1)
        available(cluster, other)
        await anyio.sleep(1)
        held = found(cluster, CLUSTER_SERVING_RUNTIMES, RUNTIME)
        cluster.put({**held, "spec": runtime(image="example.test/broken:1")["spec"]})
        await anyio.sleep(1)
        (first,) = [key for key in (ENGINE, other) if image(cluster, key).endswith("broken:1")]
        (second,) = {ENGINE, other} - {first}
        available(cluster, first, rolling=True)
        await anyio.sleep(60)
        assert image(cluster, second) == "example.test/serve:1"
        stuck = found(cluster, DEPLOYMENTS, first)
        stuck["status"]["conditions"].append({"type": "Progressing", "status": "False"})
        cluster.put(stuck)
        await anyio.sleep(30)
        assert image(cluster, second) == "example.test/broken:1"

    play(body)
