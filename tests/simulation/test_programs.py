"""Programs that end: by a signal that they heed, by one that they cannot, and while frozen."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

import anyio
import pytest

from hack.simulation.history import History
from hack.simulation.processes import WorldLoop
from hack.simulation.programs import Program

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from hack.simulation.network import Network
    from hack.simulation.processes import Process


class Graves:
    """The network, as far as programs know it."""

    def __init__(self) -> None:
        self.buried: list[Process] = []

    def bury(self, process: Process) -> None:
        self.buried.append(process)


def play(body: Callable[[Program, WorldLoop], Awaitable[None]]) -> list[str]:
    """A program that needs two seconds to stop; gives what it came to."""
    done: list[str] = []

    async def main(process: Process) -> None:
        done.append("began")
        await process.terminated.wait()
        await anyio.sleep(2.0)
        done.append("ended")

    async def stage() -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, WorldLoop)
        async with anyio.create_task_group() as group:
            program = Program(
                "p",
                main,
                group=group,
                loop=loop,
                network=cast("Network", Graves()),
                history=History(),
            )
            program.start()
            await anyio.sleep(1.0)
            await body(program, loop)
            group.cancel_scope.cancel()

    with asyncio.Runner(loop_factory=WorldLoop) as runner:
        runner.run(stage())
    return done


def test_who_is_told_to_stop_ends_what_it_began_and_then_starts_again() -> None:
    async def body(program: Program, loop: WorldLoop) -> None:
        began = loop.time()
        program.stop()
        await program.restart(1.0)
        assert loop.time() - began == pytest.approx(3.0)
        assert program.process is not None
        assert not program.stopping
        await anyio.sleep(0.1)

    assert play(body) == ["began", "ended", "began"]


def test_who_is_killed_while_it_stops_ends_nothing() -> None:
    async def body(program: Program, loop: WorldLoop) -> None:
        program.stop()
        await anyio.sleep(1.0)
        program.crash()
        await program.ended()
        assert program.process is None

    assert play(body) == ["began"]


def test_who_is_told_twice_ends_at_once() -> None:
    async def body(program: Program, loop: WorldLoop) -> None:
        program.stop()
        await anyio.sleep(1.0)
        program.insist()
        assert program.freeze() is None
        await program.ended()
        assert loop.time() == pytest.approx(1002.0)

    assert play(body) == ["began"]


def test_who_is_frozen_learns_of_a_stop_when_it_goes_on() -> None:
    async def body(program: Program, loop: WorldLoop) -> None:
        process = program.freeze()
        assert process is not None
        program.stop()
        await anyio.sleep(10.0)
        assert program.stopping
        program.thaw(process)
        await anyio.sleep(2.5)
        assert program.process is None

    assert play(body) == ["began", "ended"]
