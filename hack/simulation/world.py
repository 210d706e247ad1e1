"""One simulated life: server, cluster, agents, two managers, users; with faults or without."""

from __future__ import annotations

import random
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import anyio

from hack.simulation.history import History
from hack.simulation.invariants import Referee, final_state
from hack.simulation.processes import Agents, Replica
from hack.simulation.script import first
from hack.simulation.transports import Rates
from ome.api.crds import all_crds
from ome.kube.request import APPLY_PATCH, Request, encoded
from ome.kube.resource import ObjectKey
from ome.kube.resources import DEPLOYMENTS, NODES
from ome.sandbox.apiserver.calls import User
from ome.sandbox.apiserver.local import Local
from ome.sandbox.apiserver.server import ApiServer
from ome.sandbox.apiserver.transport import EmbeddedTransport
from ome.sandbox.cluster import Cluster, Options
from ome.sandbox.refusal import Refused
from tests.support.virtual_time import VirtualClock

if TYPE_CHECKING:
    from collections.abc import Sequence

    from anyio.abc import TaskGroup

    from hack.simulation.script import Action

__all__ = ["Outcome", "World"]

NODES_AT_START = 3
MANAGERS = ("manager-0", "manager-1")
_SETTLE = 900.0
"""Seconds after the last fault in which everything must come to rest."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a life ended."""

    state: dict[str, Any]
    history: History


@dataclass
class World:
    """``faults`` False is the quiet run that a life with faults is compared with."""

    seed: int
    seconds: float
    faults: bool
    script: Sequence[Action]
    clock: VirtualClock = field(default_factory=VirtualClock)

    async def live(self) -> Outcome:
        """Live it; deterministic for a seed."""
        self.history = History(self.clock.monotonic)
        rng = random.Random(f"{self.seed}/{self.faults}")
        server = ApiServer(self.clock, random.Random(f"{self.seed}/server"))
        self.local = Local(server)
        self.server = server
        self.rates = Rates()
        if not self.faults:
            self.rates.off()
        referee = Referee(server, self.history, frozenset(MANAGERS))
        cluster = Cluster(
            self.local, self.clock, random.Random(f"{self.seed}/cluster"), Options(NODES_AT_START)
        )
        async with anyio.create_task_group() as group:
            group.start_soon(server.run)
            group.start_soon(cluster.run)
            await self._install()
            self.replicas = [Replica(self, name, referee, rng) for name in MANAGERS]
            self.agents = Agents(self, rng)
            for process in (*self.replicas, self.agents):
                group.start_soon(process.run)
            group.start_soon(self._play)
            if self.faults:
                group.start_soon(self._misfortune, group, rng)
            await self.clock.sleep(self.seconds)
            await self._heal()
            await self.clock.sleep(_SETTLE)
            state = final_state(server)
            group.cancel_scope.cancel()
        return Outcome(state, self.history)

    def transport(self, name: str) -> EmbeddedTransport:
        """A connection without faults."""
        return EmbeddedTransport(self.server, User(name, ("system:masters",)))

    async def _install(self) -> None:
        for document in [*all_crds(), *first()]:
            await self._apply(document)

    async def _apply(self, document: dict[str, Any]) -> None:
        group = document["apiVersion"].rpartition("/")[0]
        resource = self.local.served(group, document["kind"])
        assert resource is not None, document["kind"]
        namespace = document["metadata"].get("namespace", "")
        path = resource.path(namespace, document["metadata"]["name"])
        query = (("fieldManager", "user"), ("force", "true"))
        request = Request("PATCH", path, query, encoded(document), content_type=APPLY_PATCH)
        answer = await self.transport("user").send(request)
        if answer.status >= 300:
            self.history.note("user", f"refused: {answer.body.decode()[:200]}")

    async def _play(self) -> None:
        """What users do, at its time."""
        begin = self.clock.monotonic()
        for action in self.script:
            await self.clock.sleep(max(0.0, begin + action.seconds - self.clock.monotonic()))
            self.history.note("user", str(action))
            with suppress(Refused):
                await self._do(action)

    async def _do(self, action: Action) -> None:
        match action.verb:
            case "apply":
                assert action.document is not None
                await self._apply(action.document)
            case "delete":
                resource = self.local.served("ome.io", action.kind)
                assert resource is not None
                namespace = "demo" if resource.namespaced else ""
                await self.local.delete(resource, ObjectKey(namespace, action.name), user="user")
            case "vanish":
                await self.local.delete(NODES, ObjectKey("", action.name), user="user")
            case "return":
                node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": action.name}}
                await self.local.create(NODES, node, user="user")
            case "scribble":
                patch = {"spec": {"minReadySeconds": 7}}
                key = ObjectKey("demo", action.name)
                await self.local.patch(DEPLOYMENTS, key, patch, user="scribbler")

    async def _misfortune(self, group: TaskGroup, rng: random.Random) -> None:
        """Crashes, freezes, clock jumps, an API server that is away, agents that die."""
        end = self.clock.monotonic() + self.seconds * 0.95
        while True:
            await self.clock.sleep(rng.expovariate(1 / 150))
            if self.clock.monotonic() > end:
                return
            strike = rng.choice(
                [
                    rng.choice(self.replicas).crash,
                    partial(rng.choice(self.replicas).freeze, rng.uniform(5, 60)),
                    partial(rng.choice(self.replicas).jump, rng.uniform(-3600, 3600)),
                    partial(self._outage, rng.uniform(1, 120)),
                    self.agents.die,
                    self._compaction,
                ]
            )
            group.start_soon(strike)

    async def _outage(self, seconds: float) -> None:
        self.history.fault("API server away", "server", f"for {seconds:.0f} s")
        self.rates.down = True
        await self.clock.sleep(seconds)
        self.rates.down = False

    async def _compaction(self) -> None:
        self.history.fault("compaction", "server", "watches from before get 410")
        for collection in self.server.store.collections().values():
            collection.expire()

    async def _heal(self) -> None:
        """The end of all faults."""
        self.rates.off()
        for replica in self.replicas:
            replica.heal()
