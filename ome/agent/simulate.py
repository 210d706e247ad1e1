"""Many agents in one process that move no bytes: the status protocol with pretended downloads.

Each node has its own reporter and its own pretended disk, so what the controllers see is what real
agents would write.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from ome.agent.downloads import Behaviour
from ome.agent.fleet import Fleet
from ome.agent.node import SimulatedNode

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

    from ome.clock import Clock
    from ome.informers.registry import Informers
    from ome.kube.client import Client
    from ome.kube.resource import Resource

__all__ = ["Behaviour", "Simulation"]


class Simulation(Fleet):
    """Simulated agents for some nodes of a cluster."""

    def __init__(
        self,
        client: Client,
        informers: Informers,
        namespace: str,
        clock: Clock,
        rng: random.Random,
        behaviour: Behaviour,
        models: Sequence[Resource],
    ) -> None:
        make = partial(
            SimulatedNode,
            client,
            namespace=namespace,
            clock=clock,
            rng=rng,
            behaviour=behaviour,
        )
        super().__init__(client, informers, clock, models, make)
