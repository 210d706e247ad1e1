"""Groups of nodes under autoscalers: who says how many there are, and when."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anyio
import pytest

from ome.controllers.resources import LEADER_WORKER_SETS, SCALED_OBJECTS
from ome.kube.resource import ObjectKey
from ome.kube.resources import HPAS
from tests.controllers.inferenceservice.test_exposing import names, play
from tests.controllers.inferenceservice.world import annotate, edit, found

if TYPE_CHECKING:
    from tests.support.fake_cluster import FakeCluster

GROUP = ObjectKey("demo", "lws-chat-engine")
RUNNER = {"name": "ome-container", "image": "example.test/serve:1"}
KINDS = (LEADER_WORKER_SETS, SCALED_OBJECTS)


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
