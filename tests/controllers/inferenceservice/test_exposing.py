"""Exposure on a cluster: written when its gate opens, read back, changed with the settings."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from ome.controllers.resources import (
    HTTP_ROUTES,
    INFERENCE_POOLS,
    INFERENCE_SERVICES,
    KNATIVE_SERVICES,
    LEADER_WORKER_SETS,
    SIDECARS,
    VIRTUAL_SERVICES,
)
from ome.errors import InternalError
from ome.kube.resource import ObjectKey
from ome.kube.resources import CONFIGMAPS, DEPLOYMENTS, EVENTS, INGRESSES, SERVICES
from tests.controllers.inferenceservice.world import (
    ENGINE,
    SERVICE,
    annotate,
    available,
    condition,
    edit,
    found,
    model,
    new_cluster,
    operator,
    runtime,
    says,
    service,
    status,
)
from tests.support.virtual_time import run_virtual

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ome.kube.resource import Resource
    from tests.support.fake_cluster import FakeCluster

SETTINGS = ObjectKey("ome", "inferenceservice-config")
PLAIN: dict[str, Any] = {"ingressDomain": "example.com"}
GATEWAY = {**PLAIN, "enableGatewayAPI": True, "omeIngressGateway": "edge/public"}
ISTIO = {
    "ingressGateway": "knative-serving/knative-ingress-gateway",
    "ingressService": "istio-ingressgateway.istio-system.svc.cluster.local",
    "localGateway": "knative-serving/knative-local-gateway",
    "localGatewayService": "local.istio-system.svc.cluster.local",
    "knativeLocalGatewayService": "local.istio-system.svc.cluster.local",
}
RUNNER = {"name": "ome-container", "image": "example.test/serve:1"}
LOCAL = "networking.ome.io/visibility"


def play(
    body: Callable[[FakeCluster], Awaitable[None]],
    ingress: dict[str, Any] | None,
    *optional: Resource,
    annotations: dict[str, str] | None = None,
    before: Callable[[FakeCluster], object] | None = None,
    **spec: Any,
) -> None:
    """Run a scenario; ``ingress`` is key ``ingress`` of the settings, None for no ConfigMap."""

    async def main() -> None:
        cluster = new_cluster(*optional)
        wanted = service(**spec)
        wanted["metadata"]["annotations"] = annotations or {}
        for item in (model(), runtime(), wanted):
            cluster.put(item)
        if ingress is not None:
            settle(cluster, **ingress)
        if before is not None:
            before(cluster)
        async with operator(cluster):
            await anyio.sleep(1)
            await body(cluster)

    run_virtual(main)


def settle(cluster: FakeCluster, **ingress: Any) -> None:
    """Write the operator's settings."""
    cluster.put(
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": SETTINGS.name, "namespace": SETTINGS.namespace},
            "data": {"ingress": json.dumps(ingress)},
        }
    )


def names(cluster: FakeCluster, resource: Resource) -> list[str]:
    return sorted(item["metadata"]["name"] for item in cluster.objects(resource))


def ingress_ready(cluster: FakeCluster) -> tuple[str, str, str]:
    entry = condition(cluster, "IngressReady")
    return entry.get("status", ""), entry.get("reason", ""), entry.get("message", "")


def urls(cluster: FakeCluster) -> tuple[str | None, str | None]:
    held = status(cluster)
    return held.get("url"), (held.get("address") or {}).get("url")


def hosts(cluster: FakeCluster) -> list[str]:
    spec = found(cluster, INGRESSES, SERVICE)["spec"]
    return [rule["host"] for rule in spec["rules"]]


def answer(cluster: FakeCluster, name: str, *conditions: dict[str, str]) -> None:
    """What a gateway says of a route."""
    route = found(cluster, HTTP_ROUTES, ObjectKey("demo", name))
    route["status"] = {
        "parents": [{"parentRef": {"name": "public"}, "conditions": list(conditions)}]
    }
    cluster.put(route)


