"""StatefulSets: pods with numbers, one after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anyio

from tests.sandbox.cluster.world import play

if TYPE_CHECKING:
    from tests.sandbox.cluster.world import World


def stateful_set(replicas: int = 3, **spec: Any) -> dict[str, Any]:
    return {
        "kind": "StatefulSet",
        "metadata": {"name": "db"},
        "spec": {
            "replicas": replicas,
            "serviceName": "db",
            "selector": {"matchLabels": {"app": "db"}},
            "template": {
                "metadata": {"labels": {"app": "db"}},
                "spec": {"containers": [{"name": "main", "image": "one"}]},
            },
            **spec,
        },
    }


def images(world: World) -> dict[str, str]:
    return {
        pod["metadata"]["name"]: pod["spec"]["containers"][0]["image"]
        for pod in world.all("Pod", app="db")
    }


def ready(world: World) -> int:
    return int(world.there("StatefulSet", "db")["status"].get("readyReplicas", 0))


def test_pods_come_one_after_the_other_and_go_in_reverse() -> None:
    async def body(world: World) -> None:
        await world.create(stateful_set())
        await world.settle(0.2)
        assert set(images(world)) == {"db-0"}
        await world.until(lambda: ready(world) == 3)
        pod = world.there("Pod", "db-1")
        assert pod["spec"]["hostname"] == "db-1"
        assert pod["spec"]["subdomain"] == "db"
        assert pod["metadata"]["labels"]["apps.kubernetes.io/pod-index"] == "1"
        await world.patch("StatefulSet", "db", {"spec": {"replicas": 1}})
        await world.until(lambda: set(images(world)) == {"db-0"})
        said = [message for _, _, message in world.events("db")]
        assert said[0] == "Create Pod db-0 in StatefulSet db successful"
        assert said[-1] == "Delete Pod db-1 in StatefulSet db successful"

    play(body)


def test_all_at_once_when_asked() -> None:
    async def body(world: World) -> None:
        await world.create(stateful_set(podManagementPolicy="Parallel"))
        await world.settle(0.2)
        assert set(images(world)) == {"db-0", "db-1", "db-2"}

    play(body)


def test_an_update_replaces_from_the_highest_number_down_to_the_partition() -> None:
    async def body(world: World) -> None:
        update = {"type": "RollingUpdate", "rollingUpdate": {"partition": 1}}
        await world.create(stateful_set(updateStrategy=update))
        await world.until(lambda: ready(world) == 3)
        template = {"spec": {"containers": [{"name": "main", "image": "two"}]}}
        await world.patch("StatefulSet", "db", {"spec": {"template": template}})
        fewest = 3
        for _ in range(300):
            fewest = min(fewest, ready(world))
            await anyio.sleep(0.02)
        assert fewest == 2
        assert images(world) == {"db-0": "one", "db-1": "two", "db-2": "two"}
        status = world.there("StatefulSet", "db")["status"]
        assert status["updatedReplicas"] == 2
        assert status["currentRevision"] != status["updateRevision"]

    play(body)


def test_a_pod_that_is_deleted_comes_back_under_its_name() -> None:
    async def body(world: World) -> None:
        await world.create(stateful_set())
        await world.until(lambda: ready(world) == 3)
        uid = world.there("Pod", "db-1")["metadata"]["uid"]
        await world.delete("Pod", "db-1")
        await world.settle(3)
        assert world.there("Pod", "db-1")["metadata"]["uid"] != uid
        assert ready(world) == 3

    play(body)


def test_a_pod_that_the_server_refuses_is_told_and_tried_again() -> None:
    async def body(world: World) -> None:
        name = "d" * 62  # its pods' label of their own name is too long
        await world.create({**stateful_set(1), "metadata": {"name": name}})
        await world.settle(60)
        assert world.all("Pod", app="db") == []
        failed = {(kind, reason) for kind, reason, _ in world.events(name)}
        assert failed == {("Warning", "FailedCreate")}
        (*_, said) = (message for _, _, message in world.events(name))
        assert f"Create Pod {name}-0 in StatefulSet {name} failed error: " in said
        assert world.there("StatefulSet", name)["status"]["replicas"] == 0

    play(body)
