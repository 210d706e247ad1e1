from __future__ import annotations

import random
import time

import anyio
import anyio.lowlevel

from ome.clock import SystemClock
from ome.informers.backoff import Backoff
from ome.informers.budget import Budget
from ome.informers.registry import Informers
from tests.informers.server import THINGS, Server, Thing
from tests.informers.support import running
from tests.support.virtual_time import VirtualClock, run_virtual


async def test_a_burst_gives_the_loop_back_every_few_milliseconds() -> None:
    server = Server(random.Random(1), page=1000)
    for number in range(3000):
        server.put(f"thing-{number}", number)
    informers = Informers(server, SystemClock(), random.Random(1))
    informer = informers.informer(THINGS, Thing)

    def slow(old: object, new: object) -> None:
        until = time.perf_counter() + 0.00005
        while time.perf_counter() < until:
            pass

    informer.add_handler(slow)
    turns = 0
    async with anyio.create_task_group() as tasks:
        await tasks.start(informers.run)
        with anyio.fail_after(10):
            while not informer.synced:
                turns += 1
                await anyio.lowlevel.checkpoint()
        tasks.cancel_scope.cancel()
    assert turns >= 20, "3000 handlers of 50 us are 150 ms: thirty turns of five"


def test_in_virtual_time_steps_are_counted() -> None:
    async def main() -> None:
        budget = Budget(VirtualClock(), most=64)
        await budget.rest()
        steps = 0
        while not budget.spent():
            steps += 1
        assert steps == 63

    run_virtual(main)


def test_a_long_list_is_shared_with_others() -> None:
    async def main() -> None:
        server = Server(random.Random(1), page=5000)
        for number in range(5000):
            server.put(f"thing-{number}", number)
        turns = 0
        async with running(server) as (_, informer, _recorder):
            while not informer.synced:
                turns += 1
                await anyio.lowlevel.checkpoint()
        assert turns > 15

    run_virtual(main)


def test_backoff_is_jittered_and_bounded() -> None:
    backoff = Backoff(random.Random(1))
    delays = [backoff.next() for _ in range(2000)]
    assert all(1 <= delay <= 30 for delay in delays)
    assert len(set(delays)) == 2000
    backoff.reset()
    assert backoff.failures == 0
    assert backoff.next(1000.0) <= 121
    assert 1 <= backoff.next(0.0)
