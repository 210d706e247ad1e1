"""Pods on nodes: starting, running, failing as told, ending."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ome.sandbox.cluster import Options
from tests.sandbox.cluster.world import play

if TYPE_CHECKING:
    from tests.sandbox.cluster.world import World

FAIL = "kwok.ome.io/fail"


def pod(name: str, fail: str = "", **spec: Any) -> dict[str, Any]:
    return {
        "kind": "Pod",
        "metadata": {"name": name, "annotations": {FAIL: fail} if fail else {}},
        "spec": {"containers": [{"name": "main", "image": "some/image:1"}], **spec},
    }


def status(world: World, name: str) -> dict[str, Any]:
    found: dict[str, Any] = world.there("Pod", name)["status"]
    return found


def ready(world: World, name: str) -> str:
    held = {entry["type"]: entry for entry in status(world, name).get("conditions") or ()}
    return str(held.get("Ready", {}).get("status", ""))


def waiting(world: World, name: str) -> str:
    [container] = status(world, name).get("containerStatuses") or [{"state": {}}]
    return str((container["state"].get("waiting") or {}).get("reason", ""))


def test_a_pod_is_made_and_becomes_ready() -> None:
    async def body(world: World) -> None:
        init = [
            {"name": "first", "image": "i"},
            {"name": "side", "image": "s", "restartPolicy": "Always"},
        ]
        await world.create(pod("p", initContainers=init))
        await world.settle(0.2)
        assert status(world, "p")["phase"] == "Pending"
        assert waiting(world, "p") == "PodInitializing"
        await world.create(pod("q"))
        await world.settle(0.2)
        assert waiting(world, "q") == "ContainerCreating"
        await world.until(lambda: ready(world, "p") == ready(world, "q") == "True")
        found = status(world, "p")
        assert found["phase"] == "Running"
        assert found["podIP"].startswith("10.128.")
        assert found["hostIP"].startswith("172.16.")
        first, side = found["initContainerStatuses"]
        assert first["state"]["terminated"]["reason"] == "Completed"
        assert "running" in side["state"]
        assert status(world, "q")["podIP"] != found["podIP"]
        await world.settle(1)
        reasons = [reason for _, reason, _ in world.events("q")]
        assert sorted(reasons) == ["Created", "Pulled", "Scheduled", "Started"]

    play(body)


def test_an_image_that_cannot_be_pulled_and_then_can() -> None:
    async def body(world: World) -> None:
        await world.create(pod("p", "ImagePullBackOff"))
        await world.until(lambda: waiting(world, "p") == "ImagePullBackOff")
        await world.settle()
        assert status(world, "p")["phase"] == "Pending"
        [container] = status(world, "p")["containerStatuses"]
        assert container["state"]["waiting"]["message"] == 'Back-off pulling image "some/image:1"'
        assert ("Warning", "Failed", "Error: ErrImagePull") in world.events("p")
        await world.patch("Pod", "p", {"metadata": {"annotations": {FAIL: None}}})
        await world.until(lambda: ready(world, "p") == "True")

    play(body)


def test_a_pod_crashes_again_and_again_until_it_is_told_not_to() -> None:
    async def body(world: World) -> None:
        await world.create(pod("p", "CrashLoopBackOff"))
        await world.settle(1)
        assert waiting(world, "p") == "CrashLoopBackOff"
        await world.settle(25)
        found = status(world, "p")
        [container] = found["containerStatuses"]
        assert (found["phase"], container["restartCount"]) == ("Running", 3)
        assert container["lastState"]["terminated"]["exitCode"] == 1
        assert ready(world, "p") == "False"
        await world.patch("Pod", "p", {"metadata": {"annotations": {FAIL: None}}})
        await world.until(lambda: ready(world, "p") == "True")
        [container] = status(world, "p")["containerStatuses"]
        assert container["restartCount"] == 3

    play(body)


def test_a_pod_that_is_told_to_ends_in_error() -> None:
    async def body(world: World) -> None:
        await world.create(pod("p", "Error"))
        await world.until(lambda: status(world, "p")["phase"] == "Failed")
        [container] = status(world, "p")["containerStatuses"]
        assert container["state"]["terminated"]["exitCode"] == 1
        await world.settle()
        assert status(world, "p")["phase"] == "Failed"

    play(body)


def test_a_deleted_pod_ends_in_its_time() -> None:
    async def body(world: World) -> None:
        await world.create(pod("p"))
        await world.until(lambda: ready(world, "p") == "True")
        await world.delete("Pod", "p")
        await world.settle(1)
        assert world.there("Pod", "p")["metadata"]["deletionTimestamp"]
        await world.settle(2)
        assert world.get("Pod", "p") is None
        assert ("Normal", "Killing", "Stopping container main") in world.events("p")

    play(body, Options(nodes=3, pod_stop_seconds=2.0))


def test_readiness_gates_open_and_the_host_network_has_the_address_of_the_node() -> None:
    async def body(world: World) -> None:
        gate = [{"conditionType": "example.com/gate"}]
        await world.create(pod("p", readinessGates=gate, hostNetwork=True))
        await world.until(lambda: ready(world, "p") == "True")
        found = status(world, "p")
        assert found["podIP"] == found["hostIP"]
        assert any(
            entry["type"] == "example.com/gate" and entry["status"] == "True"
            for entry in found["conditions"]
        )

    play(body)
