"""Pods of a LeaderWorkerSet that cannot be made: the service says why, for as long as it is so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anyio
import pytest

from ome.controllers.resources import LEADER_WORKER_SETS
from tests.controllers.inferenceservice.modes import GROUP, MULTI, play
from tests.controllers.inferenceservice.world import condition, says

if TYPE_CHECKING:
    from tests.support.fake_cluster import FakeCluster

QUOTA = "exceeded quota: gpus, requested: nvidia.com/gpu=8, used: nvidia.com/gpu=8, limited: 8"
SAID = f"pods cannot be made: pods are forbidden: {QUOTA}"


def refused(
    pod: str,
    owner: str = GROUP.name,
    kind: str = "StatefulSet",
    at: str = "2999-01-01T00:00:00Z",
    reason: str = "FailedCreate",
    verb: str = "Create",
) -> dict[str, Any]:
    error = f'pods "{pod}" is forbidden: {QUOTA}'
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"{pod}.1", "namespace": GROUP.namespace},
        "involvedObject": {"kind": kind, "namespace": GROUP.namespace, "name": owner},
        "reason": reason,
        "message": f"{verb} Pod {pod} in StatefulSet {owner} failed error: {error}",
        "lastTimestamp": at,
    }


def made(cluster: FakeCluster, name: str) -> None:
    labels = {"ome.io/inferenceservice": "chat", "component": "engine"}
    metadata = {"name": name, "namespace": GROUP.namespace, "labels": labels}
    cluster.put({"apiVersion": "v1", "kind": "Pod", "metadata": metadata})


def message(cluster: FakeCluster) -> str:
    return str(condition(cluster, "EngineReady")["message"])


@pytest.mark.parametrize(
    ("pod", "owner", "verb"),
    [
        ("lws-chat-engine-0", "lws-chat-engine", "Create"),
        ("lws-chat-engine-0", "lws-chat-engine", "create"),
        ("lws-chat-engine-0-1", "lws-chat-engine-0", "Create"),
    ],
)
def test_a_refused_pod_of_a_group_is_told_until_it_is_there(
    pod: str, owner: str, verb: str
) -> None:
    async def body(cluster: FakeCluster) -> None:
        event = refused(pod, owner, verb=verb)
        cluster.put(event)
        await anyio.sleep(1)
        assert message(cluster) == f"engine component initializing; {SAID}"
        writes = len(cluster.writes)
        for count in range(3):  # it is tried again, and told again
            cluster.put({**event, "count": count + 2})
            await anyio.sleep(30)
        assert len(cluster.writes) == writes
        made(cluster, pod)
        await anyio.sleep(1)
        assert message(cluster) == "engine component initializing"
        says(cluster, LEADER_WORKER_SETS, GROUP, "Available")
        await anyio.sleep(1)
        assert condition(cluster, "Ready")["status"] == "True"

    play(body, LEADER_WORKER_SETS, engine=MULTI)


@pytest.mark.parametrize(
    "event",
    [
        refused("lws-chat-engine-0", kind="ReplicaSet"),
        refused("lws-chat-engine-0", reason="FailedDelete"),
        refused("other-0", "other"),
        refused("lws-chat-engine-0", at="2000-01-01T00:00:00Z"),
    ],
    ids=["another kind", "another reason", "another set", "a former set of the name"],
)
def test_what_others_say_is_not_told(event: dict[str, Any]) -> None:
    async def body(cluster: FakeCluster) -> None:
        cluster.put(event)
        await anyio.sleep(1)
        assert message(cluster) == "engine component initializing"

    play(body, LEADER_WORKER_SETS, engine=MULTI)
