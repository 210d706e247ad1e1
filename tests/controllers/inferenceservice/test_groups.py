"""A LeaderWorkerSet: to Ready, its number of groups, a template it has not noticed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio

from ome.controllers.resources import LEADER_WORKER_SETS
from ome.kube.resources import DEPLOYMENTS
from tests.controllers.inferenceservice.modes import GROUP, MULTI, names, play
from tests.controllers.inferenceservice.world import (
    RUNNER,
    annotate,
    condition,
    edit,
    found,
    says,
    status,
)

if TYPE_CHECKING:
    from tests.support.fake_cluster import FakeCluster


def test_many_nodes_to_ready() -> None:
    async def body(cluster: FakeCluster) -> None:
        assert names(cluster, DEPLOYMENTS) == []
        assert condition(cluster, "EngineReady")["reason"] == "Initializing"
        says(cluster, LEADER_WORKER_SETS, GROUP, "Available")
        await anyio.sleep(1)
        assert condition(cluster, "Ready")["status"] == "True"
        assert condition(cluster, "EngineReady")["reason"] == "Available"
        assert status(cluster)["url"] == "http://chat.demo.svc.cluster.local:8080"
        assert status(cluster)["components"]["engine"]["url"].startswith("http://chat-engine")

    play(body, LEADER_WORKER_SETS, engine=MULTI)


def test_the_number_of_groups_belongs_to_whoever_changes_it() -> None:
    async def body(cluster: FakeCluster) -> None:
        def replicas() -> int:
            return int(found(cluster, LEADER_WORKER_SETS, GROUP)["spec"]["replicas"])

        assert replicas() == 2
        held = found(cluster, LEADER_WORKER_SETS, GROUP)
        held["spec"]["replicas"] = 5
        cluster.put(held)
        await anyio.sleep(1)
        assert replicas() == 5
        more = {**MULTI, "worker": {"size": 3, "runner": RUNNER}}
        edit(cluster, engine=more)
        await anyio.sleep(1)
        group = found(cluster, LEADER_WORKER_SETS, GROUP)["spec"]
        assert (group["replicas"], group["leaderWorkerTemplate"]["size"]) == (5, 4)
        edit(cluster, engine={**more, "minReplicas": 3})
        await anyio.sleep(1)
        assert replicas() == 3

    play(body, LEADER_WORKER_SETS, engine=MULTI)


def test_groups_that_have_not_noticed_a_new_template_are_not_ready() -> None:
    async def body(cluster: FakeCluster) -> None:
        def said(*types: str) -> None:
            says(cluster, LEADER_WORKER_SETS, GROUP, *types)
            held = found(cluster, LEADER_WORKER_SETS, GROUP)
            del held["status"]["observedGeneration"]  # as the real one does not tell
            cluster.put(held)

        said("Available")
        await anyio.sleep(1)
        assert condition(cluster, "Ready")["status"] == "True"
        edit(cluster, engine={**MULTI, "worker": {"size": 2, "runner": RUNNER}})
        await anyio.sleep(1)
        annotate(cluster, something="else")
        await anyio.sleep(1)
        assert condition(cluster, "Ready")["reason"] == "RolloutInProgress"
        said("UpdateInProgress")
        await anyio.sleep(1)
        said("Available")
        await anyio.sleep(1)
        assert condition(cluster, "Ready")["status"] == "True"

    play(body, LEADER_WORKER_SETS, engine=MULTI)
