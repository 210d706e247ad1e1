"""The processes of a simulation, which crash, freeze and come back: managers and agents."""

from __future__ import annotations

import random
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import anyio
from ome.cli.assembly import Operator, candidate

from hack.simulation.transports import FaultyTransport, Gate
from ome.agent.downloads import Behaviour
from ome.agent.simulate import Simulation
from ome.cli.agent import play
from ome.controllers.resources import BASE_MODELS, CLUSTER_BASE_MODELS
from ome.informers.registry import Informers
from ome.kube import Client
from ome.reconciler.manager import Listen
from tests.support.virtual_time import VirtualClock

if TYPE_CHECKING:
    from hack.simulation.invariants import Referee
    from hack.simulation.world import World

__all__ = ["Agents", "Replica"]

NAMESPACE = "ome"


@dataclass
class JumpingClock(VirtualClock):
    """A clock whose time of day somebody sets."""

    offset: float = 0.0

    def wall(self) -> float:
        return super().wall() + self.offset


class Replica:
    """One replica of the manager: started again a while after each crash, as a pod would be."""

    def __init__(self, world: World, name: str, referee: Referee, rng: random.Random) -> None:
        self.name = name
        self._world = world
        self._rng = rng
        self._referee = referee
        self._clock = JumpingClock()
        self._scope = anyio.CancelScope()
        self._gates: list[Gate] = []
        self._starts = 0
        self._frozen = 0

    async def run(self) -> None:
        """Live until cancelled."""
        while True:
            self._starts += 1
            with anyio.CancelScope() as self._scope:
                await self._once()
            await self._clock.sleep(self._rng.uniform(1, 10))

    async def crash(self) -> None:
        """Be gone at once, in the middle of whatever it was."""
        self._world.history.fault("crash", self.name, "killed")
        for gate in self._gates:
            gate.kill()
        self._scope.cancel()

    async def freeze(self, seconds: float) -> None:
        """Stand still, and go on as if nothing had been."""
        self._world.history.fault("freeze", self.name, f"for {seconds:.0f} s")
        self._frozen += 1
        for gate in self._gates:
            gate.freeze()
        await self._clock.sleep(seconds)
        self._frozen -= 1
        if not self._frozen:
            for gate in self._gates:
                gate.thaw()

    async def jump(self, seconds: float) -> None:
        """Have the time of day set."""
        self._world.history.fault("clock jump", self.name, f"by {seconds:.0f} s")
        self._clock.offset += seconds

    def heal(self) -> None:
        """Go on if frozen."""
        self._frozen = 0
        for gate in self._gates:
            gate.thaw()

    async def _once(self) -> None:
        world, clock = self._world, self._clock
        identity = f"{self.name}_{self._starts}"
        rng = random.Random(f"{world.seed}/{identity}")
        self._gates = [self._gate(rng), self._gate(rng)]
        if self._frozen:
            for gate in self._gates:
                gate.freeze()
        election = candidate(self._gates[1], identity, NAMESPACE, clock, rng)
        operator = Operator(self._gates[0], NAMESPACE, Listen(None, None), clock, rng, election)
        world.history.note(self.name, f"started as {identity}")
        with suppress(Exception):
            await operator.run()

    def _gate(self, rng: random.Random) -> Gate:
        world = self._world
        plain = world.transport(self.name, self._referee.before)
        faulty = FaultyTransport(plain, self.name, world.rates, self._clock, rng, world.history)
        return Gate(faulty)


class Agents:
    """The agents of all nodes; now and then one process of them dies and is started again."""

    def __init__(self, world: World, rng: random.Random) -> None:
        self._world = world
        self._rng = rng
        self._scope = anyio.CancelScope()
        self._starts = 0

    async def run(self) -> None:
        """Live until cancelled."""
        while True:
            self._starts += 1
            with anyio.CancelScope() as self._scope:
                await self._once()
            await self._world.clock.sleep(self._rng.uniform(1, 20))

    async def die(self) -> None:
        """Be gone at once; downloads begin anew."""
        self._world.history.fault("agents die", "agents", "killed")
        self._scope.cancel()

    async def _once(self) -> None:
        world = self._world
        rng = random.Random(f"{world.seed}/agents-{self._starts}")
        plain = world.transport("agents")
        faulty = FaultyTransport(plain, "agents", world.rates, world.clock, rng, world.history)
        client = Client(faulty, clock=world.clock, rng=rng)
        informers = Informers(client, world.clock, rng)
        models = (BASE_MODELS, CLUSTER_BASE_MODELS)
        behaviour = Behaviour((1.0, 20.0))
        simulation = Simulation(client, informers, NAMESPACE, world.clock, rng, behaviour, models)
        async with anyio.create_task_group() as group:
            await group.start(informers.run)
            await play(simulation, informers, ())
