"""EndpointSlices and Endpoints of Services."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import given
from hypothesis import strategies as st

from ome.sandbox.cluster import Options
from ome.sandbox.cluster.services.endpoints import divided
from tests.sandbox.cluster.test_deployments import deployment, rolled_out
from tests.sandbox.cluster.world import play

if TYPE_CHECKING:
    from tests.sandbox.cluster.world import World


def service(name: str = "web", **spec: Any) -> dict[str, Any]:
    return {
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}], **spec},
    }


def with_port(document: dict[str, Any]) -> dict[str, Any]:
    [container] = document["spec"]["template"]["spec"]["containers"]
    container["ports"] = [{"name": "http", "containerPort": 8080}]
    return document


def endpoints(world: World) -> list[dict[str, Any]]:
    found = world.all("EndpointSlice", **{"kubernetes.io/service-name": "web"})
    return [entry for piece in found for entry in piece.get("endpoints") or ()]


def test_ready_pods_are_endpoints_under_the_port_that_they_name() -> None:
    async def body(world: World) -> None:
        await world.create(service(ports=[{"port": 80, "name": "web", "targetPort": "http"}]))
        await world.settle(1)
        [empty] = world.all("EndpointSlice")
        assert not empty.get("endpoints")
        await world.create(with_port(deployment()))
        await world.until(lambda: rolled_out(world))
        await world.settle(1)
        [piece] = world.all("EndpointSlice")
        assert piece["ports"] == [{"name": "web", "port": 8080, "protocol": "TCP"}]
        assert piece["metadata"]["labels"] == {
            "kubernetes.io/service-name": "web",
            "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
        }
        pods = {pod["metadata"]["name"]: pod for pod in world.all("Pod")}
        assert {entry["targetRef"]["name"] for entry in piece["endpoints"]} == set(pods)
        for entry in piece["endpoints"]:
            assert entry["conditions"] == {"ready": True, "serving": True, "terminating": False}
            pod = pods[entry["targetRef"]["name"]]
            assert entry["addresses"] == [pod["status"]["podIP"]]
            assert entry["zone"] == "sim-1-a"
        [subset] = world.there("Endpoints", "web")["subsets"]
        assert len(subset["addresses"]) == 3
        assert subset["ports"] == [{"name": "web", "port": 8080, "protocol": "TCP"}]

    play(body)


def test_pods_that_end_or_are_not_ready_are_marked() -> None:
    async def body(world: World) -> None:
        await world.create(service())
        await world.create(deployment(replicas=2))
        await world.until(lambda: rolled_out(world))
        name = world.all("Pod")[0]["metadata"]["name"]
        await world.delete("Pod", name)
        await world.settle(1)
        [going] = [e for e in endpoints(world) if e["targetRef"]["name"] == name]
        assert going["conditions"] == {"ready": False, "serving": True, "terminating": True}
        await world.settle(10)
        assert name not in {entry["targetRef"]["name"] for entry in endpoints(world)}
        assert len(endpoints(world)) == 2
        told = {"metadata": {"annotations": {"kwok.ome.io/fail": "NotReady"}}}
        node = world.all("Pod")[0]["spec"]["nodeName"]
        await world.patch("Node", node, told)
        await world.settle(2)
        assert any(not entry["conditions"]["ready"] for entry in endpoints(world))
        [subset] = world.there("Endpoints", "web")["subsets"]
        assert subset["notReadyAddresses"]

    play(body, Options(nodes=3, pod_stop_seconds=5.0))


def test_a_headless_service_says_so_and_may_publish_what_is_not_ready() -> None:
    async def body(world: World) -> None:
        await world.create(service(clusterIP="None", publishNotReadyAddresses=True))
        await world.create(deployment(replicas=1))
        await world.until(lambda: rolled_out(world))
        await world.settle(1)
        [piece] = world.all("EndpointSlice")
        assert piece["metadata"]["labels"]["service.kubernetes.io/headless"] == ""
        assert endpoints(world)[0]["conditions"]["ready"] is True

    play(body)


def test_no_endpoints_without_a_selector_and_none_left_after_the_service() -> None:
    async def body(world: World) -> None:
        await world.create(service("by-hand", selector=None))
        await world.create(service())
        await world.settle(2)
        assert len(world.all("EndpointSlice")) == 1
        await world.delete("Service", "web")
        await world.settle(2)
        assert world.all("EndpointSlice") == []
        assert world.get("Endpoints", "web") is None

    play(body)


@given(
    st.lists(st.lists(st.integers(0, 400), max_size=120, unique=True), max_size=4),
    st.sets(st.integers(0, 400), max_size=350),
)
def test_each_pod_is_in_one_slice_and_stays_there(
    present: list[list[int]], wanted: set[int]
) -> None:
    seen: set[int] = set()
    held = []
    for number, uids in enumerate(present):
        # No pod is in two slices to begin with, and no slice holds more than fit.
        fresh = [uid for uid in uids if uid not in seen][:100]
        seen.update(fresh)
        held.append((f"s-{number}", [str(uid) for uid in fresh]))
    kept, more = divided(held, sorted(str(uid) for uid in wanted))
    everywhere = [uid for uids in (*kept.values(), *more) for uid in uids]
    assert sorted(everywhere) == sorted(str(uid) for uid in wanted)
    assert all(0 < len(uids) <= 100 for uids in (*kept.values(), *more))
    for name, before in held:
        staying = [uid for uid in before if int(uid) in wanted]
        assert kept.get(name, [])[: len(staying)] == staying
