"""``ome plan`` and ``ome render --against cluster`` on what a cluster has."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from ome.cli.adopt import adoption
from ome.cli.render.cluster import around, children_of, read_all
from ome.cli.render.difference import difference
from ome.cli.render.effects import Effect, effects
from ome.cli.render.plans import render
from ome.cli.render.room import Room
from ome.controllers.resources import (
    CLUSTER_BASE_MODELS,
    CLUSTER_SERVING_RUNTIMES,
    INFERENCE_SERVICES,
    LEADER_WORKER_SETS,
)
from ome.kube import Client
from ome.kube.resource import ObjectKey
from ome.kube.resources import DEPLOYMENTS
from tests.controllers.inferenceservice.world import (
    ENGINE,
    RUNNER,
    SERVICE,
    annotate,
    found,
    model,
    new_cluster,
    operator,
    runtime,
    service,
)
from tests.support.virtual_time import VirtualClock, run_virtual

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.support.fake_cluster import FakeCluster

GPUS = {"limits": {"nvidia.com/gpu": "8"}}


def play(body: Callable[[FakeCluster, Client], Awaitable[None]]) -> None:
    """Run a scenario on a cluster in which the operator has made one service."""

    async def main() -> None:
        cluster = new_cluster()
        for item in (model(), runtime(), service()):
            cluster.put(item)
        async with operator(cluster):
            await anyio.sleep(1)
        await body(cluster, Client(cluster, clock=VirtualClock(), rng=random.Random(1)))

    run_virtual(main)


def edited(cluster: FakeCluster, image: str = "example.test/serve:2") -> dict[str, Any]:
    held = found(cluster, CLUSTER_SERVING_RUNTIMES, ObjectKey("", "r"))
    spec = runtime(image=image)["spec"]
    spec["engineConfig"]["runner"]["resources"] = GPUS
    return {**held, "spec": spec}


def node(gpus: str) -> dict[str, Any]:
    status = {"allocatable": {"cpu": "64", "nvidia.com/gpu": gpus}}
    metadata = {"name": "n", "labels": {"models.ome.io/clusterbasemodel.m": "Ready"}}
    return {"apiVersion": "v1", "kind": "Node", "metadata": metadata, "status": status}


def test_what_the_operator_made_is_no_difference() -> None:
    async def body(cluster: FakeCluster, client: Client) -> None:
        wanted = [found(cluster, INFERENCE_SERVICES, SERVICE)]
        held, settings = await around(client, wanted, "ome")
        children = await children_of(client, wanted)
        (item,) = render(wanted, held, settings, children)
        assert item.problem == ""
        assert list(difference(item, children)) == []

    play(body)


@pytest.mark.parametrize(
    ("gpus", "text", "stuck"),
    [
        ("8", "Deployment chat-engine replaces 1 pod", False),
        (
            "4",
            "Deployment chat-engine replaces 1 pod; no node that its node selector names has"
            " 8 nvidia.com/gpu free, so it would wait",
            True,
        ),
    ],
)
def test_an_edit_of_a_runtime_says_whose_pods_it_replaces(
    gpus: str, text: str, stuck: bool
) -> None:
    async def body(cluster: FakeCluster, client: Client) -> None:
        cluster.put(node(gpus))
        held = await read_all(client, "ome", [edited(cluster)])
        after = [*held.documents, *held.edit]
        before = render(after, held.documents, held.settings, held.children)
        changed = render(after, after, held.settings, held.children)
        room = Room(held.nodes, held.pods)
        told = list(effects(before, changed, held.children, room))
        assert [(effect.text, effect.stuck) for effect in told] == [(text, stuck)]
        assert list(effects(before, before, held.children, room)) == []

    play(body)


def test_an_edit_that_ends_a_service_says_so() -> None:
    async def body(cluster: FakeCluster, client: Client) -> None:
        disabled = {**edited(cluster), "spec": {**runtime()["spec"], "disabled": True}}
        held = await read_all(client, "ome", [disabled])
        after = [*held.documents, *held.edit]
        before = render(after, held.documents, held.settings, held.children)
        changed = render(after, after, held.settings, held.children)
        (effect,) = effects(before, changed, held.children, Room((), ()))
        assert effect.stuck
        assert effect.text.startswith("cannot be made any more, what runs stays: Failed to find")

    play(body)


@pytest.mark.parametrize("other", [False, True])
def test_what_another_operator_left_stays_and_says_what_an_upgrade_changes(other: bool) -> None:
    async def body(cluster: FakeCluster, client: Client) -> None:
        held = found(cluster, DEPLOYMENTS, ENGINE)
        if other:
            marks = [name for name in held["metadata"]["annotations"] if "ome.io/" in name]
            for name in marks:
                del held["metadata"]["annotations"][name]
            held["spec"]["template"]["spec"]["containers"][0]["image"] = "example.test/go:1"
            cluster.put(held)
        world = await read_all(client, "ome", ())
        (item,) = render(world.documents, world.documents, world.settings, world.children)
        told = list(adoption(item, world.children))
        assert not any(replaces for _, replaces in told)
        text = "".join(line for line, _ in told)
        if not other:
            assert text == ""
            return
        assert (
            "# Deployment demo/chat-engine was left by another operator and keeps its 1 pod" in text
        )
        changed = [line.split() for line in text.splitlines() if "image:" in line]
        assert changed == [
            ["-", "image:", "example.test/go:1"],
            ["+", "image:", "example.test/serve:1"],
        ]

    play(body)


def test_what_is_taken_over_goes_on_to_stay() -> None:
    async def body(cluster: FakeCluster, client: Client) -> None:
        held = found(cluster, DEPLOYMENTS, ENGINE)
        for name in [name for name in held["metadata"]["annotations"] if "ome.io/" in name]:
            del held["metadata"]["annotations"][name]
        held["spec"]["template"]["spec"]["containers"][0]["image"] = "example.test/go:1"
        held["metadata"]["managedFields"] = []
        cluster.put(held)
        async with operator(cluster, 2):
            await anyio.sleep(30)
        world = await read_all(client, "ome", ())
        (item,) = render(world.documents, world.documents, world.settings, world.children)
        told = list(adoption(item, world.children))
        assert not any(replaces for _, replaces in told)
        assert "was left by another operator and keeps its 1 pod" in told[0][0]
        assert list(difference(item, world.children)) == []
        more = {**service(), "spec": {**service()["spec"], "engine": {"maxReplicas": 4}}}
        (effect,) = await told_of(client, more)
        assert effect.text == "Deployment chat-engine replaces 1 pod", "its spec is another one"

    play(body)


async def told_of(client: Client, *edit: dict[str, Any]) -> list[Effect]:
    """What ``ome plan`` says of an edit."""
    held = await read_all(client, "ome", edit)
    after = [*held.documents, *held.edit]
    before = render(after, held.documents, held.settings, held.children)
    changed = render(after, after, held.settings, held.children)
    return list(effects(before, changed, held.children, Room(held.nodes, held.pods)))


def test_a_paused_service_is_said_to_stay_as_it_is() -> None:
    async def body(cluster: FakeCluster, client: Client) -> None:
        annotate(cluster, paused="true")
        (effect,) = await told_of(client, edited(cluster))
        assert effect.text.startswith("is paused; nothing changes until annotation ome.io/paused")
        assert not effect.stuck
        # A file that does not speak of the annotation leaves it.
        (effect,) = await told_of(client, {**service(), "spec": {"model": {"name": "none"}}})
        assert effect.stuck
        cluster.put(edited(cluster))
        world = await read_all(client, "ome", ())
        (item,) = render(world.documents, world.documents, world.settings, world.children)
        ((text, replaces),) = adoption(item, world.children)
        assert ("is paused" in text, replaces) == (True, False)

    play(body)


@pytest.mark.parametrize(
    ("last", "expected"),
    [
        ('{"metadata": {"labels": {"team": "red"}}}', {"by": "hand"}),
        ('{"metadata": {"labels": {}}}', {"by": "hand", "team": "red"}),
        ('{"metadata": {"labels": 7}}', {"by": "hand", "team": "red"}),
        ("[", {"by": "hand", "team": "red"}),
        ("[" * 5000, {"by": "hand", "team": "red"}),
    ],
)
def test_labels_that_kubectl_never_set_stay(last: str, expected: dict[str, str]) -> None:
    async def body(cluster: FakeCluster, client: Client) -> None:
        held = found(cluster, INFERENCE_SERVICES, SERVICE)
        held["metadata"]["labels"] = {"team": "red", "by": "hand"}
        annotation = "kubectl.kubernetes.io/last-applied-configuration"
        held["metadata"]["annotations"] = {annotation: last}
        cluster.put(held)
        documents, _ = await around(client, [service()], "ome")
        assert documents[-1]["metadata"]["labels"] == expected

    play(body)


def test_a_service_that_cannot_be_made_before_or_after_says_so() -> None:
    async def body(cluster: FakeCluster, client: Client) -> None:
        wrong = service("other", model={"name": "none"})
        (effect,) = await told_of(client, wrong)
        assert effect.text.startswith("cannot be made: No BaseModel or ClusterBaseModel")
        assert effect.stuck

    play(body)


MULTI = {"leader": {"runner": RUNNER}, "worker": {"size": 1, "runner": RUNNER}}


def test_what_the_cluster_cannot_have_is_not_said_to_be_made() -> None:
    async def body(cluster: FakeCluster, client: Client) -> None:
        (effect,) = await told_of(client, service("many", engine=MULTI))
        assert effect.stuck
        assert effect.text.startswith("cannot be made: deployment mode MultiNode is not possible")
        assert "CRD leaderworkersets.leaderworkerset.x-k8s.io is not installed" in effect.text
        wanted = [service("many", engine=MULTI)]
        held, settings = await around(client, wanted, "ome")
        children = await children_of(client, wanted)
        (item,) = render(wanted, held, settings, children)
        assert [one["kind"] for one in item.objects] == ["ConfigMap"]
        cluster.install(LEADER_WORKER_SETS)
        told = await told_of(client, service("many", engine=MULTI))
        assert told[-1].text == "LeaderWorkerSet lws-many-engine is made"

    play(body)


def test_an_edit_after_which_a_model_has_no_place_replaces_nothing() -> None:
    async def body(cluster: FakeCluster, client: Client) -> None:
        nowhere = model(storage={"storageUri": "hf://example/m"})
        (effect,) = await told_of(client, nowhere)
        assert effect.text.startswith("nothing is written: model m has no spec.storage.path yet")
        assert effect.stuck
        cluster.put(nowhere)
        assert await told_of(client, edited(cluster)) == [], "it waits before and after"
        (effect, more) = await told_of(client, model(storage={"storageUri": "a", "path": "/b"}))
        assert (effect.text, more.text[:22]) == ("can be made now", "Deployment chat-engine")
        world = await read_all(client, "ome", ())
        (item,) = render(world.documents, world.documents, world.settings, world.children)
        ((text, replaces),) = adoption(item, world.children)
        assert ("nothing is written" in text, replaces) == (True, False)

    play(body)


def test_what_was_read_from_a_models_files_stays() -> None:
    async def body(cluster: FakeCluster, client: Client) -> None:
        held = found(cluster, CLUSTER_BASE_MODELS, ObjectKey("", "m"))
        held["spec"]["modelFormat"]["version"] = "1.0.0"
        held["spec"]["maxTokens"] = 4096
        held["metadata"]["annotations"] = {
            "ome.io/auto-filled-fields": "maxTokens=f1de6347,modelFormat.version=39fe4a40,gone=1"
        }
        cluster.put(held)
        documents, _ = await around(client, [model(maxTokens=1)], "ome")
        stored = documents[-1]
        assert stored["spec"]["modelFormat"] == {"name": "safetensors", "version": "1.0.0"}
        assert stored["spec"]["maxTokens"] == 1

    play(body)


def test_a_label_says_that_the_pods_stay() -> None:
    async def body(cluster: FakeCluster, client: Client) -> None:
        labelled = service(labels={"team": "red"})
        (effect,) = await told_of(client, labelled)
        assert effect.text == "changes, and its pods stay"

    play(body)


@pytest.mark.parametrize(
    ("amount", "shown"), [("9" * 5000, str(2**63 - 1)), ("1e1000", ""), ("1e400", str(2**63 - 1))]
)
def test_an_absurd_number_of_devices(amount: str, shown: str) -> None:
    resources = {"limits": {"nvidia.com/gpu": amount}}
    template = {"spec": {"containers": [{"resources": resources}]}}
    workload = {"kind": "Deployment", "spec": {"template": template}}
    said = f"no node has {shown} nvidia.com/gpu free" if shown else ""
    assert Room([node("8")], []).shortage(workload) == said


def test_pods_that_run_take_room() -> None:
    pod = {
        "metadata": {"name": "p"},
        "spec": {"nodeName": "n", "containers": [{"resources": GPUS}]},
        "status": {"phase": "Running"},
    }
    template = {"spec": {"containers": [{"resources": GPUS}]}}
    workload = {"kind": "Deployment", "spec": {"template": template}}
    assert Room([node("8")], []).shortage(workload) == ""
    assert Room([node("8")], [pod]).shortage(workload) == "no node has 8 nvidia.com/gpu free"
    ended = {**pod, "status": {"phase": "Succeeded"}}
    assert Room([node("8")], [ended]).shortage(workload) == ""
    chosen = {**template["spec"], "nodeSelector": {"gpu": "h100"}}
    workload = {"kind": "Deployment", "spec": {"template": {"spec": chosen}}}
    assert "that its node selector names" in Room([node("8")], []).shortage(workload)
