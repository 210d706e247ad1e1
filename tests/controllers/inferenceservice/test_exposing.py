"""An Ingress on a cluster: written when its gate opens, changed with the settings, never forced."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio

from ome.controllers.resources import (
    HTTP_ROUTES,
    INFERENCE_POOLS,
    INFERENCE_SERVICES,
)
from ome.errors import InternalError
from ome.kube.resources import CONFIGMAPS, DEPLOYMENTS, EVENTS, INGRESSES
from tests.controllers.inferenceservice.exposed import (
    ACCEPTED,
    GATEWAY,
    PLAIN,
    SETTINGS,
    answer,
    hosts,
    ingress_ready,
    names,
    play,
    settle,
    urls,
)
from tests.controllers.inferenceservice.world import (
    ENGINE,
    SERVICE,
    annotate,
    available,
    condition,
    found,
    model,
    new_cluster,
    operator,
    runtime,
    says,
    service,
)
from tests.support.virtual_time import run_virtual

if TYPE_CHECKING:
    from tests.support.fake_cluster import FakeCluster


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
