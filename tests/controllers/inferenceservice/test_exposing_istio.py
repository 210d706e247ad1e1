"""Istio: the VirtualService of a serverless service, the Sidecar of one of many nodes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anyio
import pytest

from ome.controllers.resources import (
    KNATIVE_SERVICES,
    LEADER_WORKER_SETS,
    SIDECARS,
    VIRTUAL_SERVICES,
)
from ome.kube.resources import SERVICES
from tests.controllers.inferenceservice.exposed import (
    ISTIO,
    ingress_ready,
    names,
    play,
    urls,
)
from tests.controllers.inferenceservice.world import (
    ENGINE,
    RUNNER,
    SERVICE,
    annotate,
    condition,
    found,
    says,
    status,
)

if TYPE_CHECKING:
    from tests.support.fake_cluster import FakeCluster


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
