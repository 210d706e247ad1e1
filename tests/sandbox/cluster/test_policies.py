"""Disruption budgets, autoscalers without metrics, and events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ome.sandbox.cluster import Options
from tests.sandbox.cluster.test_deployments import deployment, rolled_out
from tests.sandbox.cluster.world import NAMESPACE, play

if TYPE_CHECKING:
    from tests.sandbox.cluster.world import World

SELECTOR = {"matchLabels": {"app": "web"}}


@pytest.mark.parametrize(
    ("spec", "wanted", "allowed"),
    [
        ({"maxUnavailable": 1}, 3, 1),
        ({"minAvailable": 4}, 4, 0),
        ({"minAvailable": "50%"}, 2, 2),
        ({"maxUnavailable": "30%"}, 2, 2),
    ],
)
def test_how_many_pods_may_be_evicted(spec: dict[str, Any], wanted: int, allowed: int) -> None:
    async def body(world: World) -> None:
        await world.create(
            {
                "kind": "PodDisruptionBudget",
                "metadata": {"name": "b"},
                "spec": {"selector": SELECTOR, **spec},
            }
        )
        await world.create(deployment(replicas=4))
        await world.until(lambda: rolled_out(world))
        await world.settle(1)
        status = world.there("PodDisruptionBudget", "b")["status"]
        assert status["currentHealthy"] == status["expectedPods"] == 4
        assert status["desiredHealthy"] == wanted
        assert status["disruptionsAllowed"] == allowed
        [condition] = status["conditions"]
        assert condition["reason"] == ("SufficientPods" if allowed else "InsufficientPods")

    play(body)


def autoscaler(least: int, most: int) -> dict[str, Any]:
    cpu = {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50}}
    return {
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "web"},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
            "minReplicas": least,
            "maxReplicas": most,
            "metrics": [{"type": "Resource", "resource": cpu}],
        },
    }


def test_an_autoscaler_says_that_nobody_measures_and_keeps_its_bounds() -> None:
    async def body(world: World) -> None:
        await world.create(autoscaler(2, 5))
        await world.settle(3)
        [condition] = world.there("HorizontalPodAutoscaler", "web")["status"]["conditions"]
        assert (condition["type"], condition["reason"]) == ("AbleToScale", "FailedGetScale")
        await world.create(deployment(replicas=1))
        await world.settle(40)
        assert world.there("Deployment", "web")["spec"]["replicas"] == 2
        status = world.there("HorizontalPodAutoscaler", "web")["status"]
        said = {entry["type"]: (entry["status"], entry["reason"]) for entry in status["conditions"]}
        assert said == {
            "AbleToScale": ("True", "SucceededGetScale"),
            "ScalingActive": ("False", "FailedGetResourceMetric"),
        }

    play(body)


def test_the_same_event_again_is_counted_and_similar_ones_are_summed_up() -> None:
    async def body(world: World) -> None:
        await world.create(autoscaler(1, 5))
        await world.create(deployment(replicas=20))
        await world.settle(100)
        counts = [
            event["count"]
            for event in world.all("Event")
            if event["reason"] == "FailedGetResourceMetric"
        ]
        assert len(counts) == 1
        assert counts[0] > 3
        created = [event for event in world.all("Event") if event["reason"] == "SuccessfulCreate"]
        assert len(created) < 20
        assert any(
            event["message"].startswith("(combined from similar events)") for event in created
        )

    play(body)


def test_events_are_forgotten_after_an_hour() -> None:
    async def body(world: World) -> None:
        await world.create(deployment())
        await world.settle(5)
        assert world.all("Event")
        await world.settle(3600 * 1.5)
        assert world.all("Event") == []

    play(body)


def test_the_same_seed_does_the_same() -> None:
    async def body(world: World) -> None:
        await world.create(deployment(replicas=5))
        await world.settle(3)
        await world.patch("Deployment", "web", {"spec": {"replicas": 2}})
        await world.settle(10)

    def told(seed: int) -> list[str]:
        world = play(body, Options(nodes=4), seed)
        pods = [pod["metadata"]["uid"] for pod in world.all("Pod")]
        events = [event["metadata"]["name"] for event in world.all("Event", NAMESPACE)]
        return [str(world.server.store.version), *pods, *events]

    assert told(7) == told(7)
    assert told(7) != told(8)
