"""Deployments on a whole cluster: what kubectl and an operator see of a rollout."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anyio
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.sandbox.cluster.world import play

if TYPE_CHECKING:
    from tests.sandbox.cluster.world import World


def deployment(name: str = "web", replicas: int = 3, **spec: Any) -> dict[str, Any]:
    return {
        "kind": "Deployment",
        "apiVersion": "apps/v1",
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {"containers": [{"name": "main", "image": "one"}]},
            },
            **spec,
        },
    }


def image(value: str) -> dict[str, Any]:
    return {"spec": {"template": {"spec": {"containers": [{"name": "main", "image": value}]}}}}


def conditions(world: World, name: str = "web") -> dict[str, tuple[str, str]]:
    status = world.there("Deployment", name)["status"]
    return {entry["type"]: (entry["status"], entry["reason"]) for entry in status["conditions"]}


def rolled_out(world: World, name: str = "web") -> bool:
    """What ``kubectl rollout status`` waits for."""
    found = world.there("Deployment", name)
    status, replicas = found.get("status") or {}, found["spec"]["replicas"]
    return bool(
        status.get("observedGeneration", 0) >= found["metadata"]["generation"]
        and status.get("updatedReplicas", 0) == replicas
        and status.get("replicas", 0) == replicas
        and status.get("availableReplicas", 0) == replicas
    )


def images(world: World, **labels: str) -> list[str]:
    pods = world.all("Pod", **labels)
    return sorted(
        pod["spec"]["containers"][0]["image"]
        for pod in pods
        if not pod["metadata"].get("deletionTimestamp")
    )


def test_a_deployment_comes_up_with_status_conditions_and_events() -> None:
    async def body(world: World) -> None:
        await world.create(deployment())
        await world.until(lambda: rolled_out(world))
        await world.settle()
        found = world.there("Deployment", "web")
        assert found["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "1"
        assert conditions(world) == {
            "Available": ("True", "MinimumReplicasAvailable"),
            "Progressing": ("True", "NewReplicaSetAvailable"),
        }
        [held] = world.all("ReplicaSet")
        digest = held["metadata"]["labels"]["pod-template-hash"]
        name = f"web-{digest}"
        assert held["metadata"]["name"] == name
        assert held["status"]["availableReplicas"] == 3
        pods = world.all("Pod", app="web")
        assert all(pod["metadata"]["name"].startswith(f"{name}-") for pod in pods)
        assert all(pod["metadata"]["labels"]["pod-template-hash"] == digest for pod in pods)
        assert world.events("web") == [
            ("Normal", "ScalingReplicaSet", f"Scaled up replica set {name} from 0 to 3")
        ]
        assert {message for _, _, message in world.events(name)} == {
            f"Created pod: {pod['metadata']['name']}" for pod in pods
        }

    play(body)


def test_a_new_template_rolls_through_and_the_old_set_is_kept() -> None:
    async def body(world: World) -> None:
        await world.create(deployment())
        await world.until(lambda: rolled_out(world))
        await world.patch("Deployment", "web", image("two"))
        await world.until(lambda: rolled_out(world) and images(world) == ["two"] * 3)
        await world.settle()
        sets = {s["spec"]["template"]["spec"]["containers"][0]["image"]: s
                for s in world.all("ReplicaSet")}  # fmt: skip
        assert {name: found["spec"]["replicas"] for name, found in sets.items()} == {
            "one": 0,
            "two": 3,
        }
        annotations = world.there("Deployment", "web")["metadata"]["annotations"]
        assert annotations["deployment.kubernetes.io/revision"] == "2"
        # Back to the first template: the same set under a new revision.
        await world.patch("Deployment", "web", image("one"))
        await world.until(lambda: rolled_out(world) and images(world) == ["one"] * 3)
        await world.settle()
        assert len(world.all("ReplicaSet")) == 2
        again = world.there("ReplicaSet", sets["one"]["metadata"]["name"])["metadata"]
        assert again["annotations"]["deployment.kubernetes.io/revision"] == "3"
        assert again["annotations"]["deployment.kubernetes.io/revision-history"] == "1"

    play(body)


def test_a_template_that_never_runs_stops_the_rollout_and_is_late() -> None:
    async def body(world: World) -> None:
        await world.create(deployment(progressDeadlineSeconds=30))
        await world.until(lambda: rolled_out(world))
        broken = image("two")
        broken["spec"]["template"]["metadata"] = {
            "annotations": {"kwok.ome.io/fail": "ImagePullBackOff"}
        }
        await world.patch("Deployment", "web", broken)
        await world.settle(10)
        assert images(world) == ["one"] * 3 + ["two"]
        assert conditions(world)["Progressing"] == ("True", "ReplicaSetUpdated")
        await world.settle(40)
        assert conditions(world) == {
            "Available": ("True", "MinimumReplicasAvailable"),
            "Progressing": ("False", "ProgressDeadlineExceeded"),
        }
        fine = image("three")
        fine["spec"]["template"]["metadata"] = {"annotations": {"kwok.ome.io/fail": None}}
        await world.patch("Deployment", "web", fine)
        await world.until(lambda: rolled_out(world) and images(world) == ["three"] * 3)
        await world.settle()
        assert conditions(world)["Progressing"] == ("True", "NewReplicaSetAvailable")

    play(body)


def test_recreate_has_no_two_templates_at_once() -> None:
    async def body(world: World) -> None:
        await world.create(deployment(strategy={"type": "Recreate"}))
        await world.until(lambda: rolled_out(world))
        await world.patch("Deployment", "web", image("two"))
        seen = set()
        for _ in range(200):
            seen.add(
                frozenset(
                    pod["spec"]["containers"][0]["image"] for pod in world.all("Pod", app="web")
                )
            )
            await anyio.sleep(0.02)
        assert frozenset({"one", "two"}) not in seen
        assert images(world) == ["two"] * 3

    play(body)


def test_scaling_and_pausing() -> None:
    async def body(world: World) -> None:
        await world.create(deployment())
        await world.until(lambda: rolled_out(world))
        await world.patch("Deployment", "web", {"spec": {"paused": True}})
        await world.settle(1)
        assert conditions(world)["Progressing"] == ("Unknown", "DeploymentPaused")
        await world.patch("Deployment", "web", image("two"))
        await world.patch("Deployment", "web", {"spec": {"replicas": 5}})
        await world.until(lambda: images(world) == ["one"] * 5)
        await world.settle()
        assert images(world) == ["one"] * 5
        await world.patch("Deployment", "web", {"spec": {"paused": False}})
        await world.until(lambda: rolled_out(world) and images(world) == ["two"] * 5)
        await world.patch("Deployment", "web", {"spec": {"replicas": 0}})
        await world.until(lambda: not world.all("Pod"))
        await world.settle()
        status = world.there("Deployment", "web")["status"]
        assert "replicas" not in status or status["replicas"] == 0
        assert conditions(world)["Available"][0] == "True"

    play(body)


def test_no_more_history_than_asked() -> None:
    async def body(world: World) -> None:
        await world.create(deployment(replicas=1, revisionHistoryLimit=1))
        for name in ("two", "three", "four"):
            await world.until(lambda: rolled_out(world))
            await world.settle(1)
            await world.patch("Deployment", "web", image(name))
        await world.until(lambda: rolled_out(world) and images(world) == ["four"])
        await world.settle()
        kept = {
            found["spec"]["template"]["spec"]["containers"][0]["image"]
            for found in world.all("ReplicaSet")
        }
        assert kept == {"three", "four"}

    play(body)


@settings(max_examples=8, deadline=None)
@given(
    st.integers(1, 5),
    st.integers(0, 2),
    st.integers(0, 2),
    st.lists(st.sampled_from(["two", "three", "more", "less"]), min_size=1, max_size=4),
    st.integers(0, 1000),
)
def test_whatever_is_asked_it_ends_at_the_newest_template(
    replicas: int, surge: int, unavailable: int, asked: list[str], seed: int
) -> None:
    if surge == 0 and unavailable == 0:
        surge = 1
    rolling = {"maxSurge": surge, "maxUnavailable": unavailable}
    strategy = {"type": "RollingUpdate", "rollingUpdate": rolling}

    async def body(world: World) -> None:
        await world.create(deployment(replicas=replicas, strategy=strategy))
        await world.until(lambda: rolled_out(world))
        size, newest = replicas, "one"
        for step in asked:
            if step in ("more", "less"):
                size = max(size + (1 if step == "more" else -1), 1)
                await world.patch("Deployment", "web", {"spec": {"replicas": size}})
            else:
                newest = step
                await world.patch("Deployment", "web", image(step))
            await world.settle(0.3)
            ready = sum(
                any(c["type"] == "Ready" and c["status"] == "True"
                    for c in pod["status"].get("conditions", ()))
                for pod in world.all("Pod", app="web")
            )  # fmt: skip
            assert ready >= min(size, replicas) - unavailable - asked.count("less")
        await world.until(lambda: rolled_out(world) and images(world) == [newest] * size)

    play(body, seed=seed)
