"""The scheduler: where pods go, and what is said of those that go nowhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ome.sandbox.cluster import Options
from tests.sandbox.cluster.world import play

if TYPE_CHECKING:
    from tests.sandbox.cluster.world import World

HOSTNAME = "kubernetes.io/hostname"


def pod(name: str, gpus: int = 0, labels: dict[str, str] | None = None, **spec: Any) -> Any:
    container: dict[str, Any] = {"name": "main", "image": "x"}
    if gpus:
        container["resources"] = {"limits": {"nvidia.com/gpu": gpus}}
    return {
        "kind": "Pod",
        "metadata": {"name": name, "labels": labels or {}},
        "spec": {"containers": [container], **spec},
    }


def node_of(world: World, name: str) -> str:
    return str(world.there("Pod", name)["spec"].get("nodeName", ""))


def said_of(world: World, name: str) -> str:
    for entry in world.there("Pod", name)["status"].get("conditions") or ():
        if entry["type"] == "PodScheduled" and entry["status"] == "False":
            assert entry["reason"] == "Unschedulable"
            return str(entry["message"])
    return ""


NODES = "0/3 nodes are available: "
HELPLESS = "no new claims to deallocate, preemption: 0/3 nodes are available: "


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (
            {"gpus": 99},
            f"{NODES}3 Insufficient nvidia.com/gpu. {HELPLESS}"
            "3 Preemption is not helpful for scheduling.",
        ),
        (
            {"nodeSelector": {"no": "such"}},
            f"{NODES}3 node(s) didn't match Pod's node affinity/selector. {HELPLESS}"
            "3 Preemption is not helpful for scheduling.",
        ),
        (
            {"gpus": 6},
            f"{NODES}1 node(s) were unschedulable, 2 Insufficient nvidia.com/gpu. {HELPLESS}"
            "1 Preemption is not helpful for scheduling, 2 No preemption victims found for"
            " incoming pod.",
        ),
    ],
)
def test_what_is_said_of_a_pod_that_fits_nowhere(spec: dict[str, Any], message: str) -> None:
    async def body(world: World) -> None:
        for number in range(3):
            await world.create(pod(f"first-{number}", gpus=4))
        await world.until(lambda: all(node_of(world, f"first-{n}") for n in range(3)))
        await world.patch("Node", "gpu-2", {"spec": {"unschedulable": True}})
        if "gpus" not in spec or spec["gpus"] != 6:
            await world.patch("Node", "gpu-2", {"spec": {"unschedulable": False}})
        await world.settle(1)
        await world.create(pod("waits", **spec))
        await world.settle(1)
        assert said_of(world, "waits") == message
        assert world.events("waits") == [("Warning", "FailedScheduling", message)]

    play(body)


def test_pods_are_spread_and_told_where_they_go() -> None:
    async def body(world: World) -> None:
        for number in range(3):
            await world.create(pod(f"p-{number}", gpus=1))
        await world.until(lambda: all(node_of(world, f"p-{n}") for n in range(3)))
        assert {node_of(world, f"p-{n}") for n in range(3)} == {"gpu-0", "gpu-1", "gpu-2"}
        await world.settle(1)
        said = f"Successfully assigned work/p-0 to {node_of(world, 'p-0')}"
        assert ("Normal", "Scheduled", said) in world.events("p-0")
        event = next(e for e in world.all("Event") if e["message"] == said)
        assert event["reportingComponent"] == "default-scheduler"
        assert event["action"] == "Binding"
        assert event["eventTime"]

    play(body)


def test_a_waiting_pod_goes_as_soon_as_there_is_room() -> None:
    async def body(world: World) -> None:
        for number in range(5):
            await world.create(pod(f"p-{number}", gpus=8))
        await world.settle(2)
        waiting = [n for n in range(5) if not node_of(world, f"p-{n}")]
        assert waiting == [3, 4]
        await world.delete("Pod", "p-0")
        await world.until(lambda: node_of(world, "p-3"))
        await world.settle(1)
        assert not node_of(world, "p-4")
        node = world.there("Node", "gpu-0")
        await world.create(
            {
                "kind": "Node",
                "metadata": {"name": "more", "labels": node["metadata"]["labels"]},
                "status": {"allocatable": node["status"]["allocatable"],
                           "capacity": node["status"]["capacity"]},
            }
        )  # fmt: skip
        await world.until(lambda: node_of(world, "p-4") == "more")

    play(body)


def affinity(kind: str, labels: dict[str, str], key: str = HOSTNAME) -> dict[str, Any]:
    term = {"labelSelector": {"matchLabels": labels}, "topologyKey": key}
    return {"affinity": {kind: {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}}


def test_pods_avoid_and_seek_each_other() -> None:
    async def body(world: World) -> None:
        labels = {"app": "a"}
        for number in range(4):
            await world.create(
                pod(f"a-{number}", labels=labels, **affinity("podAntiAffinity", labels))
            )
        await world.settle(2)
        assert {node_of(world, f"a-{n}") for n in range(3)} == {"gpu-0", "gpu-1", "gpu-2"}
        assert said_of(world, "a-3").startswith(
            f"{NODES}3 node(s) didn't match pod anti-affinity rules."
        )
        await world.create(pod("plain", labels=labels))
        await world.settle(1)
        assert said_of(world, "plain").startswith(
            f"{NODES}3 node(s) didn't satisfy existing pods anti-affinity rules."
        )
        await world.create(pod("friend", **affinity("podAffinity", {"app": "b"})))
        await world.settle(1)
        assert said_of(world, "friend").startswith(
            f"{NODES}3 node(s) didn't match pod affinity rules."
        )
        await world.create(pod("b", labels={"app": "b"}, nodeName="gpu-1"))
        await world.until(lambda: node_of(world, "friend") == "gpu-1")

    play(body)


def test_node_affinity_and_taints() -> None:
    async def body(world: World) -> None:
        taint = {"key": "special", "value": "yes", "effect": "NoSchedule"}
        await world.patch("Node", "gpu-1", {"spec": {"taints": [taint]}})
        await world.patch("Node", "gpu-2", {"metadata": {"labels": {"tier": "gold"}}})
        await world.settle(1)
        expression = {"key": HOSTNAME, "operator": "In", "values": ["gpu-1"]}
        required = {"nodeSelectorTerms": [{"matchExpressions": [expression]}]}
        node = {"requiredDuringSchedulingIgnoredDuringExecution": required}
        await world.create(pod("barred", affinity={"nodeAffinity": node}))
        await world.create(
            pod(
                "allowed",
                affinity={"nodeAffinity": node},
                tolerations=[{"key": "special", "operator": "Exists"}],
            )
        )
        gold = {"matchExpressions": [{"key": "tier", "operator": "In", "values": ["gold"]}]}
        preferred = {"nodeAffinity": {
            "preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 5, "preference": gold}]
        }}  # fmt: skip
        for number in range(3):
            await world.create(pod(f"golden-{number}", affinity=preferred))
        await world.settle(2)
        assert node_of(world, "allowed") == "gpu-1"
        assert {node_of(world, f"golden-{n}") for n in range(3)} == {"gpu-2"}
        assert said_of(world, "barred").startswith(
            f"{NODES}1 node(s) had untolerated taint(s), 2 node(s) didn't match Pod's node"
            " affinity/selector."
        )

    play(body)


def test_gates_and_other_schedulers_are_respected() -> None:
    async def body(world: World) -> None:
        await world.create(pod("gated", schedulingGates=[{"name": "later"}]))
        await world.create(pod("other", schedulerName="volcano"))
        await world.settle(2)
        assert node_of(world, "gated") == node_of(world, "other") == ""
        await world.patch("Pod", "gated", {"spec": {"schedulingGates": None}}, strategic=False)
        await world.until(lambda: node_of(world, "gated"))

    play(body)


ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.integers(1, 8), st.sampled_from(["", "a", "b"])),
        st.tuples(st.just("remove"), st.integers(0, 30), st.just("")),
        st.tuples(st.just("cordon"), st.integers(0, 3), st.just("")),
        st.tuples(st.just("uncordon"), st.integers(0, 3), st.just("")),
    ),
    min_size=5,
    max_size=40,
)


@settings(max_examples=15, deadline=None)
@given(ACTIONS, st.integers(0, 1000))
def test_nothing_is_overcommitted_and_nothing_that_fits_waits(
    actions: list[tuple[str, int, str]], seed: int
) -> None:
    async def body(world: World) -> None:
        made = 0
        for number, name in enumerate("ab"):
            await world.patch("Node", f"gpu-{number}", {"metadata": {"labels": {"set": name}}})
        for action, value, group in actions:
            pods = world.all("Pod")
            if action == "add":
                selector = {"nodeSelector": {"set": group}} if group else {}
                await world.create(pod(f"p-{made}", gpus=value, **selector))
                made += 1
            elif action == "remove" and pods:
                name = pods[value % len(pods)]["metadata"]["name"]
                await world.delete("Pod", name, grace=0)
            elif action.endswith("cordon"):
                patch = {"spec": {"unschedulable": action == "cordon"}}
                await world.patch("Node", f"gpu-{value}", patch)
            await world.settle(0.01)
        await world.settle(2)
        free = _free(world)
        assert all(value >= 0 for value in free.values())
        for found in world.all("Pod"):
            if found["spec"].get("nodeName"):
                continue
            asked = int(found["spec"]["containers"][0]["resources"]["limits"]["nvidia.com/gpu"])
            wanted = (found["spec"].get("nodeSelector") or {}).get("set")
            for node in world.all("Node"):
                fits = wanted in (None, node["metadata"]["labels"].get("set"))
                if fits and not node["spec"].get("unschedulable"):
                    assert free[node["metadata"]["name"]] < asked, found["metadata"]["name"]

    play(body, Options(nodes=4), seed)


def _free(world: World) -> dict[str, int]:
    free = {node["metadata"]["name"]: 8 for node in world.all("Node")}
    for found in world.all("Pod"):
        node = found["spec"].get("nodeName")
        if node:
            limits = found["spec"]["containers"][0]["resources"]["limits"]
            free[node] -= int(limits["nvidia.com/gpu"])
    return free
