"""A router beside the engine: what is made for it goes with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio

from ome.kube.resource import ObjectKey
from ome.kube.resources import DEPLOYMENTS, HPAS, PDBS, ROLE_BINDINGS, ROLES, SERVICE_ACCOUNTS
from tests.controllers.inferenceservice.modes import names, play
from tests.controllers.inferenceservice.world import available, condition, edit, status

if TYPE_CHECKING:
    from tests.support.fake_cluster import FakeCluster

ROUTER = ObjectKey("demo", "chat-router")


def test_a_router_comes_and_goes_with_all_that_is_its() -> None:
    async def body(cluster: FakeCluster) -> None:
        for resource in (SERVICE_ACCOUNTS, ROLES, ROLE_BINDINGS):
            assert names(cluster, resource) == ["chat-router"]
        available(cluster)
        await anyio.sleep(1)
        assert condition(cluster, "Ready")["reason"] == "Initializing"
        available(cluster, ROUTER)
        await anyio.sleep(1)
        assert condition(cluster, "Ready")["status"] == "True"
        assert set(status(cluster)["components"]) == {"engine", "router"}
        edit(cluster, router=None)
        await anyio.sleep(1)
        for resource in (SERVICE_ACCOUNTS, ROLES, ROLE_BINDINGS):
            assert names(cluster, resource) == []
        for resource in (DEPLOYMENTS, PDBS, HPAS):
            assert names(cluster, resource) == ["chat-engine"]
        assert condition(cluster, "RouterReady") == {}
        assert condition(cluster, "Ready")["status"] == "True"
        assert set(status(cluster)["components"]) == {"engine"}

    play(body, router={"runner": {"name": "router", "image": "example.test/router:1"}})


def test_a_component_that_cannot_be_made_leaves_those_before_it() -> None:
    async def body(cluster: FakeCluster) -> None:
        assert names(cluster, DEPLOYMENTS) == ["chat-engine"]
        router = condition(cluster, "RouterReady")
        assert router["status"] == "False"
        assert "no containers found in pod spec" in router["message"]
        # Its rights are there, as other programs expect them, and go with it.
        for resource in (SERVICE_ACCOUNTS, ROLES, ROLE_BINDINGS):
            assert names(cluster, resource) == ["chat-router"]
        edit(cluster, router=None)
        await anyio.sleep(1)
        for resource in (SERVICE_ACCOUNTS, ROLES, ROLE_BINDINGS):
            assert names(cluster, resource) == []

    play(body, router={})
