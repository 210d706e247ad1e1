"""Components under autoscalers: which one there is, who says how many pods there are, and when."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anyio
import pytest

from ome.controllers.resources import INFERENCE_SERVICES, LEADER_WORKER_SETS, SCALED_OBJECTS
from ome.kube.resource import ObjectKey
from ome.kube.resources import DEPLOYMENTS, HPAS
from tests.controllers.inferenceservice.exposed import names, play
from tests.controllers.inferenceservice.world import (
    ENGINE,
    RUNNER,
    SERVICE,
    annotate,
    available,
    condition,
    edit,
    found,
    service,
)

if TYPE_CHECKING:
    from tests.support.fake_cluster import FakeCluster

GROUP = ObjectKey("demo", "lws-chat-engine")
KEDA = {"ome.io/autoscalerClass": "keda"}
KINDS = (LEADER_WORKER_SETS, SCALED_OBJECTS)


def test_classes_of_autoscalers_follow_each_other_and_replicas_stay() -> None:
    def replicas(cluster: FakeCluster) -> int:
        return int(found(cluster, DEPLOYMENTS, ENGINE)["spec"]["replicas"])

    def scale(cluster: FakeCluster, count: int) -> None:
        held = found(cluster, DEPLOYMENTS, ENGINE)
        held["spec"]["replicas"] = count
        cluster.put(held)

    async def body(cluster: FakeCluster) -> None:
        for count, (chosen, hpas, scaled) in enumerate(
            [
                ("hpa", ["chat-engine"], []),
                ("keda", [], ["scaledobject-chat-engine"]),
                ("external", [], []),
                ("keda", [], ["scaledobject-chat-engine"]),
                ("hpa", ["chat-engine"], []),
                ("external", [], []),
            ],
            start=2,
        ):
            held = found(cluster, INFERENCE_SERVICES, SERVICE)
            held["metadata"]["annotations"] = {"ome.io/autoscalerClass": chosen}
            cluster.put(held)
            scale(cluster, count)
            await anyio.sleep(1)
            assert (names(cluster, HPAS), names(cluster, SCALED_OBJECTS)) == (hpas, scaled), chosen
            assert replicas(cluster) == count, chosen

    play(body, None, SCALED_OBJECTS)


def test_an_autoscaler_of_the_user_is_left_alone() -> None:
    theirs = {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {
            "name": "chat-engine",
            "namespace": "demo",
            "labels": {"ome.io/inferenceservice": "chat", "component": "engine"},
        },
        "spec": {"maxReplicas": 9},
    }

    async def body(cluster: FakeCluster) -> None:
        assert found(cluster, HPAS, ENGINE)["spec"] == {"maxReplicas": 9}
        assert condition(cluster, "EngineReady")["reason"] == "Initializing"

    notes = {"ome.io/autoscalerClass": "external"}
    play(body, None, annotations=notes, before=lambda cluster: cluster.put(theirs))


def test_without_keda_the_condition_says_what_to_install() -> None:
    async def body(cluster: FakeCluster) -> None:
        available(cluster)
        await anyio.sleep(1)
        engine = condition(cluster, "EngineReady")
        assert engine["status"] == "False"
        assert "install KEDA" in engine["message"]
        cluster.install(SCALED_OBJECTS)
        await anyio.sleep(3)
        assert names(cluster, SCALED_OBJECTS) == ["scaledobject-chat-engine"]
        assert condition(cluster, "EngineReady")["status"] == "True"

    play(body, None, annotations=KEDA)


def test_services_with_equal_tails_share_no_scaled_object() -> None:
    first, second = (letter + "x" * 50 for letter in "ab")

    def both(cluster: FakeCluster) -> None:
        for name in (first, second):
            wanted = service(name)
            wanted["metadata"]["annotations"] = KEDA
            cluster.put(wanted)

    async def body(cluster: FakeCluster) -> None:
        await anyio.sleep(5)
        targets = sorted(
            item["spec"]["scaleTargetRef"]["name"] for item in cluster.objects(SCALED_OBJECTS)
        )
        assert targets == [f"{first}-engine", f"{second}-engine"]

    play(body, None, SCALED_OBJECTS, before=both)


# Groups of nodes.


def engine(**more: Any) -> dict[str, Any]:
    return {"leader": {"runner": RUNNER}, "worker": {"size": 1, "runner": RUNNER}, **more}


def replicas(cluster: FakeCluster) -> int | None:
    number: int | None = found(cluster, LEADER_WORKER_SETS, GROUP)["spec"].get("replicas")
    return number


def scale(cluster: FakeCluster, count: int) -> None:
    """What an autoscaler does."""
    held = found(cluster, LEADER_WORKER_SETS, GROUP)
    held["spec"]["replicas"] = count
    cluster.put(held)


def test_classes_follow_each_other_and_the_groups_stay() -> None:
    async def body(cluster: FakeCluster) -> None:
        assert (names(cluster, HPAS), replicas(cluster)) == ([], 2)
        for count, (chosen, hpas, scaled) in enumerate(
            [
                ("hpa", ["chat-engine"], []),
                ("keda", [], ["scaledobject-chat-engine"]),
                ("external", [], []),
                ("hpa", ["chat-engine"], []),
                (None, [], []),
                ("keda", [], ["scaledobject-chat-engine"]),
                (None, [], []),
            ],
            start=3,
        ):
            annotate(cluster, autoscalerClass=chosen)
            scale(cluster, count)
            await anyio.sleep(1)
            assert (names(cluster, HPAS), names(cluster, SCALED_OBJECTS)) == (hpas, scaled), chosen
            assert replicas(cluster) == count, chosen
            more = engine(minReplicas=2, timeoutSeconds=count)
            more["worker"]["size"] = count
            edit(cluster, engine=more)
            await anyio.sleep(1)
            assert replicas(cluster) == count, chosen
        edit(cluster, engine=engine(minReplicas=1))
        await anyio.sleep(1)
        assert replicas(cluster) == 1

    play(body, None, *KINDS, engine=engine(minReplicas=2))


def test_a_wish_for_more_does_not_undo_the_autoscaler() -> None:
    async def body(cluster: FakeCluster) -> None:
        assert replicas(cluster) == 2
        scale(cluster, 6)
        edit(cluster, engine=engine(minReplicas=3, maxReplicas=8))
        await anyio.sleep(1)
        assert replicas(cluster) == 6
        annotate(cluster, autoscalerClass=None)
        await anyio.sleep(1)
        assert (names(cluster, HPAS), replicas(cluster)) == ([], 6)
        annotate(cluster, autoscalerClass="hpa")
        await anyio.sleep(1)
        assert replicas(cluster) == 6
        spec = found(cluster, HPAS, ObjectKey("demo", "chat-engine"))["spec"]
        assert (spec["minReplicas"], spec["maxReplicas"]) == (3, 8)
        assert spec["scaleTargetRef"]["name"] == GROUP.name

    notes = {"ome.io/autoscalerClass": "hpa"}
    play(body, None, *KINDS, annotations=notes, engine=engine(minReplicas=2, maxReplicas=8))


def test_groups_of_an_external_autoscaler_are_its_own_whatever_is_asked() -> None:
    async def body(cluster: FakeCluster) -> None:
        assert (names(cluster, HPAS), replicas(cluster)) == ([], 2)
        scale(cluster, 6)
        edit(cluster, engine=engine(minReplicas=3))
        await anyio.sleep(1)
        assert replicas(cluster) == 6
        annotate(cluster, autoscalerClass=None)
        await anyio.sleep(1)
        assert replicas(cluster) == 6
        edit(cluster, engine=engine(minReplicas=4))
        await anyio.sleep(1)
        assert replicas(cluster) == 4

    notes = {"ome.io/autoscalerClass": "external"}
    play(body, None, LEADER_WORKER_SETS, annotations=notes, engine=engine(minReplicas=2))


@pytest.mark.parametrize(("live", "expected"), [(0, 1), (2, 2)])
def test_what_was_asked_to_sleep_is_woken_once_for_its_autoscaler(live: int, expected: int) -> None:
    async def body(cluster: FakeCluster) -> None:
        assert replicas(cluster) == 0
        scale(cluster, live)
        annotate(cluster, autoscalerClass="keda")
        await anyio.sleep(1)
        assert replicas(cluster) == expected
        scale(cluster, 0)  # KEDA, when nothing is to be done
        await anyio.sleep(1)
        edit(cluster, engine=engine(minReplicas=0, timeoutSeconds=5))
        await anyio.sleep(1)
        assert replicas(cluster) == 0

    play(body, None, *KINDS, engine=engine(minReplicas=0))
