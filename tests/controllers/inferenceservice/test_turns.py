"""A service that keeps its pods until it is its turn says so, once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anyio

from ome.api import names
from ome.controllers.resources import (
    CLUSTER_SERVING_RUNTIMES,
    INFERENCE_SERVICES,
    KNATIVE_SERVICES,
)
from ome.errors import BadRequest
from ome.kube.resource import ObjectKey
from ome.kube.resources import DEPLOYMENTS, EVENTS
from ome.kube.resources import SERVICES as SERVICES_OF_PODS
from tests.controllers.inferenceservice.world import (
    annotate,
    available,
    condition,
    edit,
    found,
    image,
    new_image,
    play,
    says,
    service,
    status,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.support.fake_cluster import FakeCluster

SERVICES = tuple(ObjectKey("demo", name) for name in ("a", "b", "c"))
NEW = "example.test/serve:2"
WAITS: dict[str, Any] = {
    "status": "True",
    "severity": "Info",
    "reason": "WaitingForTurn",
    "message": (
        "the pods of engine stay as they are until it is this service's turn: the runtime, model or"
        " settings that it shares with others changed, or an annotation that shapes pods, and few"
        " services replace their pods at a time; maxServicesUpdating in key deploy of ConfigMap"
        " inferenceservice-config says how many"
    ),
}


def engine(key: ObjectKey) -> ObjectKey:
    return ObjectKey(key.namespace, f"{key.name}-engine")


def waiting(cluster: FakeCluster) -> set[ObjectKey]:
    type_ = names.CONDITION_ROLLOUT_PENDING
    return {key for key in SERVICES if condition(cluster, type_, key)}


def serve(cluster: FakeCluster, keys: Iterable[ObjectKey] = SERVICES) -> None:
    for key in keys:
        available(cluster, engine(key))


def status_writes(cluster: FakeCluster, key: ObjectKey) -> int:
    return sum(
        write.subresource == "status" and write.resource == INFERENCE_SERVICES and write.key == key
        for write in cluster.writes
    )


def test_who_waits_for_the_turn_says_so_until_it_comes() -> None:
    async def body(cluster: FakeCluster) -> None:
        serve(cluster)
        await anyio.sleep(1)
        before = {key: status_writes(cluster, key) for key in SERVICES}
        new_image(cluster, NEW)
        await anyio.sleep(1)
        (first,) = (key for key in SERVICES if image(cluster, engine(key)) == NEW)
        assert waiting(cluster) == set(SERVICES) - {first}
        for key in waiting(cluster):
            said = condition(cluster, names.CONDITION_ROLLOUT_PENDING, key)
            assert {name: said[name] for name in WAITS} == WAITS
            assert condition(cluster, "Ready", key)["status"] == "True"
        available(cluster, engine(first), rolling=True)
        await anyio.sleep(1)
        writes = len(cluster.writes)
        await anyio.sleep(600)
        assert len(cluster.writes) == writes, "waiting is written once"
        left = 2
        while left:
            serve(cluster)
            await anyio.sleep(20)
            left -= 1
            assert len(waiting(cluster)) == left
        serve(cluster)
        await anyio.sleep(20)
        assert {image(cluster, engine(key)) for key in SERVICES} == {NEW}
        # To say that it waits, that it rolls, that it is done.
        more = {key: status_writes(cluster, key) - before[key] for key in SERVICES}
        assert max(more.values()) <= 3, more

    play(body, *(service(key.name) for key in SERVICES))


def test_its_own_edit_ends_the_waiting() -> None:
    async def body(cluster: FakeCluster) -> None:
        serve(cluster)
        await anyio.sleep(1)
        new_image(cluster, NEW)
        await anyio.sleep(1)
        one, other = waiting(cluster)
        edit(cluster, one, engine={"minReplicas": 1, "labels": {"team": "x"}})
        annotate(cluster, other, paused="true")
        await anyio.sleep(1)
        assert image(cluster, engine(one)) == NEW
        assert waiting(cluster) == set()
        assert condition(cluster, "Paused", other)["status"] == "True"
        assert status(cluster, other)["conditions"] != []

    play(body, *(service(key.name) for key in SERVICES))


def test_what_serves_stays_whole_until_its_turn_comes_to_change_the_mode() -> None:
    async def body(cluster: FakeCluster) -> None:
        cluster.install(KNATIVE_SERVICES)
        serve(cluster)
        await anyio.sleep(1)
        held = found(cluster, CLUSTER_SERVING_RUNTIMES, ObjectKey("", "r"))
        held["spec"]["engineConfig"]["minReplicas"] = 0
        cluster.put(held)
        for left in (2, 1, 0):
            await anyio.sleep(60)
            assert len(waiting(cluster)) == left
            for key in waiting(cluster):
                assert cluster.object(DEPLOYMENTS, engine(key)) is not None
                assert cluster.object(SERVICES_OF_PODS, engine(key)) is not None, "pods answer"
                assert condition(cluster, "Ready", key)["status"] == "True"
            for key in set(SERVICES) - waiting(cluster):
                says(cluster, KNATIVE_SERVICES, engine(key), "Ready")
        await anyio.sleep(1)
        assert cluster.objects(DEPLOYMENTS) == []

    play(body, *(service(key.name, engine={}) for key in SERVICES))


def test_a_mode_that_the_cluster_refuses_is_tried_by_one_service_after_the_other() -> None:
    async def body(cluster: FakeCluster) -> None:
        cluster.install(KNATIVE_SERVICES)
        serve(cluster)
        await anyio.sleep(1)
        cluster.fail("apply", KNATIVE_SERVICES, BadRequest("no hostPath"), times=10_000)
        held = found(cluster, CLUSTER_SERVING_RUNTIMES, ObjectKey("", "r"))
        held["spec"]["engineConfig"]["minReplicas"] = 0
        cluster.put(held)
        for _ in range(2):
            await anyio.sleep(900)
            assert len(waiting(cluster)) == 2
            assert len(cluster.objects(DEPLOYMENTS)) == 3
            for key in SERVICES:
                assert cluster.object(SERVICES_OF_PODS, engine(key)) is not None
                well = condition(cluster, "Ready", key)["status"]
                assert well == ("True" if key in waiting(cluster) else "False")
            await anyio.sleep(1000)
        told = {event["reason"] for event in cluster.objects(EVENTS)}
        assert "TemplateChanged" not in told, "no pods were replaced"
        held["spec"]["engineConfig"]["minReplicas"] = 1
        cluster.put(held)
        await anyio.sleep(100)
        assert all(condition(cluster, "Ready", key)["status"] == "True" for key in SERVICES)

    play(body, *(service(key.name, engine={}) for key in SERVICES))


def test_a_mode_that_was_refused_at_first_holds_up_others_from_when_it_is_taken() -> None:
    async def body(cluster: FakeCluster) -> None:
        cluster.install(KNATIVE_SERVICES)
        serve(cluster)
        await anyio.sleep(1)
        cluster.fail("apply", KNATIVE_SERVICES, BadRequest("no hostPath"), times=10_000)
        held = found(cluster, CLUSTER_SERVING_RUNTIMES, ObjectKey("", "r"))
        held["spec"]["engineConfig"]["minReplicas"] = 0
        cluster.put(held)
        await anyio.sleep(1500)
        (first,) = set(SERVICES) - waiting(cluster)
        cluster.mend()
        await anyio.sleep(1000)
        assert len(waiting(cluster)) == 2, "the pods of the first are not up yet"
        says(cluster, KNATIVE_SERVICES, engine(first), "Ready")
        await anyio.sleep(60)
        (last,) = waiting(cluster)
        cluster.remove(INFERENCE_SERVICES, last)
        await anyio.sleep(1)

    play(body, *(service(key.name, engine={}) for key in SERVICES))


def test_a_service_that_is_deleted_after_it_changed_its_mode_holds_up_no_other() -> None:
    async def body(cluster: FakeCluster) -> None:
        cluster.install(KNATIVE_SERVICES)
        serve(cluster)
        await anyio.sleep(1)
        held = found(cluster, CLUSTER_SERVING_RUNTIMES, ObjectKey("", "r"))
        held["spec"]["engineConfig"]["minReplicas"] = 0
        cluster.put(held)
        await anyio.sleep(60)
        (first,) = set(SERVICES) - waiting(cluster)
        cluster.remove(INFERENCE_SERVICES, first)
        await anyio.sleep(60)
        cluster.collect_garbage()
        assert len(cluster.objects(KNATIVE_SERVICES)) == 1, "that of the next"
        rest = [key for key in SERVICES if key != first]
        for _ in rest:
            for key in rest:
                if cluster.object(KNATIVE_SERVICES, engine(key)) is not None:
                    says(cluster, KNATIVE_SERVICES, engine(key), "Ready")
            await anyio.sleep(60)
        assert len(cluster.objects(KNATIVE_SERVICES)) == 2

    play(body, *(service(key.name, engine={}) for key in SERVICES))


def port_of(cluster: FakeCluster, key: ObjectKey) -> int:
    (port,) = found(cluster, SERVICES_OF_PODS, key)["spec"]["ports"]
    return int(port["targetPort"])


def test_what_leads_to_pods_that_stay_leads_to_where_they_listen() -> None:
    async def body(cluster: FakeCluster) -> None:
        serve(cluster)
        await anyio.sleep(1)
        held = found(cluster, CLUSTER_SERVING_RUNTIMES, ObjectKey("", "r"))
        held["spec"]["engineConfig"]["runner"]["ports"] = [{"containerPort": 9000}]
        cluster.put(held)
        await anyio.sleep(1)
        (first,) = set(SERVICES) - waiting(cluster)
        available(cluster, engine(first), rolling=True)
        await anyio.sleep(5)
        for key in SERVICES:
            port = 9000 if key == first else 8080
            assert (port_of(cluster, key), port_of(cluster, engine(key))) == (port, port)
            assert status(cluster, key)["url"].endswith(f":{port}")
            assert condition(cluster, "IngressReady", key)["status"] == "True"

    play(body, *(service(key.name) for key in SERVICES))
