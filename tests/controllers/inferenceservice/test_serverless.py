"""A Knative Service: to Ready, and what serves meanwhile where it cannot take its place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anyio
import pytest

from ome.controllers.resources import KNATIVE_SERVICES
from ome.errors import BadRequest
from ome.kube.resources import DEPLOYMENTS, HPAS, SERVICES
from tests.controllers.inferenceservice.modes import names, play
from tests.controllers.inferenceservice.world import (
    ENGINE,
    available,
    condition,
    edit,
    found,
    says,
    status,
)

if TYPE_CHECKING:
    from tests.support.fake_cluster import FakeCluster


def knative_ready(cluster: FakeCluster) -> None:
    revision = "chat-engine-00001"
    says(
        cluster,
        KNATIVE_SERVICES,
        ENGINE,
        "Ready",
        "RoutesReady",
        "ConfigurationsReady",
        url="http://chat-engine.demo.example.com",
        address={"url": "http://chat-engine.demo.svc.cluster.local"},
        latestCreatedRevisionName=revision,
        latestReadyRevisionName=revision,
        traffic=[{"latestRevision": True, "percent": 100, "revisionName": revision}],
    )


def test_serverless_to_ready() -> None:
    async def body(cluster: FakeCluster) -> None:
        assert names(cluster, KNATIVE_SERVICES) == ["chat-engine"]
        assert names(cluster, HPAS) == []
        knative_ready(cluster)
        await anyio.sleep(1)
        for type_ in ("EngineReady", "EngineRouteReady", "RoutesReady", "LatestDeploymentReady"):
            assert condition(cluster, type_)["status"] == "True", type_
        engine = status(cluster)["components"]["engine"]
        assert engine["url"] == "http://chat-engine.demo.example.com"
        assert engine["latestRolledoutRevision"] == "chat-engine-00001"
        assert engine["traffic"][0]["percent"] == 100

    play(body, KNATIVE_SERVICES, engine={"minReplicas": 0})


def revisions(cluster: FakeCluster) -> dict[str, Any]:
    """What the status tells of the engine's revisions."""
    engine = status(cluster)["components"]["engine"]
    return {name: held for name, held in engine.items() if "Revision" in name or name == "traffic"}


def test_to_serverless_and_back_the_name_is_free_for_whoever_needs_it() -> None:
    async def body(cluster: FakeCluster) -> None:
        available(cluster)
        await anyio.sleep(1)
        assert revisions(cluster) == {"latestCreatedRevision": "1"}
        edit(cluster, engine={"minReplicas": 0})
        await anyio.sleep(1)
        assert names(cluster, KNATIVE_SERVICES) == ["chat-engine"]
        assert names(cluster, DEPLOYMENTS) == []
        assert revisions(cluster) == {}
        knative_ready(cluster)
        await anyio.sleep(1)
        assert revisions(cluster)["latestReadyRevision"] == "chat-engine-00001"
        order = [
            write.verb
            for write in cluster.writes
            if write.key == ENGINE and write.resource in (SERVICES, KNATIVE_SERVICES)
        ]
        assert order == ["apply", "delete", "apply"]
        labels = found(cluster, KNATIVE_SERVICES, ENGINE)["metadata"]["labels"]
        route = {"apiVersion": "serving.knative.dev/v1", "kind": "Route", "name": "chat-engine"}
        cluster.put(
            {
                "apiVersion": "v1",
                "kind": "Service",
                "metadata": {
                    "name": "chat-engine",
                    "namespace": "demo",
                    "labels": labels,
                    "ownerReferences": [{**route, "uid": "route-1", "controller": True}],
                },
                "spec": {"type": "ExternalName"},
            }
        )
        edit(cluster, engine={"minReplicas": 1})
        await anyio.sleep(10)
        assert names(cluster, KNATIVE_SERVICES) == []
        assert names(cluster, DEPLOYMENTS) == ["chat-engine"]
        assert condition(cluster, "EngineReady")["reason"] == "Initializing"
        cluster.remove(SERVICES, ENGINE)  # as garbage collection does
        await anyio.sleep(5)
        owner = found(cluster, SERVICES, ENGINE)["metadata"]["ownerReferences"][0]
        assert owner["kind"] == "InferenceService"
        assert revisions(cluster) == {}

    play(body, KNATIVE_SERVICES)


@pytest.mark.parametrize("taken", [False, True], ids=["refused", "taken"])
def test_what_serves_stays_where_knative_cannot_take_its_place(taken: bool) -> None:
    async def body(cluster: FakeCluster) -> None:
        available(cluster)
        await anyio.sleep(1)
        foreign = {
            "apiVersion": "serving.knative.dev/v1",
            "kind": "Service",
            "metadata": {"name": "chat-engine", "namespace": "demo"},
            "spec": {},
        }
        denied = BadRequest(
            'admission webhook "validation.webhook.serving.knative.dev" denied the request: must'
            " not set the field(s): spec.template.spec.volumes[0].hostPath"
        )
        if taken:
            cluster.put(foreign)
        else:
            cluster.fail("apply", KNATIVE_SERVICES, denied, times=100)
        edit(cluster, engine={"minReplicas": 0})
        await anyio.sleep(20)
        assert names(cluster, SERVICES) == ["chat", "chat-engine"], "it serves on"
        assert names(cluster, DEPLOYMENTS) == ["chat-engine"]
        told = condition(cluster, "EngineReady")
        assert told["reason"] == ("ServiceConflict" if taken else "InternalError")
        assert taken or "must not set the field(s)" in told["message"]
        edit(cluster, engine={"minReplicas": 1})
        await anyio.sleep(60)
        assert condition(cluster, "Ready")["status"] == "True"

    play(body, KNATIVE_SERVICES)


def test_what_serves_stays_while_a_former_knative_service_is_still_going() -> None:
    async def body(cluster: FakeCluster) -> None:
        edit(cluster, engine={"minReplicas": 0})
        await anyio.sleep(1)
        held = found(cluster, KNATIVE_SERVICES, ENGINE)
        held["metadata"]["finalizers"] = ["example.test/slow"]
        cluster.put(held)
        edit(cluster, engine={"minReplicas": 1})
        await anyio.sleep(5)
        available(cluster)
        await anyio.sleep(1)
        assert found(cluster, KNATIVE_SERVICES, ENGINE)["metadata"]["deletionTimestamp"]
        edit(cluster, engine={"minReplicas": 0})
        await anyio.sleep(20)
        assert names(cluster, SERVICES) == ["chat", "chat-engine"], "it serves on"
        assert names(cluster, DEPLOYMENTS) == ["chat-engine"]
        held = found(cluster, KNATIVE_SERVICES, ENGINE)
        held["metadata"]["finalizers"] = []
        cluster.put(held)
        await anyio.sleep(20)
        assert names(cluster, SERVICES) == ["chat"]
        assert names(cluster, DEPLOYMENTS) == []

    play(body, KNATIVE_SERVICES)
