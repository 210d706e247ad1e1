"""A RayCluster: whether it serves, what its prober says, and pods that are refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anyio

from ome.controllers.resources import RAY_CLUSTERS
from ome.kube.resource import ObjectKey
from ome.kube.resources import DEPLOYMENTS
from tests.controllers.inferenceservice.modes import events, play
from tests.controllers.inferenceservice.world import condition, found, says, status

if TYPE_CHECKING:
    from tests.support.fake_cluster import FakeCluster


def test_a_ray_cluster_that_stopped_serving_is_made_anew() -> None:
    ray, prober = ObjectKey("demo", "chat-engine-0"), ObjectKey("demo", "chat-engine-0-mnp")

    def serves(cluster: FakeCluster, unavailable: int) -> None:
        says(cluster, RAY_CLUSTERS, ray, "Ready", state="ready", availableWorkerReplicas=1)
        held = found(cluster, DEPLOYMENTS, prober)
        available = "True" if not unavailable else "False"
        held["status"] = {
            "unavailableReplicas": unavailable,
            "conditions": [{"type": "Available", "status": available, "reason": "Probed"}],
        }
        cluster.put(held)

    async def body(cluster: FakeCluster) -> None:
        assert condition(cluster, "EngineReady")["reason"] == "Initializing"
        serves(cluster, 0)
        await anyio.sleep(1)
        assert condition(cluster, "Ready")["status"] == "True"
        first = found(cluster, RAY_CLUSTERS, ray)["metadata"]["uid"]
        assert "TemplateChanged" not in events(cluster), "what is new replaces nothing"
        serves(cluster, 1)
        await anyio.sleep(1)
        assert condition(cluster, "EngineReady")["status"] == "False"
        since = "raycluster/unavailable-since"
        assert since in found(cluster, RAY_CLUSTERS, ray)["metadata"]["annotations"]
        await anyio.sleep(500)
        assert found(cluster, RAY_CLUSTERS, ray)["metadata"]["uid"] == first
        serves(cluster, 0)
        await anyio.sleep(1)
        assert since not in found(cluster, RAY_CLUSTERS, ray)["metadata"]["annotations"]
        serves(cluster, 1)
        await anyio.sleep(610)
        renewed = found(cluster, RAY_CLUSTERS, ray)["metadata"]
        assert renewed["uid"] != first
        assert since not in renewed["annotations"]

    play(body, RAY_CLUSTERS, engine=RAY)


RAY: dict[str, Any] = {"annotations": {"ome.io/deploymentMode": "MultiNodeRayVLLM"}}


def ray_pod(
    cluster: FakeCluster, name: str, born: str, more: dict[str, str], *states: dict[str, Any]
) -> None:
    labels = {"ome.io/inferenceservice": "chat", "component": "engine", **more}
    metadata = {"name": name, "namespace": "demo", "labels": labels, "creationTimestamp": born}
    held = {"containerStatuses": list(states)}
    cluster.put({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "status": held})


def test_a_prober_says_nothing_of_the_model_that_it_asks_for() -> None:
    async def body(cluster: FakeCluster) -> None:
        ended = {"terminated": {"exitCode": 1, "reason": "Error", "message": "no such file"}}
        failed = {"name": "ome-container", "state": ended}
        prober = {"name": "multinode-prober", "ready": True, "state": {"running": {}}}
        ray_pod(cluster, "head", "2026-01-01T00:00:00Z", {"ray.io/node-type": "head"}, failed)
        index = {"ome.io/ray-cluster-index": "0"}
        ray_pod(cluster, "mnp", "2026-01-01T00:00:01Z", index, prober)
        await anyio.sleep(1)
        said = status(cluster)["modelStatus"]
        assert said["transitionStatus"] == "BlockedByFailedLoad"
        assert said["lastFailureInfo"]["location"] == "head"
        says(cluster, DEPLOYMENTS, ObjectKey("demo", "chat-engine-0-mnp"), "Available")
        await anyio.sleep(1)
        assert status(cluster)["modelStatus"]["modelCopies"]["totalCopies"] == 1

    play(body, RAY_CLUSTERS, engine=RAY)


def test_a_ray_cluster_whose_pods_are_refused_says_why() -> None:
    quota = "exceeded quota: gpus, requested: nvidia.com/gpu=8, used: nvidia.com/gpu=8, limited: 8"

    async def body(cluster: FakeCluster) -> None:
        writes = 0
        for pod in ("chat-engine-0-head-x2x9p", "chat-engine-0-head-7kq4m"):
            ray = found(cluster, RAY_CLUSTERS, ObjectKey("demo", "chat-engine-0"))
            failure = {
                "type": "ReplicaFailure",
                "status": "True",
                "reason": "FailedCreateHeadPod",
                "message": f'failed to create head pod\npods "{pod}" is forbidden: {quota}',
            }
            cluster.put({**ray, "status": {"conditions": [failure]}})
            await anyio.sleep(1)
            assert condition(cluster, "EngineReady")["message"] == (
                "engine component initializing; pods cannot be made: failed to create head pod:"
                f" pods are forbidden: {quota}"
            )
            assert writes in (0, len(cluster.writes)), "it is tried again, and told once"
            writes = len(cluster.writes)

    play(body, RAY_CLUSTERS, engine=RAY)
