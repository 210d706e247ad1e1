"""What befalls whole programs, nodes and the server, one thing after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

    from anyio.abc import TaskGroup

    from .cluster import Machines
    from .history import History
    from .network import Network
    from .processes import Process
    from .programs import Program

__all__ = ["MISFORTUNES", "Misfortunes"]

_WEIGHTS = {
    "crash": 3,
    "stop": 2,
    "freeze": 7,
    "suspend": 2,
    "clock-jump": 2,
    "outage": 2,
    "cut-off": 2,
    "compaction": 3,
    "agents-die": 3,
    "node-vanishes": 3,
}
MISFORTUNES = tuple(_WEIGHTS)
_MEAN_PAUSE = 75.0
_IMPATIENT = 0.4
"""How often a stop is asked for twice."""
_LONGEST_JUMP = 7_200.0
_FROZEN = ((4.0, 17.0), (17.0, 45.0))


class Misfortunes:
    """Draws them from a seed; ``run`` until cancelled, then ``mend``."""

    def __init__(
        self,
        rng: random.Random,
        history: History,
        network: Network,
        machines: Machines,
        replicas: Sequence[Program],
        agents: Sequence[Program],
    ) -> None:
        self._rng = rng
        self._history = history
        self._network = network
        self._machines = machines
        self._replicas = replicas
        self._agents = agents

    async def run(self) -> None:
        """One after the other; the ends of some come while others begin."""
        try:
            async with anyio.create_task_group() as group:
                while True:
                    await anyio.sleep(self._rng.expovariate(1 / _MEAN_PAUSE))
                    (kind,) = self._rng.choices(MISFORTUNES, list(_WEIGHTS.values()))
                    self._strike(kind, group)
        finally:
            self._network.back()
            self._machines.forget_writes()

    async def mend(self) -> None:
        """Bring back whatever is away."""
        for program in (*self._replicas, *self._agents):
            if program.process is not None:
                program.thaw(program.process)
            if program.process is None or program.stopping:
                await program.restart(0.0)
        await self._machines.bring_back()

    def _strike(self, kind: str, group: TaskGroup) -> None:
        rng = self._rng
        match kind:
            case "crash" | "stop":
                self._end(kind, self._replica(), group, rng.choice((0.0, 2.0, 30.0)))
            case "agents-die":
                self._end("agents-die", rng.choice(self._agents), group, rng.uniform(1.0, 240.0))
            case "freeze" | "suspend":
                self._freeze(kind, group)
            case "clock-jump":
                self._jump()
            case "outage":
                group.start_soon(self._cut_off, kind, None, rng.uniform(5.0, 180.0))
            case "cut-off":
                names = frozenset({rng.choice((*self._replicas, *self._agents)).name})
                group.start_soon(self._cut_off, kind, names, rng.uniform(5.0, 60.0))
            case "compaction":
                self._history.fault(kind, "etcd")
                self._machines.compact()
            case "node-vanishes":
                group.start_soon(self._vanish, rng.uniform(5.0, 400.0))
            case other:
                raise ValueError(other)

    def _replica(self) -> Program:
        """More often the one that leads."""
        leader = self._machines.leader()
        for replica in self._replicas:
            if replica.name == leader and self._rng.random() < 0.6:
                return replica
        return self._rng.choice(self._replicas)

    def _end(self, kind: str, program: Program, group: TaskGroup, away: float) -> None:
        if program.process is None or (kind == "stop" and program.stopping):
            return
        self._history.fault(kind, program.name, f"for {away:.0f} s")
        if kind == "stop":
            program.stop()
            if self._rng.random() < _IMPATIENT:
                group.start_soon(self._insist, program, self._rng.uniform(0.0, 1.0))
        else:
            program.crash()
        group.start_soon(program.restart, away)

    async def _insist(self, program: Program, after: float) -> None:
        """Tell it once more, if it still stops then."""
        await anyio.sleep(after)
        if program.stopping:
            self._history.say(program.name, "is told to stop once more")
            program.insist()

    def _freeze(self, kind: str, group: TaskGroup) -> None:
        program = self._replica()
        # Half of them well past the Lease, which somebody else has by then.
        seconds = self._rng.uniform(*self._rng.choice(_FROZEN))
        if self._rng.random() < 0.75:
            # In the middle of its work: when the next write of it has just arrived.
            self._machines.at_next_write(
                program.name, lambda: self._freeze_now(kind, program, seconds, group)
            )
        else:
            self._freeze_now(kind, program, seconds, group)

    def _freeze_now(self, kind: str, program: Program, seconds: float, group: TaskGroup) -> None:
        process = program.freeze()
        if process is not None:
            self._history.fault(kind, program.name, f"for {seconds:.1f} s")
            group.start_soon(self._thaw, kind, program, process, seconds)

    async def _thaw(self, kind: str, program: Program, process: Process, seconds: float) -> None:
        began = self._history.seconds
        try:
            await anyio.sleep(seconds)
        finally:
            if program.process is process:
                slept = self._history.seconds - began if kind == "suspend" else 0.0
                program.thaw(process, slept)
                self._history.say(program.name, "goes on")

    def _jump(self) -> None:
        program = self._rng.choice((*self._replicas, *self._agents))
        seconds = self._rng.uniform(-_LONGEST_JUMP, _LONGEST_JUMP)
        if program.process is not None:
            self._history.fault("clock-jump", program.name, f"by {seconds:.0f} s")
            program.process.wall_offset += seconds

    async def _cut_off(self, kind: str, names: frozenset[str] | None, seconds: float) -> None:
        silent = self._rng.random() < 0.4
        who = "all" if names is None else ", ".join(sorted(names))
        how = "silently" if silent else "refused"
        self._history.fault(kind, who, f"for {seconds:.0f} s, {how}")
        self._network.cut_off(names, silent=silent)
        await anyio.sleep(seconds)
        self._network.back()
        self._history.say(who, "reaches the server again")

    async def _vanish(self, seconds: float) -> None:
        name = self._machines.draw(self._rng)
        if name is None:
            return
        self._history.fault("node-vanishes", name, f"for {seconds:.0f} s")
        await self._machines.remove(name)
        await anyio.sleep(seconds)
        self._history.say(name, "is back")
        await self._machines.add(name)
