"""LeaderWorkerSets: groups that are made, replaced and restarted as one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.sandbox.cluster.world import play

if TYPE_CHECKING:
    from tests.sandbox.cluster.world import World

PREFIX = "leaderworkerset.sigs.k8s.io"
ANYTHING = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
CRD = {
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "leaderworkersets.leaderworkerset.x-k8s.io"},
    "spec": {
        "group": "leaderworkerset.x-k8s.io",
        "scope": "Namespaced",
        "names": {
            "kind": "LeaderWorkerSet",
            "plural": "leaderworkersets",
            "singular": "leaderworkerset",
            "listKind": "LeaderWorkerSetList",
        },
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "subresources": {"status": {}},
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "properties": {"spec": ANYTHING, "status": ANYTHING},
                    }
                },
            }
        ],
    },
}


def lws(replicas: int = 2, size: int = 3, **template: Any) -> dict[str, Any]:
    pod = {"spec": {"containers": [{"name": "main", "image": "one"}]}}
    return {
        "apiVersion": "leaderworkerset.x-k8s.io/v1",
        "kind": "LeaderWorkerSet",
        "metadata": {"name": "multi"},
        "spec": {
            "replicas": replicas,
            "leaderWorkerTemplate": {"size": size, "workerTemplate": pod, **template},
        },
    }


async def start(world: World, document: dict[str, Any]) -> None:
    await world.create({**CRD})
    await world.settle(1)
    await world.create(document)


def status(world: World) -> dict[str, Any]:
    found: dict[str, Any] = world.there("LeaderWorkerSet", "multi").get("status") or {}
    return found


def available(world: World) -> bool:
    conditions = status(world).get("conditions") or ()
    return any(e["type"] == "Available" and e["status"] == "True" for e in conditions)


def images(world: World) -> dict[str, str]:
    return {
        pod["metadata"]["name"]: pod["spec"]["containers"][0]["image"] for pod in world.all("Pod")
    }


def test_groups_of_a_leader_and_its_workers() -> None:
    async def body(world: World) -> None:
        await start(world, lws())
        await world.until(lambda: available(world))
        assert set(images(world)) == {
            "multi-0", "multi-0-1", "multi-0-2", "multi-1", "multi-1-1", "multi-1-2",
        }  # fmt: skip
        found = status(world)
        assert (found["replicas"], found["readyReplicas"], found["updatedReplicas"]) == (2, 2, 2)
        assert found["hpaPodSelector"] == f"{PREFIX}/name=multi,{PREFIX}/worker-index=0"
        pod = world.there("Pod", "multi-1-2")
        labels = pod["metadata"]["labels"]
        assert labels[f"{PREFIX}/group-index"] == "1"
        assert labels[f"{PREFIX}/worker-index"] == "2"
        assert pod["metadata"]["annotations"][f"{PREFIX}/leader-name"] == "multi-1"
        environment = {e["name"]: e["value"] for e in pod["spec"]["containers"][0]["env"]}
        assert environment == {
            "LWS_LEADER_ADDRESS": "multi-1.multi.work",
            "LWS_GROUP_SIZE": "3",
            "LWS_WORKER_INDEX": "2",
        }
        service = world.there("Service", "multi")["spec"]
        assert service["clusterIP"] == "None"
        assert service["publishNotReadyAddresses"] is True

    play(body)


def test_a_group_begins_anew_when_one_of_its_pods_ends() -> None:
    async def body(world: World) -> None:
        await start(world, lws())
        await world.until(lambda: available(world))
        before = {p["metadata"]["name"]: p["metadata"]["uid"] for p in world.all("Pod")}
        await world.delete("Pod", "multi-0-1")
        await world.settle(5)
        assert available(world)
        after = {p["metadata"]["name"]: p["metadata"]["uid"] for p in world.all("Pod")}
        changed = {name for name in before if before[name] != after[name]}
        assert changed == {"multi-0", "multi-0-1", "multi-0-2"}

    play(body)


def test_without_the_policy_only_the_pod_comes_back() -> None:
    async def body(world: World) -> None:
        await start(world, lws(restartPolicy="None"))
        await world.until(lambda: available(world))
        leader = world.there("Pod", "multi-0")["metadata"]["uid"]
        await world.delete("Pod", "multi-0-1")
        await world.settle(5)
        assert available(world)
        assert world.there("Pod", "multi-0")["metadata"]["uid"] == leader

    play(body)


def test_scaling_and_a_new_template() -> None:
    async def body(world: World) -> None:
        await start(world, lws())
        await world.until(lambda: available(world))
        patch: dict[str, Any] = {"spec": {"replicas": 3}}
        await world.patch("LeaderWorkerSet", "multi", patch, strategic=False)
        await world.until(lambda: status(world)["readyReplicas"] == 3)
        pod = {"spec": {"containers": [{"name": "main", "image": "two"}]}}
        patch = {"spec": {"leaderWorkerTemplate": {"workerTemplate": pod}}}
        await world.patch("LeaderWorkerSet", "multi", patch, strategic=False)
        fewest = 3
        for _ in range(400):
            await world.settle(0.05)
            fewest = min(fewest, status(world)["readyReplicas"])
        assert fewest == 2
        assert available(world)
        assert set(images(world).values()) == {"two"}
        await world.patch("LeaderWorkerSet", "multi", {"spec": {"replicas": 1}}, strategic=False)
        await world.settle(5)
        assert set(images(world)) == {"multi-0", "multi-0-1", "multi-0-2"}
        await world.delete("LeaderWorkerSet", "multi")
        await world.settle(5)
        assert world.all("Pod") == []
        assert world.get("Service", "multi") is None

    play(body)
