"""Who downloads when, and from whom."""

from __future__ import annotations

import random
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

import anyio

from ome.agent.models import Model
from ome.agent.slots import LABEL_SLOTS, Slots
from ome.agent.turns import ClusterTurns
from ome.errors import Forbidden, TransportError
from ome.kube import Client
from ome.kube.resource import ObjectKey
from ome.kube.resources import LEASES
from tests.support.fake_cluster import FakeCluster
from tests.support.virtual_time import VirtualClock, virtual

if TYPE_CHECKING:
    from ome.agent.post import Turn


def turns(cluster: FakeCluster, node: str, **more: Any) -> ClusterTurns:
    clock, rng = VirtualClock(), random.Random(node)
    return ClusterTurns(Client(cluster, clock=clock, rng=rng), "ome", node, clock, rng, **more)


def a_model(uri: str = "hf://org/m", **annotations: str) -> Model:
    noted = {f"ome.io/{name.replace('_', '-')}": text for name, text in annotations.items()}
    return Model("ClusterBaseModel", ObjectKey("", "m"), "u", 1, noted, {"storageUri": uri}, {})


def has(cluster: FakeCluster, name: str, **labels: str) -> None:
    """A node that has the model, and whose agent can be reached."""
    metadata = {
        "name": name,
        "labels": {"models.ome.io/clusterbasemodel.m": "Ready", **labels},
        "annotations": {"models.ome.io/agent-address": f"http://{name}"},
    }
    cluster.put({"apiVersion": "v1", "kind": "Node", "metadata": metadata})


async def took(stack: AsyncExitStack, of: ClusterTurns, model: Model, **more: Any) -> Turn | None:
    return await stack.enter_async_context(of.take(model, **more))


@virtual
async def test_two_nodes_seed_and_the_others_wait() -> None:
    cluster, model = FakeCluster(clock=VirtualClock()), a_model()
    async with AsyncExitStack() as stack:
        for node in ("a", "b"):
            turn = await took(stack, turns(cluster, node), model)
            assert turn is not None
            assert turn.origin
        assert await took(stack, turns(cluster, "c"), model) is None
        # Another model has seeds of its own.
        assert await took(stack, turns(cluster, "c"), a_model("hf://org/other")) is not None
    assert cluster.objects(LEASES) == []


@virtual
async def test_peers_come_first_and_the_nearest_of_them() -> None:
    cluster, model = FakeCluster(clock=VirtualClock()), a_model()
    zone = {"topology.kubernetes.io/zone": "z1"}
    for name in ("p1", "p2", "p3"):
        has(cluster, name)
    has(cluster, "near", **zone)
    has(cluster, "me", **zone)
    mine = turns(cluster, "me")
    mine.labels = lambda: zone
    async with AsyncExitStack() as stack:
        turn = await took(stack, mine, model)
        assert turn is not None
        assert turn.peers[0] == "http://near"
        assert sorted(turn.peers[1:]) == ["http://p1", "http://p2", "http://p3"]
        assert not turn.origin
        # Peers that failed: now with the source, when there is a seed's place.
        again = await took(stack, mine, model, origin=True)
        assert again is not None
        assert again.origin
        # What has no hash cannot come from a peer, and needs no seed.
        other = await took(stack, mine, a_model("s3://bucket/m"))
        assert other is not None
        assert (other.peers, other.origin) == ((), True)


@virtual
async def test_a_model_may_say_how_many_nodes_download_at_once() -> None:
    cluster, model = FakeCluster(clock=VirtualClock()), a_model(max_concurrent_nodes="1")
    async with AsyncExitStack() as stack:
        async with AsyncExitStack() as first:
            assert await took(first, turns(cluster, "a", peers=False), model) is not None
            assert await took(stack, turns(cluster, "b", peers=False), model) is None
            (lease,) = cluster.objects(LEASES)
            assert lease["spec"]["holderIdentity"] == "a"
            assert lease["metadata"]["labels"][LABEL_SLOTS].startswith("model-node-")
        assert await took(stack, turns(cluster, "b", peers=False), model) is not None
    nonsense = a_model(max_concurrent_nodes="many")
    async with turns(cluster, "a", peers=False).take(nonsense) as turn:
        assert turn is not None


@virtual
async def test_a_slot_whose_holder_is_gone_is_free_after_a_minute() -> None:
    cluster, clock = FakeCluster(clock=VirtualClock()), VirtualClock()

    def slots(node: str) -> Slots:
        return Slots(Client(cluster, clock=clock, rng=random.Random(1)), "ome", node, clock)

    dead, waiting, alive = slots("dead"), slots("waiting"), slots("alive")
    async with anyio.create_task_group() as group, AsyncExitStack() as stack:
        group.start_soon(alive.run)
        assert await stack.enter_async_context(alive.one_of("x", 2))
        assert await stack.enter_async_context(dead.one_of("x", 2))
        for _ in range(7):
            async with waiting.one_of("x", 2) as early:
                assert not early
            await anyio.sleep(10)
        async with waiting.one_of("x", 2) as free:
            assert free
            holders = {lease["spec"]["holderIdentity"] for lease in cluster.objects(LEASES)}
            assert holders == {"alive", "waiting"}
        # An earlier run of ours is nobody to wait for.
        async with slots("alive").one_of("x", 1) as free:
            assert free
        group.cancel_scope.cancel()


@virtual
async def test_trouble_with_leases() -> None:
    cluster, model = FakeCluster(clock=VirtualClock()), a_model()
    cluster.fail("list", LEASES, TransportError("away"), 99)
    mine = turns(cluster, "a")
    async with mine.take(model) as turn:
        assert turn is None
    cluster = FakeCluster(clock=VirtualClock())
    cluster.fail("list", LEASES, Forbidden("no"), 99)
    async with turns(cluster, "a").take(model) as turn:
        assert turn is not None


@virtual
async def test_in_a_large_cluster_nodes_begin_one_after_the_other() -> None:
    cluster, model = FakeCluster(clock=VirtualClock()), a_model()
    for number in range(51):
        has(cluster, f"n{number}")
    drawn = [await turns(cluster, f"n{number}").delay(model) for number in range(51)]
    assert await turns(cluster, "n1").delay(model) == drawn[1]
    assert 0 <= min(drawn) < 5 < 25 < max(drawn) < 30
    assert await turns(cluster, "n1", jitter=0.0).delay(model) == 0
