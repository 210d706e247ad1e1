"""Pods that find no node because none has their model yet: the status says that it is the model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio

from ome.controllers.resources import CLUSTER_BASE_MODELS, FINE_TUNED_WEIGHTS
from ome.kube.resource import ObjectKey
from tests.controllers.inferenceservice.world import condition, found, play, service, weight

if TYPE_CHECKING:
    from ome.kube.resource import Resource
    from tests.support.fake_cluster import FakeCluster

MISMATCH = "0/3 nodes are available: 3 node(s) didn't match Pod's node affinity/selector."
FULL = "0/3 nodes are available: 3 node(s) had untolerated taint {gpu: }."


def waiting_pod(cluster: FakeCluster, message: str) -> None:
    labels = {"ome.io/inferenceservice": "chat", "component": "engine"}
    entry = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}
    cluster.put(
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "chat-engine-1", "namespace": "demo", "labels": labels},
            "status": {"conditions": [{**entry, "message": message}]},
        }
    )


def on_nodes(cluster: FakeCluster, resource: Resource, name: str, *nodes: str) -> None:
    held = found(cluster, resource, ObjectKey("", name))
    cluster.put({**held, "status": {"state": "Ready", "nodesReady": list(nodes)}})


def message(cluster: FakeCluster) -> str:
    return str(condition(cluster, "EngineReady")["message"])


def test_pods_that_wait_for_a_model_say_which_until_a_node_has_it() -> None:
    async def body(cluster: FakeCluster) -> None:
        assert message(cluster) == "engine component initializing"
        waiting_pod(cluster, MISMATCH)
        await anyio.sleep(1)
        assert message(cluster) == (
            "engine component initializing; no node reports ClusterBaseModel m as ready, and these"
            " pods only run where it is; ome why model/m says what keeps it from nodes"
        )
        on_nodes(cluster, CLUSTER_BASE_MODELS, "m", "a")
        await anyio.sleep(1)
        assert message(cluster).endswith(f"pod chat-engine-1: Unschedulable: {MISMATCH}")
        writes = len(cluster.writes)
        on_nodes(cluster, CLUSTER_BASE_MODELS, "m", "a", "b")
        waiting_pod(cluster, FULL)
        await anyio.sleep(1)
        assert message(cluster).endswith(FULL)
        assert len(cluster.writes) == writes + 1
        on_nodes(cluster, CLUSTER_BASE_MODELS, "m")
        await anyio.sleep(1)
        assert "no node reports ClusterBaseModel m as ready" in message(cluster)

    play(body, service())


def test_pods_that_wait_for_a_weight_say_which() -> None:
    async def body(cluster: FakeCluster) -> None:
        on_nodes(cluster, CLUSTER_BASE_MODELS, "m", "a")
        waiting_pod(cluster, MISMATCH)
        await anyio.sleep(1)
        assert (
            "no node reports FineTunedWeight w as ready, and these pods only run where it is; ome"
            " why weight/w says what keeps it from nodes"
        ) in message(cluster)
        on_nodes(cluster, FINE_TUNED_WEIGHTS, "w", "a")
        await anyio.sleep(1)
        assert message(cluster).endswith(MISMATCH)

    storage = {"storageUri": "hf://example/w", "path": "/raid/w"}
    play(body, weight(storage=storage), service(model={"name": "m", "fineTunedWeights": ["w"]}))


def test_pods_that_need_no_node_with_the_model_do_not_blame_it() -> None:
    async def body(cluster: FakeCluster) -> None:
        waiting_pod(cluster, FULL)
        await anyio.sleep(1)
        assert message(cluster).endswith(f"pod chat-engine-1: Unschedulable: {FULL}")

    merged = weight(configuration={"merged_weights": True})
    play(body, merged, service(model={"name": "m", "fineTunedWeights": ["w"]}))
