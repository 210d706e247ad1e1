"""Processes in one loop: frozen, asleep, killed."""

from __future__ import annotations

import asyncio
from contextvars import copy_context
from typing import TYPE_CHECKING, Any

import anyio

from hack.simulation.processes import PROCESS, Process, ProcessClock, WorldLoop

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    from anyio.abc import TaskGroup


def run(main: Callable[[WorldLoop], Awaitable[None]]) -> None:
    async def body() -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, WorldLoop)
        await main(loop)

    with asyncio.Runner(loop_factory=WorldLoop) as runner:
        runner.run(body())


def start(
    group: TaskGroup, process: Process, main: Callable[[], Coroutine[Any, Any, None]]
) -> None:
    context = copy_context()
    context.run(PROCESS.set, process)

    def begin() -> None:
        group.start_soon(main)

    context.run(begin)


def test_nothing_of_a_frozen_process_runs_and_all_of_it_afterwards() -> None:
    async def main(loop: WorldLoop) -> None:
        process, seen, woken = Process("p"), [], anyio.Event()
        began = loop.time()

        async def ticks() -> None:
            for _ in range(4):
                await anyio.sleep(1.0)
                seen.append(round(loop.time() - began, 1))

        async def wakes() -> None:
            await woken.wait()
            seen.append(-1.0)

        async with anyio.create_task_group() as group:
            start(group, process, ticks)
            start(group, process, wakes)
            await anyio.sleep(1.5)
            loop.freeze(process)
            await anyio.sleep(5.0)
            woken.set()
            await anyio.sleep(5.0)
            assert seen == [1.0]
            loop.thaw(process)
        assert seen == [1.0, -1.0, 11.5, 12.5, 13.5]

    run(main)


def test_a_deadline_that_passed_in_the_freeze_is_met_at_its_end() -> None:
    async def main(loop: WorldLoop) -> None:
        process, outcome = Process("p"), []

        async def waits() -> None:
            with anyio.move_on_after(3.0) as scope:
                await anyio.sleep(60.0)
            outcome.append(scope.cancelled_caught)

        async with anyio.create_task_group() as group:
            start(group, process, waits)
            await anyio.sleep(1.0)
            loop.freeze(process)
            await anyio.sleep(30.0)
            assert outcome == []
            loop.thaw(process)
        assert outcome == [True]

    run(main)


def test_asleep_only_boottime_goes_on() -> None:
    async def main(loop: WorldLoop) -> None:
        process = Process("p")
        clock = ProcessClock(process)
        seen: dict[str, float] = {}

        async def naps() -> None:
            monotonic, boottime, wall = clock.monotonic(), clock.boottime(), clock.wall()
            with anyio.move_on_after(8.0):
                await anyio.sleep(7.0)
            seen["monotonic"] = round(clock.monotonic() - monotonic, 3)
            seen["boottime"] = round(clock.boottime() - boottime, 3)
            seen["wall"] = round(clock.wall() - wall, 3)

        async with anyio.create_task_group() as group:
            start(group, process, naps)
            await anyio.sleep(2.0)
            loop.freeze(process)
            await anyio.sleep(100.0)
            loop.thaw(process, slept=100.0)
        assert seen == {"monotonic": 7.0, "boottime": 107.0, "wall": 107.0}

    run(main)
