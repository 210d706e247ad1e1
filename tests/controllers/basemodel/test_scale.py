"""Many nodes at once: few status writes, exact lists, a bounded cost."""

from __future__ import annotations

import json
import random
import time
from itertools import pairwise
from typing import TYPE_CHECKING

import anyio
import pytest

from ome.agent.simulate import Behaviour, Simulation
from ome.controllers.basemodel.aggregate import Aggregate
from ome.controllers.resources import BASE_MODELS, CLUSTER_BASE_MODELS
from ome.informers.registry import Informers
from ome.kube import Client
from ome.kube.resource import ObjectKey
from ome.kube.resources import CONFIGMAPS
from tests.controllers.basemodel.world import (
    CONFIG,
    NAMESPACE,
    condition,
    entry,
    lose_nodes,
    model,
    new_cluster,
    operator,
    report,
    status,
)
from tests.support.virtual_time import VirtualClock, run_virtual

if TYPE_CHECKING:
    from tests.support.fake_cluster import FakeCluster

NODES = [f"n{number:03}" for number in range(300)]
MODELS = [ObjectKey("", f"m{number}") for number in range(20)]


def recomputed(cluster: FakeCluster, key: ObjectKey, nodes: set[str]) -> dict[str, list[str]]:
    """Who reports what, straight from the ConfigMaps."""
    lists: dict[str, list[str]] = {"Ready": [], "Failed": []}
    for held in cluster.objects(CONFIGMAPS, NAMESPACE):
        text = (held.get("data") or {}).get(f"clusterbasemodel.{key.name}")
        if text is not None and held["metadata"]["name"] in nodes:
            lists.setdefault(json.loads(text)["status"], []).append(held["metadata"]["name"])
    return {state: sorted(names) for state, names in lists.items()}


def assert_lists(cluster: FakeCluster, nodes: set[str]) -> None:
    for key in MODELS:
        now, truth = status(cluster, key), recomputed(cluster, key, nodes)
        assert now.get("nodesReady", []) == truth["Ready"]
        assert now.get("nodesFailed", []) == truth["Failed"]
        assert now["nodesReadyCount"] == len(truth["Ready"])
        assert now["nodesFailedCount"] == len(truth["Failed"])


async def simulate(cluster: FakeCluster, behaviour: Behaviour) -> None:
    clock, rng = VirtualClock(), random.Random(5)
    client = Client(cluster, clock=clock, rng=rng)
    informers = Informers(client, clock, rng)
    kinds = (BASE_MODELS, CLUSTER_BASE_MODELS)
    simulation = Simulation(client, informers, NAMESPACE, clock, rng, behaviour, kinds)
    async with anyio.create_task_group() as group:
        await group.start(informers.run)
        await informers.wait_synced()
        await simulation.run(())


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_three_hundred_nodes_with_twenty_models() -> None:
    seconds = 30

    async def scenario() -> None:
        cluster = new_cluster(*NODES)
        for key in MODELS:
            cluster.put(model(key.name))
        async with operator(cluster), anyio.create_task_group() as group:
            # Slow reporting: most of this test's time is spent in the fake's patches.
            behaviour = Behaviour((2, 20), 0.1, progress_every=60, report_interval=2)
            group.start_soon(simulate, cluster, behaviour)
            told: dict[ObjectKey, list[tuple[float, str]]] = {key: [] for key in MODELS}
            seen = 0
            for _ in range(seconds * 10):
                await anyio.sleep(0.1)
                cluster.compact()  # only so that the fake does not grow slow
                for write in cluster.writes[seen:]:
                    if write.subresource == "status":
                        state = write.body[-1]["value"]["state"]
                        told[write.key].append((anyio.current_time(), state))
                seen = len(cluster.writes)
            assert_lists(cluster, set(NODES))
            for key in MODELS:
                now = status(cluster, key)
                assert now["nodesReadyCount"] + now["nodesFailedCount"] == len(NODES)
                assert condition(cluster, "Ready", key)["status"] == "True"
                assert len(told[key]) <= 2 + 2 * seconds
                for (at, said), (later, says) in pairwise(told[key]):
                    assert later - at >= 0.8 or said != says
            group.cancel_scope.cancel()
            lost = set(NODES[::3])
            lose_nodes(cluster, lost)
            await anyio.sleep(5)
            assert_lists(cluster, set(NODES) - lost)
            left = {held["metadata"]["name"] for held in cluster.objects(CONFIGMAPS, NAMESPACE)}
            assert left == set(NODES) - lost

    run_virtual(scenario)


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_the_last_state_is_written_however_the_burst_ends() -> None:
    async def scenario(seed: int) -> None:
        rng = random.Random(seed)
        nodes = NODES[:10]
        cluster = new_cluster(*nodes)
        for key in MODELS:
            cluster.put(model(key.name))
        async with operator(cluster, seed):
            for _ in range(60):
                node = rng.choice(nodes)
                data = {
                    f"clusterbasemodel.{key.name}": entry(
                        rng.choice(["Ready", "Failed", "Updating"])
                    )
                    for key in rng.sample(MODELS, 15)
                }
                cluster.put(report(node, data))
                await anyio.sleep(rng.uniform(0, 0.3))
            await anyio.sleep(2.5)
            assert_lists(cluster, set(nodes))

    for seed in range(5):
        run_virtual(lambda seed=seed: scenario(seed))  # type: ignore[misc]


def test_an_event_costs_what_it_changes_and_not_the_nodes() -> None:
    """Ten times the nodes: an event of one node takes about as long."""

    def seconds_per_event(nodes: int) -> float:
        aggregate = Aggregate()
        texts = {state: entry(state, config=CONFIG) for state in ("Ready", "Updating")}
        for number in range(nodes):
            aggregate.node(f"n{number}", True)
            aggregate.config_map(f"n{number}", {"k": texts["Ready"]})
        best = 9.0
        for _ in range(5):
            begin = time.perf_counter()
            for turn in range(200):
                data = {"k": texts["Updating" if turn % 2 else "Ready"]}
                aggregate.config_map("n1", data)
            best = min(best, time.perf_counter() - begin)
        return best / 200

    assert seconds_per_event(5000) < 5 * seconds_per_event(500)
