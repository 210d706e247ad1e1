"""Which version of a service its status speaks of, for those who wait for a condition."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio

from ome.controllers.resources import INFERENCE_SERVICES
from tests.controllers.inferenceservice.exposed import PLAIN, play
from tests.controllers.inferenceservice.world import (
    SERVICE,
    annotate,
    available,
    condition,
    edit,
    found,
    status,
)

if TYPE_CHECKING:
    from tests.support.fake_cluster import FakeCluster


def observed(cluster: FakeCluster) -> dict[str, int]:
    """The generation that each condition speaks of."""
    return {item["type"]: item["observedGeneration"] for item in status(cluster)["conditions"]}


def generation(cluster: FakeCluster) -> int:
    return int(found(cluster, INFERENCE_SERVICES, SERVICE)["metadata"]["generation"])


def status_writes(cluster: FakeCluster) -> int:
    return sum(write.subresource == "status" for write in cluster.writes)


def test_conditions_speak_of_the_newest_version_once_its_workload_does() -> None:
    async def body(cluster: FakeCluster) -> None:
        available(cluster)
        await anyio.sleep(1)
        first = generation(cluster)
        assert set(observed(cluster).values()) == {first}
        assert status(cluster)["observedGeneration"] == first
        since, before = condition(cluster, "Ready")["lastTransitionTime"], status_writes(cluster)
        # The Deployment changes, its pods do not, and its controller has not seen it yet.
        edit(cluster, engine={"minReplicas": 1, "deploymentStrategy": {"type": "Recreate"}})
        await anyio.sleep(5)
        second = generation(cluster)
        assert second > first
        assert status(cluster)["observedGeneration"] == second
        assert observed(cluster) == {"EngineReady": first, "IngressReady": second, "Ready": first}
        available(cluster)
        await anyio.sleep(5)
        assert set(observed(cluster).values()) == {second}
        ready = condition(cluster, "Ready")
        assert (ready["status"], ready["lastTransitionTime"]) == ("True", since)
        assert status_writes(cluster) - before == 2
        held = found(cluster, INFERENCE_SERVICES, SERVICE)
        held["metadata"]["annotations"] = {"kubectl.kubernetes.io/last-applied-configuration": "{}"}
        cluster.put(held)
        await anyio.sleep(5)
        assert status_writes(cluster) - before == 2

    play(body, PLAIN)


def test_a_failure_speaks_of_the_version_that_has_it() -> None:
    async def body(cluster: FakeCluster) -> None:
        available(cluster)
        await anyio.sleep(1)
        first = generation(cluster)
        edit(cluster, model={"name": "none"})
        await anyio.sleep(1)
        second = generation(cluster)
        assert observed(cluster) == {"EngineReady": second, "IngressReady": first, "Ready": second}
        assert condition(cluster, "Ready")["reason"] == "ModelReconcileError"

    play(body, PLAIN)


def test_a_paused_service_speaks_of_what_it_was_made_from() -> None:
    async def body(cluster: FakeCluster) -> None:
        available(cluster)
        await anyio.sleep(1)
        first = generation(cluster)
        annotate(cluster, paused="true")
        await anyio.sleep(1)
        edit(cluster, engine={"minReplicas": 2})
        await anyio.sleep(1)
        assert generation(cluster) > first
        assert set(observed(cluster).values()) == {first}
        annotate(cluster, paused=None)
        available(cluster)
        await anyio.sleep(1)
        assert set(observed(cluster).values()) == {generation(cluster)}

    play(body, PLAIN)


def test_a_service_that_runs_elsewhere_speaks_of_its_newest_version() -> None:
    async def body(cluster: FakeCluster) -> None:
        assert observed(cluster) == {"Ready": generation(cluster)}
        edit(cluster, engine={"minReplicas": 2})
        await anyio.sleep(1)
        assert observed(cluster) == {"Ready": generation(cluster)}

    play(body, PLAIN, annotations={"ome.io/deploymentMode": "VirtualDeployment"})


def test_what_an_older_operator_said_is_not_written_anew_for_its_generation() -> None:
    def forget(cluster: FakeCluster) -> None:
        """The status as it was written without generations, or as an older definition keeps it."""
        held = found(cluster, INFERENCE_SERVICES, SERVICE)
        for item in held["status"]["conditions"]:
            item.pop("observedGeneration", None)
        cluster.put(held)

    async def body(cluster: FakeCluster) -> None:
        available(cluster)
        await anyio.sleep(1)
        forget(cluster)
        before = status_writes(cluster)
        await anyio.sleep(5)
        assert status_writes(cluster) == before
        edit(cluster, engine={"minReplicas": 2})
        await anyio.sleep(1)
        available(cluster)
        await anyio.sleep(1)
        assert set(observed(cluster).values()) == {generation(cluster)}

    play(body, PLAIN)
