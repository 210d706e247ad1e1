"""From one mode to another, and without what a mode needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anyio
import pytest

from ome.controllers.resources import INFERENCE_SERVICES, KNATIVE_SERVICES, LEADER_WORKER_SETS
from ome.kube.resources import DEPLOYMENTS, HPAS
from tests.controllers.inferenceservice.modes import GROUP, MULTI, events, names, play
from tests.controllers.inferenceservice.world import SERVICE, available, condition, edit

if TYPE_CHECKING:
    from ome.kube.resource import Resource
    from tests.support.fake_cluster import FakeCluster


@pytest.mark.parametrize(
    ("engine", "annotation", "resource", "reason", "text"),
    [
        (MULTI, None, LEADER_WORKER_SETS, "DeploymentModeError", "install LeaderWorkerSet"),
        (
            {"minReplicas": 0},
            None,
            KNATIVE_SERVICES,
            "ServerlessModeRejected",
            "It is not possible to use Serverless deployment mode when Knative Services are not",
        ),
    ],
)
def test_what_a_mode_needs_is_said_and_noticed_when_it_is_installed(
    engine: dict[str, Any], annotation: str | None, resource: Resource, reason: str, text: str
) -> None:
    async def body(cluster: FakeCluster) -> None:
        engine_ready = condition(cluster, "EngineReady")
        assert (engine_ready["status"], engine_ready["reason"]) == ("False", reason)
        assert text in engine_ready["message"]
        assert f"{resource.group_resource} is not installed" in engine_ready["message"]
        before = len(cluster.writes)
        await anyio.sleep(300)
        assert len(cluster.writes) == before
        assert events(cluster).count(reason) == 1
        cluster.install(resource)
        await anyio.sleep(1)
        assert len(cluster.objects(resource, "demo")) == 1
        assert condition(cluster, "EngineReady")["reason"] == "Initializing"
        cluster.uninstall(resource)
        await anyio.sleep(1)
        assert condition(cluster, "EngineReady")["reason"] == reason

    play(body, engine=engine)


def test_from_one_pod_to_many_nodes_and_back() -> None:
    async def body(cluster: FakeCluster) -> None:
        available(cluster)
        await anyio.sleep(1)
        edit(cluster, engine=MULTI)
        await anyio.sleep(1)
        assert names(cluster, LEADER_WORKER_SETS) == [GROUP.name]
        assert names(cluster, DEPLOYMENTS) == names(cluster, HPAS) == []
        made = [
            (write.verb, write.resource.kind)
            for write in cluster.writes
            if write.resource.kind in ("Deployment", "LeaderWorkerSet")
        ]
        assert made[-2:] == [("apply", "LeaderWorkerSet"), ("delete", "Deployment")]
        edit(cluster, engine={"minReplicas": 1})
        await anyio.sleep(1)
        assert names(cluster, LEADER_WORKER_SETS) == []
        assert names(cluster, DEPLOYMENTS) == ["chat-engine"]

    play(body, LEADER_WORKER_SETS)


def test_deleting_a_service_that_waits_for_a_kind_only_releases_it() -> None:
    async def body(cluster: FakeCluster) -> None:
        cluster.remove(INFERENCE_SERVICES, SERVICE)
        await anyio.sleep(1)
        assert cluster.object(INFERENCE_SERVICES, SERVICE) is None
        cluster.install(LEADER_WORKER_SETS)
        await anyio.sleep(1)
        assert names(cluster, LEADER_WORKER_SETS) == []

    play(body, engine=MULTI)
