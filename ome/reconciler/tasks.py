"""What every task of the process waits for, written down when somebody sends SIGUSR1.

Threads' stacks come first, from a handler that needs no event loop: they tell of a loop that is
stuck. The tasks follow as log lines once the loop runs again.
"""

from __future__ import annotations

import asyncio
import faulthandler
import signal
from typing import TYPE_CHECKING, Any

import anyio
import structlog

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["dump_on_signal", "waiting"]

log = structlog.get_logger("tasks")


async def dump_on_signal(number: signal.Signals = signal.SIGUSR1) -> None:
    """Write the stacks whenever the signal comes, until cancelled."""
    with anyio.open_signal_receiver(number) as received:
        # Registered second, it is called first and passes the signal on to the loop.
        faulthandler.register(number, all_threads=True, chain=True)
        try:
            async for _ in received:
                found = waiting()
                log.info("tasks.dump", count=len(found))
                for name, stack in found:
                    log.info("tasks.task", task=name, stack=stack)
        finally:
            faulthandler.unregister(number)


def waiting() -> list[tuple[str, list[str]]]:
    """Every task of this loop by name, with where it is, outermost call first."""
    return sorted((task.get_name(), list(_frames(task.get_coro()))) for task in asyncio.all_tasks())


def _frames(awaited: Any) -> Iterator[str]:
    """Through coroutines and async generators, down to what is no frame of Python's."""
    while awaited is not None:
        for prefix in ("cr", "ag", "gi"):
            frame = getattr(awaited, f"{prefix}_frame", None)
            if frame is not None:
                code = frame.f_code
                yield f"{code.co_filename}:{frame.f_lineno} {code.co_qualname}"
                inner = "gi_yieldfrom" if prefix == "gi" else f"{prefix}_await"
                awaited = getattr(awaited, inner, None)
                break
        else:
            return