ACCEPTED = {"type": "Accepted", "status": "True", "reason": "Accepted", "message": ""}
REJECTED = {
    "type": "Accepted",
    "status": "False",
    "reason": "NotAllowedByListeners",
    "message": "no listener takes 100% of it",
}


# Ingress.


def test_an_ingress_comes_when_the_engine_is_ready_and_stays() -> None:
    async def body(cluster: FakeCluster) -> None:
        message = "Target service not ready for ingress creation"
        assert ingress_ready(cluster) == ("False", "ComponentNotReady", message)
        assert (names(cluster, INGRESSES), urls(cluster)) == ([], (None, None))
        available(cluster)
        await anyio.sleep(1)
        assert ingress_ready(cluster) == ("True", "", "")
        assert condition(cluster, "Ready")["status"] == "True"
        assert hosts(cluster) == ["chat.demo.example.com"]
        inside = "http://chat-engine.demo.svc.cluster.local:8080"
        assert urls(cluster) == ("http://chat.demo.example.com:8080", inside)
        says(cluster, DEPLOYMENTS, ENGINE)
        await anyio.sleep(1)
        assert ingress_ready(cluster)[0] == "False"
        assert names(cluster, INGRESSES) == ["chat"]
        assert urls(cluster)[0] == "http://chat.demo.example.com:8080"

    play(body, PLAIN)


def test_a_rollout_does_not_close_the_gate() -> None:
    async def body(cluster: FakeCluster) -> None:
        available(cluster)
        await anyio.sleep(1)
        available(cluster, rolling=True)
        await anyio.sleep(1)
        assert condition(cluster, "EngineReady")["status"] == "Unknown"
        assert ingress_ready(cluster) == ("True", "", "")

    play(body, PLAIN)


def test_an_ingress_that_somebody_deleted_comes_back() -> None:
    async def body(cluster: FakeCluster) -> None:
        available(cluster)
        await anyio.sleep(1)
        cluster.remove(INGRESSES, SERVICE)
        await anyio.sleep(1)
        assert hosts(cluster) == ["chat.demo.example.com"]

    play(body, PLAIN)


def test_an_ingress_of_somebody_else_is_left_alone() -> None:
    theirs = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": "chat", "namespace": "demo"},
        "spec": {"rules": [{"host": "theirs.example.com"}]},
    }

    async def body(cluster: FakeCluster) -> None:
        available(cluster)
        await anyio.sleep(1)
        state, reason, message = ingress_ready(cluster)
        assert (state, reason) == ("False", "ServiceConflict")
        assert "Ingress" in message
        assert "chat" in message
        assert hosts(cluster) == ["theirs.example.com"]
        assert condition(cluster, "EngineReady")["status"] == "True"

    play(body, PLAIN, before=lambda cluster: cluster.put(theirs))


def test_a_host_that_is_none_is_told_and_mends_itself() -> None:
    template = "{{ .Labels.team }}.{{ .IngressDomain }}"

    async def body(cluster: FakeCluster) -> None:
        # Everything that the service needs for its components has a host of its own.
        available(cluster)
        await anyio.sleep(1)
        annotate(cluster, ingress_domain_template=template)
        await anyio.sleep(1)
        assert condition(cluster, "EngineReady")["message"].startswith("invalid domain name")
        annotate(cluster, ingress_domain_template=None)
        await anyio.sleep(1)
        assert ingress_ready(cluster) == ("True", "", "")

    play(body, PLAIN)


def test_an_exposure_that_cannot_be_made_has_its_reason() -> None:
    async def body(cluster: FakeCluster) -> None:
        available(cluster)
        await anyio.sleep(1)
        state, reason, message = ingress_ready(cluster)
        assert (state, reason) == ("False", "IngressReconcileFailed")
        assert "annotation ome.io/inference-pool is 'A Picker'" in message
        assert condition(cluster, "EngineReady")["status"] == "True"
        annotate(cluster, inference_pool=None)
        await anyio.sleep(1)
        assert ingress_ready(cluster) == ("True", "", "")

    notes = {"ome.io/inference-pool": "A Picker"}
    play(body, PLAIN, INFERENCE_POOLS, annotations=notes)


