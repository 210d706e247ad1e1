"""A service of which nothing is deployed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio

from ome.controllers.resources import CLUSTER_SERVING_RUNTIMES
from ome.kube.resource import ObjectKey
from ome.kube.resources import DEPLOYMENTS, HPAS, PDBS, SERVICES
from tests.controllers.inferenceservice.modes import names, play
from tests.controllers.inferenceservice.world import annotate, available, condition, found, status

if TYPE_CHECKING:
    from tests.support.fake_cluster import FakeCluster


def test_a_virtual_service_has_an_address_and_nothing_else() -> None:
    async def body(cluster: FakeCluster) -> None:
        available(cluster)
        await anyio.sleep(1)
        annotate(cluster, deploymentMode="VirtualDeployment")
        await anyio.sleep(1)
        for resource in (DEPLOYMENTS, SERVICES, HPAS, PDBS):
            assert names(cluster, resource) == []
        held = status(cluster)
        assert [(item["type"], item["reason"]) for item in held["conditions"]] == [
            ("Ready", "VirtualDeployment")
        ]
        assert held["url"] == held["address"]["url"] == "http://chat.demo.svc.cluster.local"
        assert held["components"] == {"predictor": {"url": held["url"]}}
        annotate(cluster, deploymentMode=None)
        await anyio.sleep(1)
        assert condition(cluster, "EngineReady")["reason"] == "Initializing"
        assert set(status(cluster)["components"]) == {"engine"}

    play(body)


def test_a_paused_service_is_not_called_virtual_while_its_pods_run() -> None:
    async def body(cluster: FakeCluster) -> None:
        available(cluster)
        await anyio.sleep(1)
        annotate(cluster, paused="true", deploymentMode="VirtualDeployment")
        await anyio.sleep(1)
        assert names(cluster, DEPLOYMENTS) == ["chat-engine"]
        assert condition(cluster, "Paused")["status"] == "True"
        assert condition(cluster, "Ready")["status"] == "True"
        assert set(status(cluster)["components"]) == {"engine"}
        annotate(cluster, paused=None)
        await anyio.sleep(1)
        assert names(cluster, DEPLOYMENTS) == []
        assert condition(cluster, "Ready")["reason"] == "VirtualDeployment"
        annotate(cluster, paused="true")
        await anyio.sleep(1)
        assert condition(cluster, "Ready")["reason"] == "VirtualDeployment"
        assert condition(cluster, "Paused")["status"] == "True"

    play(body)


def test_a_runtime_may_say_that_nothing_is_deployed() -> None:
    async def body(cluster: FakeCluster) -> None:
        available(cluster)
        await anyio.sleep(1)
        held = found(cluster, CLUSTER_SERVING_RUNTIMES, ObjectKey("", "r"))
        virtual = {"ome.io/deploymentMode": "VirtualDeployment"}
        held["spec"]["engineConfig"]["annotations"] = virtual
        cluster.put(held)
        await anyio.sleep(1)
        for resource in (DEPLOYMENTS, SERVICES, HPAS, PDBS):
            assert names(cluster, resource) == []
        assert condition(cluster, "Ready")["reason"] == "VirtualDeployment"
        assert status(cluster)["url"] == "http://chat.demo.svc.cluster.local"

    play(body)
