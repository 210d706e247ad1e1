"""Routes of the Gateway API: read back, removed with their component, missing kinds named."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anyio
import pytest

from ome.controllers.resources import (
    HTTP_ROUTES,
    INFERENCE_POOLS,
)
from ome.errors import Forbidden
from ome.kube.resource import ObjectKey
from ome.kube.resources import EVENTS
from tests.controllers.inferenceservice.exposed import (
    ACCEPTED,
    GATEWAY,
    PLAIN,
    REJECTED,
    answer,
    ingress_ready,
    names,
    play,
    urls,
)
from tests.controllers.inferenceservice.world import (
    RUNNER,
    SERVICE,
    available,
    condition,
    edit,
    found,
)

if TYPE_CHECKING:
    from ome.kube.resource import Resource
    from tests.support.fake_cluster import FakeCluster


def test_routes_are_read_back() -> None:
    async def body(cluster: FakeCluster) -> None:
        available(cluster)
        await anyio.sleep(1)
        assert names(cluster, HTTP_ROUTES) == ["chat", "chat-engine"]
        missing = ("False", "ParentStatusNotAvailable", "Engine HttpRouteNotReady")
        assert ingress_ready(cluster) == missing
        inside = "http://chat-engine.demo.svc.cluster.local:8080"
        assert urls(cluster) == ("http://chat.demo.example.com", inside)
        answer(cluster, "chat-engine", ACCEPTED)
        answer(cluster, "chat", REJECTED)
        await anyio.sleep(1)
        refused = "Top level no listener takes 100% of it"
        assert ingress_ready(cluster) == ("False", "NotAllowedByListeners", refused)
        reasons = [event["reason"] for event in cluster.objects(EVENTS)]
        assert reasons.count("NotAllowedByListeners") == 1
        assert "ParentStatusNotAvailable" not in reasons
        answer(cluster, "chat", ACCEPTED, {"type": "Programmed", "status": "Unknown"})
        await anyio.sleep(1)
        assert ingress_ready(cluster) == ("True", "", "")
        answer(cluster, "chat-engine", REJECTED)
        await anyio.sleep(1)
        assert ingress_ready(cluster)[2].startswith("Engine no listener")

    play(body, GATEWAY, HTTP_ROUTES)


def test_what_keeps_a_kind_away_is_told_as_it_changes() -> None:
    async def body(cluster: FakeCluster) -> None:
        available(cluster)
        await anyio.sleep(1)
        assert "install the Gateway API, the service then" in ingress_ready(cluster)[2]
        cluster.fail("list", HTTP_ROUTES, Forbidden("no"), times=8)
        cluster.install(HTTP_ROUTES)
        await anyio.sleep(10)
        assert ingress_ready(cluster) == (
            "False",
            "GatewayAPINotAvailable",
            "the service cannot be exposed through the Gateway API: objects of kind HTTPRoute of"
            " gateway.networking.k8s.io/v1 cannot be listed: the operator's role lacks get, list"
            " or watch on httproutes.gateway.networking.k8s.io; grant them; the service goes on by"
            " itself after that",
        )
        await anyio.sleep(300)
        assert names(cluster, HTTP_ROUTES) == ["chat", "chat-engine"]

    play(body, GATEWAY)


def test_the_word_of_a_former_gateway_does_not_count() -> None:
    def says(cluster: FakeCluster, **gateways: dict[str, str]) -> None:
        for name in ("chat", "chat-engine"):
            route = found(cluster, HTTP_ROUTES, ObjectKey("demo", name))
            route["status"] = {
                "parents": [
                    {"parentRef": {"namespace": "edge", "name": gateway}, "conditions": [word]}
                    for gateway, word in gateways.items()
                ]
            }
            cluster.put(route)

    async def body(cluster: FakeCluster) -> None:
        available(cluster)
        await anyio.sleep(1)
        for word in (ACCEPTED, REJECTED):
            says(cluster, former=word)
            await anyio.sleep(1)
            assert ingress_ready(cluster)[1] == "ParentStatusNotAvailable"
            says(cluster, former=word, public=ACCEPTED)
            await anyio.sleep(1)
            assert ingress_ready(cluster) == ("True", "", "")
        says(cluster, former=ACCEPTED, public=REJECTED)
        await anyio.sleep(1)
        assert ingress_ready(cluster)[1] == "NotAllowedByListeners"

    play(body, GATEWAY, HTTP_ROUTES)


def test_routes_of_a_removed_component_go() -> None:
    router = {"runner": RUNNER}

    async def body(cluster: FakeCluster) -> None:
        available(cluster)
        available(cluster, ObjectKey("demo", "chat-router"))
        await anyio.sleep(1)
        assert names(cluster, HTTP_ROUTES) == ["chat", "chat-engine", "chat-router"]
        edit(cluster, router=None)
        await anyio.sleep(2)
        assert names(cluster, HTTP_ROUTES) == ["chat", "chat-engine"]
        top = found(cluster, HTTP_ROUTES, SERVICE)["spec"]["rules"]
        assert [rule["backendRefs"][0]["name"] for rule in top] == ["chat-engine"]

    play(body, GATEWAY, HTTP_ROUTES, router=router)


@pytest.mark.parametrize(
    ("ingress", "resource", "reason", "annotations"),
    [
        (GATEWAY, HTTP_ROUTES, "GatewayAPINotAvailable", {}),
        (PLAIN, INFERENCE_POOLS, "InferencePoolNotAvailable", {"ome.io/inference-pool": "picker"}),
    ],
)
def test_a_missing_kind_is_named_and_the_service_recovers(
    ingress: dict[str, Any], resource: Resource, reason: str, annotations: dict[str, str]
) -> None:
    async def body(cluster: FakeCluster) -> None:
        available(cluster)
        await anyio.sleep(1)
        state, said, message = ingress_ready(cluster)
        assert (state, said) == ("False", reason)
        assert resource.kind in message
        assert "install" in message
        assert condition(cluster, "EngineReady")["status"] == "True"
        assert [event["reason"] for event in cluster.objects(EVENTS)].count(reason) == 1
        cluster.install(resource)
        await anyio.sleep(3)
        assert "chat-engine" in names(cluster, resource)
        cluster.uninstall(resource)
        await anyio.sleep(3)
        assert ingress_ready(cluster)[:2] == ("False", reason)

    play(body, ingress, annotations=annotations)
