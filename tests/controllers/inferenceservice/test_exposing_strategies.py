"""From one way of exposing a service to another: what serves, and what goes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from ome.controllers.resources import (
    HTTP_ROUTES,
    INFERENCE_SERVICES,
)
from ome.kube.resource import ObjectKey
from ome.kube.resources import CONFIGMAPS, INGRESSES, SERVICES
from tests.controllers.inferenceservice.exposed import (
    GATEWAY,
    PLAIN,
    SETTINGS,
    ingress_ready,
    names,
    play,
    settle,
    urls,
)
from tests.controllers.inferenceservice.world import (
    SERVICE,
    annotate,
    available,
    found,
    service,
)

if TYPE_CHECKING:
    from tests.support.fake_cluster import FakeCluster

LOCAL = "networking.ome.io/visibility"


def test_what_another_strategy_made_goes() -> None:
    strategies: dict[str, tuple[dict[str, Any], tuple[list[str], ...]]] = {
        "fallback": ({**PLAIN, "disableIngressCreation": True}, ([], [], ["chat", "chat-engine"])),
        "ingress": (PLAIN, (["chat"], [], ["chat-engine"])),
        "gateway": (GATEWAY, ([], ["chat", "chat-engine"], ["chat-engine"])),
        "local": (PLAIN, ([], [], ["chat-engine"])),
    }
    ways = "fallback ingress gateway local gateway ingress local fallback gateway fallback local"

    async def body(cluster: FakeCluster) -> None:
        available(cluster)
        await anyio.sleep(1)
        for name in ways.split():
            held = found(cluster, INFERENCE_SERVICES, SERVICE)
            held["metadata"]["labels"] = {LOCAL: "cluster-local"} if name == "local" else {}
            cluster.put(held)
            settings, expected = strategies[name]
            settle(cluster, **settings)
            await anyio.sleep(6)
            made = tuple(names(cluster, kind) for kind in (INGRESSES, HTTP_ROUTES, SERVICES))
            assert made == expected, name

    play(body, PLAIN, HTTP_ROUTES)


@pytest.mark.parametrize("settings", [PLAIN, GATEWAY])
def test_what_there_was_serves_until_the_new_can(settings: dict[str, Any]) -> None:
    async def body(cluster: FakeCluster) -> None:
        assert names(cluster, SERVICES) == ["chat", "chat-engine"]
        settle(cluster, **settings)
        await anyio.sleep(6)
        assert ingress_ready(cluster)[:2] == ("False", "ComponentNotReady")
        assert names(cluster, SERVICES) == ["chat", "chat-engine"]
        available(cluster)
        await anyio.sleep(1)
        assert names(cluster, SERVICES) == ["chat-engine"]

    play(body, {**PLAIN, "disableIngressCreation": True}, HTTP_ROUTES)


def test_a_service_of_the_same_name_that_is_not_ours_is_never_deleted() -> None:
    theirs = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": "chat",
            "namespace": "demo",
            "labels": {"ome.io/inferenceservice": "chat", "component": "external-service"},
        },
        "spec": {"ports": [{"port": 1}]},
    }

    async def body(cluster: FakeCluster) -> None:
        available(cluster)
        await anyio.sleep(1)
        assert ingress_ready(cluster) == ("True", "", "")
        settle(cluster, **PLAIN, disableIngressCreation=True)
        await anyio.sleep(6)
        assert ingress_ready(cluster)[:2] == ("False", "ServiceConflict")
        assert found(cluster, SERVICES, SERVICE)["spec"] == {"ports": [{"port": 1}]}

    play(body, PLAIN, before=lambda cluster: cluster.put(theirs))


def test_the_annotation_of_one_service_overrides_the_settings() -> None:
    async def body(cluster: FakeCluster) -> None:
        available(cluster)
        await anyio.sleep(1)
        assert names(cluster, SERVICES) == ["chat", "chat-engine"]
        annotate(cluster, ingress_disable_creation="false", ingress_class="nginx")
        await anyio.sleep(1)
        spec = found(cluster, INGRESSES, SERVICE)["spec"]
        assert spec["ingressClassName"] == "nginx"
        assert names(cluster, SERVICES) == ["chat-engine"]
        stored = found(cluster, CONFIGMAPS, SETTINGS)["data"]["ingress"]
        assert json.loads(stored)["disableIngressCreation"] is True

    play(body, {**PLAIN, "disableIngressCreation": True})


def test_a_change_of_the_settings_reaches_every_service_once() -> None:
    others = ["chat-1", "chat-2"]

    def more(cluster: FakeCluster) -> None:
        for name in others:
            cluster.put(service(name))

    async def body(cluster: FakeCluster) -> None:
        for name in ("chat", *others):
            available(cluster, ObjectKey("demo", f"{name}-engine"))
        await anyio.sleep(2)
        assert len(names(cluster, INGRESSES)) == 3
        for change in (
            {"domainTemplate": "{{ .Name }}.{{ .IngressDomain }}"},
            {"ingressClassName": "nginx"},
            {"urlScheme": "https"},
        ):
            before = len(cluster.writes)
            settle(cluster, **PLAIN, **change)
            await anyio.sleep(30)
            writes = [
                (write.resource.kind, write.key.name)
                for write in cluster.writes[before:]
                if write.changed and write.resource.kind in ("Ingress", "InferenceService")
            ]
            assert len(writes) == len(set(writes)), change
            kind = "InferenceService" if "urlScheme" in change else "Ingress"
            assert {name for made, name in writes if made == kind} == {"chat", *others}, change
        assert urls(cluster)[0] == "https://chat.demo.example.com:8080"
        quiet = len(cluster.writes)
        await anyio.sleep(60)
        assert len(cluster.writes) == quiet

    play(body, PLAIN, before=more)
