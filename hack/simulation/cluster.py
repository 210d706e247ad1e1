"""The cluster's machines, and what may be done to them and to the store from outside."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from ome.clock import rfc3339
from ome.kube.resource import ObjectKey
from ome.kube.resources import NODES
from ome.sandbox.cluster import Options
from ome.sandbox.cluster.nodes import node
from ome.sandbox.refusal import Refused

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from ome.clock import Clock
    from ome.sandbox.apiserver.local import Local
    from ome.sandbox.apiserver.server import ApiServer

    from .referee import Referee
    from .scene import Scene

__all__ = ["Machines"]

_USER = "a-provider"


class Machines:
    """Nodes come and go; the store forgets its history."""

    def __init__(
        self, scene: Scene, server: ApiServer, local: Local, clock: Clock, referee: Referee
    ) -> None:
        self._scene = scene
        self._server = server
        self._local = local
        self._clock = clock
        self._referee = referee
        self._away: set[str] = set()

    async def add(self, name: str) -> None:
        """Register a node."""
        index = self._scene.nodes.index(name)
        parity = "odd" if index % 2 else "even"
        options = Options(labels={"parity": parity})
        now = rfc3339(self._clock.wall())
        await self._local.create(
            NODES,
            {"apiVersion": "v1", "kind": "Node", **node(name, index, options, now)},
            user=_USER,
        )
        self._away.discard(name)

    async def remove(self, name: str) -> None:
        """A node is gone from one moment to the next."""
        self._away.add(name)
        with contextlib.suppress(Refused):
            await self._local.delete(NODES, ObjectKey("", name), user=_USER)

    async def bring_back(self) -> None:
        """All nodes are there."""
        for name in sorted(self._away):
            await self.add(name)

    def draw(self, rng: random.Random) -> str | None:
        """A node that may vanish; None when enough are away."""
        present = [name for name in self._scene.nodes if name not in self._away]
        return rng.choice(present) if len(present) > self._scene.fewest_nodes else None

    def compact(self) -> None:
        """The store forgets its history: whoever lags behind meets 410."""
        for collection in self._server.store.collections().values():
            collection.expire()

    def leader(self) -> str:
        """The replica that holds the Lease."""
        return self._referee.leader

    def at_next_write(self, replica: str, strike: Callable[[], None]) -> None:
        """Do something when the next write of a replica has arrived."""
        self._referee.at_next_write[replica] = strike

    def forget_writes(self) -> None:
        """Wait for no write any more."""
        self._referee.at_next_write.clear()
