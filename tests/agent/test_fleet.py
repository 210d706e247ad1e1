"""The agents of a fleet and their Nodes: one for each, also for one that is made anew."""

from __future__ import annotations

import random
from itertools import count
from typing import TYPE_CHECKING, Any

import anyio

from ome.agent.fleet import Fleet
from ome.controllers.resources import ON_NODES
from ome.informers.registry import Informers
from ome.kube import Client
from ome.kube.resource import ObjectKey
from ome.kube.resources import NODES
from tests.support.fake_cluster import FakeCluster
from tests.support.virtual_time import VirtualClock, run_virtual

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ome.agent.models import Model

_ENDING = 5.0
"""Seconds that an agent takes to end, as one does whose downloads are being killed."""


class Slow:
    """An agent that only says when it runs; ``log`` is shared by all of a test."""

    def __init__(self, number: int, log: list[str]) -> None:
        self.labels: Mapping[str, str] = {}
        self._number = number
        self._log = log

    async def run(self, models: Mapping[Any, Model]) -> None:
        self._log.append(f"{self._number} begins")
        try:
            await anyio.sleep_forever()
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.sleep(_ENDING)
            self._log.append(f"{self._number} ended")

    async def settled(self) -> None: ...

    def look_again(self, models: Mapping[Any, Model]) -> None: ...

    def model(self, model: Model) -> None: ...

    def gone(self, model: Model) -> None: ...


def test_a_node_made_anew_has_an_agent_of_its_own_once_the_former_has_ended() -> None:
    log: list[str] = []
    numbers = count()
    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1"}}

    async def scenario() -> None:
        clock, rng = VirtualClock(), random.Random(1)
        cluster = FakeCluster(*ON_NODES, clock=clock)
        cluster.put(node)
        client = Client(cluster, clock=clock, rng=rng)
        informers = Informers(client, clock, rng)
        fleet = Fleet(client, informers, clock, ON_NODES, lambda _: Slow(next(numbers), log))
        async with anyio.create_task_group() as group:
            await group.start(informers.run)
            await informers.wait_synced()
            group.start_soon(fleet.run, ["n1"])
            await anyio.sleep(10)
            cluster.remove(NODES, ObjectKey("", "n1"))
            cluster.put(node)
            await anyio.sleep(20)
            assert log == ["0 begins", "0 ended", "1 begins"]
            group.cancel_scope.cancel()

    run_virtual(scenario)
