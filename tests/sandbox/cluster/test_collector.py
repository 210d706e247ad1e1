"""Garbage collection: in the background, in the foreground, and not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ome.sandbox.cluster import Options
from tests.sandbox.cluster.test_deployments import deployment, rolled_out
from tests.sandbox.cluster.world import play

if TYPE_CHECKING:
    from tests.sandbox.cluster.world import World


def owned(name: str, *owners: dict[str, Any], block: bool = False) -> dict[str, Any]:
    references = [
        {
            "apiVersion": owner["apiVersion"],
            "kind": owner["kind"],
            "name": owner["metadata"]["name"],
            "uid": owner["metadata"]["uid"],
            "blockOwnerDeletion": block,
        }
        for owner in owners
    ]
    return {"kind": "ConfigMap", "metadata": {"name": name, "ownerReferences": references}}


def test_the_background_takes_everything_below() -> None:
    async def body(world: World) -> None:
        await world.create(deployment())
        await world.until(lambda: rolled_out(world))
        await world.delete("Deployment", "web")
        assert world.get("Deployment", "web") is None
        await world.settle(3)
        assert world.all("ReplicaSet") == world.all("Pod") == []

    play(body)


def test_the_foreground_waits_for_what_blocks() -> None:
    async def body(world: World) -> None:
        await world.create(deployment())
        await world.until(lambda: rolled_out(world))
        await world.delete("Deployment", "web", propagation="Foreground")
        await world.settle(1)
        going = world.there("Deployment", "web")["metadata"]
        assert going["finalizers"] == ["foregroundDeletion"]
        assert all(pod["metadata"].get("deletionTimestamp") for pod in world.all("Pod"))
        assert world.all("Pod")
        await world.settle(5)
        for kind in ("Deployment", "ReplicaSet", "Pod"):
            assert world.all(kind) == []

    play(body, Options(nodes=3, pod_stop_seconds=3.0))


def test_orphans_are_kept_and_adopted_again() -> None:
    async def body(world: World) -> None:
        await world.create(deployment())
        await world.until(lambda: rolled_out(world))
        names = {pod["metadata"]["name"] for pod in world.all("Pod")}
        [held] = world.all("ReplicaSet")
        name = held["metadata"]["name"]
        await world.delete("Deployment", "web", propagation="Orphan")
        await world.settle(2)
        assert world.get("Deployment", "web") is None
        assert not world.there("ReplicaSet", name)["metadata"].get("ownerReferences")
        await world.create(deployment())
        await world.until(lambda: rolled_out(world))
        [again] = world.all("ReplicaSet")
        assert again["metadata"]["uid"] == held["metadata"]["uid"]
        assert {pod["metadata"]["name"] for pod in world.all("Pod")} == names
        await world.delete("Deployment", "web", propagation="Orphan")
        await world.settle(2)
        await world.delete("ReplicaSet", name, propagation="Orphan")
        await world.settle(2)
        assert world.get("ReplicaSet", name) is None
        assert {pod["metadata"]["name"] for pod in world.all("Pod")} == names
        await world.create(deployment())
        await world.until(lambda: rolled_out(world))
        await world.settle(1)
        assert len(world.all("Pod")) == 3

    play(body)


def test_an_object_lives_while_one_of_its_owners_does() -> None:
    async def body(world: World) -> None:
        one = await world.create({"kind": "ConfigMap", "metadata": {"name": "one"}})
        two = await world.create({"kind": "ConfigMap", "metadata": {"name": "two"}})
        await world.create(owned("both", one, two))
        await world.delete("ConfigMap", "one")
        await world.settle(2)
        left = world.there("ConfigMap", "both")["metadata"]["ownerReferences"]
        assert [entry["name"] for entry in left] == ["two"]
        await world.delete("ConfigMap", "two")
        await world.settle(2)
        assert world.get("ConfigMap", "both") is None

    play(body)


def test_an_owner_made_anew_is_not_the_owner() -> None:
    async def body(world: World) -> None:
        old = await world.create({"kind": "ConfigMap", "metadata": {"name": "owner"}})
        await world.delete("ConfigMap", "owner")
        await world.create({"kind": "ConfigMap", "metadata": {"name": "owner"}})
        await world.create(owned("late", old))
        await world.settle(2)
        assert world.get("ConfigMap", "late") is None
        assert world.get("ConfigMap", "owner") is not None

    play(body)


def test_what_does_not_block_is_not_waited_for() -> None:
    async def body(world: World) -> None:
        owner = await world.create({"kind": "ConfigMap", "metadata": {"name": "owner"}})
        await world.create(owned("free", owner))
        held = owned("held", owner, block=True)
        held["metadata"]["finalizers"] = ["example.com/hold"]
        await world.create(held)
        await world.delete("ConfigMap", "owner", propagation="Foreground")
        await world.settle(2)
        assert world.get("ConfigMap", "owner") is not None
        assert world.get("ConfigMap", "free") is None
        await world.patch("ConfigMap", "held", {"metadata": {"finalizers": None}}, strategic=False)
        await world.settle(2)
        assert world.get("ConfigMap", "held") is None
        assert world.get("ConfigMap", "owner") is None

    play(body)


def test_an_owner_of_a_kind_that_is_not_served_is_not_taken_for_gone() -> None:
    async def body(world: World) -> None:
        stranger = {
            "apiVersion": "example.com/v1",
            "kind": "Stranger",
            "metadata": {"name": "x", "uid": "0b8a0f4e-6c36-4c6c-9a3a-7d7a5f2f1c11"},
        }
        await world.create(owned("kept", stranger))
        await world.settle(5)
        assert world.get("ConfigMap", "kept") is not None

    play(body)