def test_a_server_that_refuses_is_told_and_tried_again() -> None:
    def broken(cluster: FakeCluster) -> None:
        cluster.fail("apply", INGRESSES, InternalError("no space"))

    async def body(cluster: FakeCluster) -> None:
        broken(cluster)
        available(cluster)
        await anyio.sleep(3)
        assert ingress_ready(cluster) == ("True", "", "")
        said = [event["note"] for event in cluster.objects(EVENTS)]
        assert any("failed to reconcile ingress: Ingress chat" in note for note in said)

    play(body, PLAIN)


# From one strategy to another.


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


# Gateway API.


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


# Istio.


def test_a_serverless_service_has_a_virtual_service() -> None:
    async def body(cluster: FakeCluster) -> None:
        reason = ("False", "Engine ingress not created", "")
        assert ingress_ready(cluster) == reason
        assert names(cluster, VIRTUAL_SERVICES) == []
        says(cluster, KNATIVE_SERVICES, ENGINE, "Ready", url="http://chat-engine.demo.example.com")
        await anyio.sleep(1)
        assert ingress_ready(cluster) == ("True", "", "")
        made = found(cluster, VIRTUAL_SERVICES, SERVICE)
        hosts = [
            "chat.demo.svc.cluster.local",
            "chat.demo.example.com",
            "chat.demo.dev.example.com",
        ]
        assert made["spec"]["hosts"] == hosts
        assert found(cluster, SERVICES, SERVICE)["spec"]["type"] == "ExternalName"
        assert urls(cluster) == (
            "http://chat.demo.example.com",
            "http://chat.demo.svc.cluster.local",
        )
        for _ in range(3):
            annotate(cluster, touched=str(_))
            await anyio.sleep(1)
            assert names(cluster, VIRTUAL_SERVICES) == ["chat"]
            assert names(cluster, SERVICES) == ["chat"]
        url = "http://chat-engine.demo.example.com"
        assert status(cluster)["components"]["engine"]["url"] == url
        annotate(cluster, ingress_disable_istio_virtualhost="true")
        await anyio.sleep(1)
        assert (names(cluster, VIRTUAL_SERVICES), names(cluster, SERVICES)) == ([], [])
        assert urls(cluster) == (url, "http://chat-engine.demo.svc.cluster.local")

    def domains(cluster: FakeCluster) -> None:
        cluster.put(
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {"name": "config-domain", "namespace": "knative-serving"},
                "data": {"example.com": "", "_example": "text"},
            }
        )

    settings = {**ISTIO, "additionalIngressDomains": ["dev.example.com"]}
    engine = {"minReplicas": 0}
    kinds = (KNATIVE_SERVICES, VIRTUAL_SERVICES)
    play(body, settings, *kinds, before=domains, engine=engine)


def test_without_istio_the_condition_says_what_to_install() -> None:
    async def body(cluster: FakeCluster) -> None:
        state, reason, message = ingress_ready(cluster)
        assert (state, reason) == ("False", "VirtualServiceNotAvailable")
        assert "install Istio" in message
        cluster.install(VIRTUAL_SERVICES)
        says(cluster, KNATIVE_SERVICES, ENGINE, "Ready", url="http://chat-engine.demo.example.com")
        await anyio.sleep(3)
        assert names(cluster, VIRTUAL_SERVICES) == ["chat"]

    play(body, ISTIO, KNATIVE_SERVICES, engine={"minReplicas": 0})


# Settings that cannot be used.


