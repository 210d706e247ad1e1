"""One run: server, cluster, two replicas, agents, users, and what befalls them, until calm."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import anyio

from ome.agent.downloads import Behaviour
from ome.agent.simulate import Simulation
from ome.api import names
from ome.cli.assembly import Settings, operate
from ome.cli.fleet import play
from ome.controllers.resources import BASE_MODELS, CLUSTER_BASE_MODELS, ON_NODES
from ome.informers.registry import Informers
from ome.kube import Client
from ome.kube.resource import ObjectKey
from ome.sandbox.apiserver.local import Local
from ome.sandbox.apiserver.server import ApiServer
from ome.sandbox.cluster import Cluster, Options

from .cluster import Machines
from .documents import NAMESPACE, OPERATOR, namespace
from .furnishing import install, prepare
from .history import History
from .logs import listening
from .misfortunes import Misfortunes
from .network import Connection, Network
from .processes import ProcessClock, WorldLoop
from .programs import Program
from .referee import Referee
from .script import beginning, ending
from .state import Observer, State, differences
from .users import Users
from .weather import Weather

if TYPE_CHECKING:
    from anyio.abc import TaskGroup

    from .processes import Process
    from .scene import Scene
    from .script import Script

__all__ = ["Outcome", "Run", "played"]

_REPLICAS = ("replica-0", "replica-1")
_BEHAVIOUR = Behaviour(
    seconds=(1.0, 20.0),
    failing=frozenset({("model-b", "gpu-2"), ("model-c", "gpu-1")}),
    progress_every=8.0,
)
_LOOKS = 5.0
_LINGERS = 20.0
"""Seconds for which the weather stays as it is after the last act."""
_PATIENCE = 1_200.0
"""Virtual seconds within which everything must be as it should be after the last fault."""
_CALM = 60.0
"""Seconds without a write of a replica that make a steady cluster."""


@dataclass(frozen=True)
class Run:
    """What one run is made of; ``expected`` None: the quiet run, which says what to expect."""

    seed: int
    scene: Scene
    script: Script
    seconds: float
    expected: State | None = None


@dataclass(frozen=True)
class Outcome:
    """What a run came to."""

    history: History
    state: State
    seconds: float
    """Virtual seconds that passed."""


def played(run: Run) -> Outcome:
    """Play a run to its end in a loop of its own."""
    prepare()
    with asyncio.Runner(loop_factory=WorldLoop) as runner:
        return runner.run(_World(run).play())


class _World:
    def __init__(self, run: Run) -> None:
        self._run = run
        self._quiet = run.expected is None

    def _rng(self, purpose: str) -> random.Random:
        return random.Random(f"{self._run.seed}/{purpose}")

    async def play(self) -> Outcome:
        self._history = history = History()
        with listening(history):
            clock = ProcessClock()
            self._server = ApiServer(clock, self._rng("server"))
            self._local = Local(self._server)
            self._observer = Observer(self._local)
            async with anyio.create_task_group() as group:
                group.start_soon(self._server.run)
                install(self._server)
                await self._live(group, clock)
                group.cancel_scope.cancel()
        return Outcome(history, self._observer.look(), history.seconds)

    async def _live(self, group: TaskGroup, clock: ProcessClock) -> None:
        run, history = self._run, self._history
        lease = ObjectKey(OPERATOR, names.LEADER_LEASE)
        self._referee = Referee(self._local, history, lease, (BASE_MODELS, CLUSTER_BASE_MODELS))
        weather = Weather(self._rng("weather"))
        network = Network(self._server, self._rng("network"), weather, history, self._referee)
        machines = Machines(run.scene, self._server, self._local, clock, self._referee)
        cluster = Cluster(self._local, clock, self._rng("cluster"), Options(nodes=0))
        users = Users(self._local, history, self._referee)
        history.say("world", f"{run.scene}")
        group.start_soon(cluster.run)
        group.start_soon(network.run)
        for name in (OPERATOR, NAMESPACE):
            await users.create(namespace(name))
        for name in run.scene.nodes:
            await machines.add(name)
        await anyio.sleep(1.0)
        make = partial(Program, group=group, loop=_loop(), network=network, history=history)
        replicas = [make(name, partial(self._operate, network)) for name in _REPLICAS]
        agents = [make(name, partial(self._agents, network)) for name in run.scene.agents]
        self._replicas = {replica.name: replica for replica in replicas}
        for program in (*replicas, *agents):
            program.start()
        misfortunes = Misfortunes(
            self._rng("misfortunes"), history, network, machines, replicas, agents
        )
        if not self._quiet:
            await self._suffer(misfortunes, weather, users)
        await self._users(users, ending(run.script))
        if not self._quiet:
            await anyio.sleep(_LINGERS)
        weather.clear()
        history.say("world", "no faults from here on")
        await (self._rest() if self._quiet else self._settle())
        for program in (*replicas, *agents):
            program.crash()
            await program.ended()

    async def _suffer(self, misfortunes: Misfortunes, weather: Weather, users: Users) -> None:
        """The life of the cluster, up to its last act.

        That one has weather and no misfortunes: a program that starts again looks at everything
        anew, and so mends what it may have missed.
        """
        run = self._run
        async with anyio.create_task_group() as bad:
            bad.start_soon(misfortunes.run)
            bad.start_soon(self._change, weather)
            await self._users(users, beginning(run.script))
            await anyio.sleep(max(run.seconds - self._history.seconds, 0.0))
            bad.cancel_scope.cancel()
        weather.clear()
        await misfortunes.mend()
        self._history.say("world", "no misfortunes from here on")
        self._history.say("weather", weather.storm())

    async def _users(self, users: Users, script: Script) -> None:
        deadline = 3 * self._run.seconds + _PATIENCE
        with anyio.move_on_after(deadline) as scope:
            await users.play(script)
        if scope.cancelled_caught:
            self._history.problem(f"users still wait for something after {deadline:.0f} s")

    async def _change(self, weather: Weather) -> None:
        while True:
            seconds, words = weather.change()
            self._history.say("weather", words)
            await anyio.sleep(seconds)

    # Programs

    async def _operate(self, network: Network, process: Process) -> None:
        self._referee.replica(process)
        self._lives = getattr(self, "_lives", 0) + 1
        rng = self._rng(f"{process.name}/{self._lives}")
        connection = Connection(network, process)
        settings = Settings(namespace=OPERATOR, lease_namespace=OPERATOR)

        def give_up() -> None:
            self._history.say(process.name, "gives up: work that was cancelled does not end")
            program = self._replicas[process.name]
            program.crash()

        await operate(
            connection,
            settings,
            ProcessClock(process),
            rng,
            signals=False,
            stop=process.terminated,
            give_up=give_up,
        )

    async def _agents(self, network: Network, process: Process) -> None:
        self._lives = getattr(self, "_lives", 0) + 1
        rng = self._rng(f"{process.name}/{self._lives}")
        clock = ProcessClock(process)
        client = Client(Connection(network, process), clock=clock, rng=rng)
        informers = Informers(client, clock, rng)
        agents = Simulation(
            client,
            informers,
            OPERATOR,
            clock,
            rng,
            _BEHAVIOUR,
            ON_NODES,
        )
        async with anyio.create_task_group() as group:
            await group.start(informers.run)
            await play(agents, informers, self._run.scene.agents[process.name])

    # The end

    async def _rest(self) -> None:
        """Until a quiet run does not move any more."""
        before: Any = None
        since = self._history.seconds
        while self._history.seconds - max(since, self._referee.last_write) < _CALM:
            await anyio.sleep(_LOOKS)
            state = self._observer.look()
            if state != before:
                before, since = state, self._history.seconds
            if self._history.seconds > 10 * _PATIENCE:
                self._history.problem("a quiet run does not come to rest")
                return

    async def _settle(self) -> None:
        """Until all is as in the quiet run, and nobody writes any more."""
        expected = self._run.expected
        assert expected is not None
        deadline = self._history.seconds + _PATIENCE
        while (found := self._observer.look()) != expected:
            if self._history.seconds > deadline:
                self._history.problem(f"not as in the quiet run after {_PATIENCE:.0f} s:")
                for line in list(differences(expected, found))[:20]:
                    self._history.problem(line)
                return
            await anyio.sleep(_LOOKS)
        self._history.say("world", "all is as in the quiet run")
        while self._history.seconds - self._referee.last_write < _CALM:
            if self._history.seconds > deadline + _PATIENCE:
                self._history.problem("a steady cluster is still written to")
                return
            await anyio.sleep(_LOOKS)
        for line in differences(expected, self._observer.look()):
            self._history.problem(f"did not stay: {line}")


def _loop() -> WorldLoop:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, WorldLoop)
    return loop
