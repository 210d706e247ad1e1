"""What SIGUSR1 writes."""

from __future__ import annotations

import os
import signal

import anyio
import structlog

from ome.reconciler.tasks import dump_on_signal, waiting


async def sleeps_here() -> None:
    await anyio.sleep(30)


async def calls_it() -> None:
    await sleeps_here()


async def test_tasks_say_where_they_wait_outermost_first() -> None:
    async with anyio.create_task_group() as group:
        group.start_soon(calls_it, name="a task of ours")
        await anyio.wait_all_tasks_blocked()
        stacks = dict(waiting())
        group.cancel_scope.cancel()
    stack = stacks["a task of ours"]
    called = [line.rpartition(" ")[2] for line in stack]
    assert called.index("calls_it") + 1 == called.index("sleeps_here")
    assert stack[called.index("calls_it")].startswith(f"{__file__}:")


async def test_the_signal_is_answered_and_ends_nothing() -> None:
    with structlog.testing.capture_logs() as logs:
        async with anyio.create_task_group() as group:
            group.start_soon(dump_on_signal)
            group.start_soon(calls_it, name="a task of ours")
            await anyio.wait_all_tasks_blocked()
            for count in (1, 2):
                os.kill(os.getpid(), signal.SIGUSR1)
                with anyio.fail_after(5):
                    while sum(line["event"] == "tasks.dump" for line in logs) < count:
                        await anyio.wait_all_tasks_blocked()
            group.cancel_scope.cancel()
    stack = next(line["stack"] for line in logs if line.get("task") == "a task of ours")
    assert any(line.endswith(" sleeps_here") for line in stack)