def test_settings_that_cannot_be_read_leave_what_there_is_and_hold_up_no_deletion() -> None:
    def broken(cluster: FakeCluster) -> None:
        held = found(cluster, CONFIGMAPS, SETTINGS)
        cluster.put({**held, "data": {"ingress": "{"}})

    async def body(cluster: FakeCluster) -> None:
        available(cluster)
        await anyio.sleep(1)
        broken(cluster)
        await anyio.sleep(6)
        engine = condition(cluster, "EngineReady")
        assert (engine["status"], engine["reason"]) == ("False", "InternalError")
        assert "unable to parse ingress config json" in engine["message"]
        assert "correct key ingress" in engine["message"]
        assert hosts(cluster) == ["chat.demo.example.com"]
        assert urls(cluster)[0] == "http://chat.demo.example.com:8080"
        settle(cluster, **PLAIN)
        await anyio.sleep(6)
        assert condition(cluster, "Ready")["status"] == "True"
        broken(cluster)
        cluster.remove(INFERENCE_SERVICES, SERVICE)
        await anyio.sleep(6)
        assert cluster.object(INFERENCE_SERVICES, SERVICE) is None

    play(body, PLAIN)


# Restart, paused.


def test_a_new_operator_writes_nothing() -> None:
    async def main() -> None:
        cluster = new_cluster(HTTP_ROUTES)
        for item in (model(), runtime(), service()):
            cluster.put(item)
        settle(cluster, **GATEWAY)
        async with operator(cluster):
            await anyio.sleep(1)
            available(cluster)
            await anyio.sleep(1)
            answer(cluster, "chat-engine", ACCEPTED)
            answer(cluster, "chat", ACCEPTED)
            await anyio.sleep(1)
        before = len([write for write in cluster.writes if write.resource != EVENTS])
        async with operator(cluster, seed=2):
            await anyio.sleep(10)
            assert ingress_ready(cluster) == ("True", "", "")
        assert len([write for write in cluster.writes if write.resource != EVENTS]) == before

    run_virtual(main)


def test_a_paused_service_is_told_of_and_not_changed() -> None:
    async def body(cluster: FakeCluster) -> None:
        available(cluster)
        await anyio.sleep(1)
        annotate(cluster, paused="true")
        await anyio.sleep(1)
        settle(cluster, ingressDomain="other.example.com")
        await anyio.sleep(6)
        assert hosts(cluster) == ["chat.demo.example.com"]
        annotate(cluster, paused=None)
        await anyio.sleep(1)
        assert hosts(cluster) == ["chat.demo.other.example.com"]

    play(body, PLAIN)


# The Sidecar of a component of many nodes.

MULTI: dict[str, Any] = {
    "labels": {"sidecar.istio.io/inject": "true"},
    "leader": {"runner": RUNNER},
    "worker": {"size": 1, "runner": RUNNER},
}


def left_behind(selector: str, **metadata: Any) -> dict[str, Any]:
    return {
        "apiVersion": "networking.istio.io/v1beta1",
        "kind": "Sidecar",
        "metadata": {"name": "chat-engine", "namespace": "demo", **metadata},
        "spec": {"workloadSelector": {"labels": {"ome.io/inferenceservice": selector}}},
    }


def test_a_sidecar_that_nobody_owns_and_no_pod_has_is_taken_over() -> None:
    async def body(cluster: FakeCluster) -> None:
        made = found(cluster, SIDECARS, ENGINE)
        assert made["metadata"]["ownerReferences"][0]["name"] == "chat"
        labels = {"ome.io/inferenceservice": "chat", "component": "engine"}
        assert made["spec"]["workloadSelector"]["labels"] == labels

    before = left_behind("chat-engine")
    kinds = (SIDECARS, LEADER_WORKER_SETS)
    play(body, None, *kinds, before=lambda cluster: cluster.put(before), engine=MULTI)


@pytest.mark.parametrize(
    "theirs",
    [
        left_behind("chat"),
        left_behind("chat-engine", ownerReferences=[{"kind": "A", "name": "b", "uid": "c"}]),
    ],
)
def test_a_sidecar_of_somebody_else_is_left_alone(theirs: dict[str, Any]) -> None:
    async def body(cluster: FakeCluster) -> None:
        assert found(cluster, SIDECARS, ENGINE)["spec"] == theirs["spec"]
        assert condition(cluster, "EngineReady")["reason"] == "ServiceConflict"

    kinds = (SIDECARS, LEADER_WORKER_SETS)
    play(body, None, *kinds, before=lambda cluster: cluster.put(theirs), engine=MULTI)
