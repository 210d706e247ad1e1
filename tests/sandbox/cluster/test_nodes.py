"""Nodes: what they look like, and what becomes of their pods."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hack.control_plane import nodes as real
from ome.sandbox.cluster import Options
from ome.sandbox.cluster.nodes import labels
from tests.sandbox.cluster.test_deployments import deployment, rolled_out
from tests.sandbox.cluster.world import play

if TYPE_CHECKING:
    from tests.sandbox.cluster.world import World

HEALED = {"metadata": {"annotations": {"kwok.ome.io/fail": None}}}
TAINT = "node.kubernetes.io/not-ready"


def conditions(document: dict[str, Any]) -> dict[str, str]:
    return {entry["type"]: entry["status"] for entry in document["status"]["conditions"]}


def taints(world: World, name: str) -> set[tuple[str, str]]:
    found = world.there("Node", name)["spec"].get("taints") or []
    return {(taint["key"], taint["effect"]) for taint in found}


def test_nodes_are_labelled_as_those_of_the_real_control_plane() -> None:
    assert labels("gpu-0", Options()) == real.labels("gpu-0", real.Shape())
    assert labels("gpu-0", Options(gpus=0)) == real.labels("gpu-0", real.Shape(0))


def test_nodes_take_pods_from_the_start() -> None:
    async def body(world: World) -> None:
        found = world.all("Node")
        assert [node["metadata"]["name"] for node in found] == ["gpu-0", "gpu-1"]
        for node in found:
            assert conditions(node)["Ready"] == "True"
            assert node["status"]["allocatable"]["nvidia.com/gpu"] == "4"
            assert node["metadata"]["labels"]["nvidia.com/gpu.product"] == "NVIDIA-A10"
            assert not node["spec"].get("taints")
        addresses = {node["status"]["addresses"][0]["address"] for node in found}
        assert len(addresses) == 2

    play(body, Options(nodes=2, gpus=4, product="NVIDIA-A10"))


def test_a_node_that_is_not_ready_is_tainted_and_its_pods_are_not_ready() -> None:
    async def body(world: World) -> None:
        await world.create(deployment())
        await world.until(lambda: rolled_out(world))
        told = {"metadata": {"annotations": {"kwok.ome.io/fail": "NotReady"}}}
        await world.patch("Node", "gpu-0", told)
        await world.settle(2)
        assert conditions(world.there("Node", "gpu-0"))["Ready"] == "False"
        assert taints(world, "gpu-0") == {(TAINT, "NoSchedule"), (TAINT, "NoExecute")}
        unready = [pod for pod in world.all("Pod") if conditions(pod)["Ready"] == "False"]
        assert [pod["spec"]["nodeName"] for pod in unready] == ["gpu-0"]
        assert world.there("Deployment", "web")["status"]["availableReplicas"] == 2
        await world.patch("Node", "gpu-0", HEALED)
        await world.until(lambda: rolled_out(world))
        assert taints(world, "gpu-0") == set()
        # After five minutes its pods go elsewhere.
        await world.patch("Node", "gpu-0", told)
        await world.settle(310)
        assert rolled_out(world)
        assert "gpu-0" not in {pod["spec"]["nodeName"] for pod in world.all("Pod")}

    play(body)


def test_a_condition_that_somebody_sets_is_believed() -> None:
    async def body(world: World) -> None:
        node = world.there("Node", "gpu-1")
        for entry in node["status"]["conditions"]:
            if entry["type"] == "Ready":
                entry["status"] = "Unknown"
        await world.patch("Node", "gpu-1", {"status": node["status"]}, subresource="status")
        await world.settle(2)
        unreachable = "node.kubernetes.io/unreachable"
        assert taints(world, "gpu-1") == {
            (unreachable, "NoSchedule"),
            (unreachable, "NoExecute"),
        }

    play(body)


def test_pods_of_a_node_that_vanished_are_replaced() -> None:
    async def body(world: World) -> None:
        await world.create(deployment())
        await world.until(lambda: rolled_out(world))
        await world.delete("Node", "gpu-0")
        await world.settle(5)
        assert any(pod["spec"]["nodeName"] == "gpu-0" for pod in world.all("Pod"))
        await world.settle(45)
        assert rolled_out(world)
        assert {pod["spec"]["nodeName"] for pod in world.all("Pod")} == {"gpu-1", "gpu-2"}

    play(body)


def test_a_cordoned_node_is_tainted() -> None:
    async def body(world: World) -> None:
        await world.patch("Node", "gpu-0", {"spec": {"unschedulable": True}})
        await world.settle(1)
        assert taints(world, "gpu-0") == {("node.kubernetes.io/unschedulable", "NoSchedule")}
        await world.patch("Node", "gpu-0", {"spec": {"unschedulable": None}})
        await world.settle(1)
        assert taints(world, "gpu-0") == set()

    play(body)
