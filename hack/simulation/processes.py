"""Processes inside one event loop: each can be frozen, suspended and killed, as real ones.

A task belongs to the process that its context names. While a process is frozen none of its
callbacks runs: what became ready waits, in order, and so do timers that are due. Thawed, it finds
all of that at once, as after SIGCONT. Suspended (the whole machine sleeps) its monotonic clock
stands still as well, and only ``boottime`` goes on.

Tasks and cancel scopes have a hash of their own, counted up, because sets of them are iterated (by
anyio, when it cancels) and an order of addresses in memory would not replay.
"""

from __future__ import annotations

import asyncio
from contextvars import Context, ContextVar, copy_context
from typing import TYPE_CHECKING, Any

from anyio._backends import _asyncio

from tests.support.virtual_time import VirtualLoop

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

__all__ = ["PROCESS", "Process", "ProcessClock", "WorldLoop"]

EPOCH = 1_780_000_000.0
_BOOTED = 5_000.0


class Process:
    """One of the simulated programs."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.frozen = False
        self.dead = False
        """Killed: what is left of it reaches nobody."""
        self.lost = 0.0
        """Seconds that its machine slept."""
        self.wall_offset = 0.0
        self.held: list[asyncio.Handle] = []

    def __repr__(self) -> str:
        return self.name


PROCESS: ContextVar[Process | None] = ContextVar("process", default=None)


class _Task(asyncio.Task[Any]):
    count = 0

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        _Task.count += 1
        self._serial = _Task.count
        super().__init__(*args, **kwargs)

    def __hash__(self) -> int:
        return self._serial


class _Scope(_asyncio.CancelScope):
    __slots__ = ("_serial",)
    count = 0

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        _Scope.count += 1
        self._serial = _Scope.count
        super().__init__(*args, **kwargs)

    def __hash__(self) -> int:
        return self._serial


_asyncio.CancelScope = _Scope  # type: ignore[misc]


def _reset() -> None:
    _Task.count = _Scope.count = 0


class WorldLoop(VirtualLoop):
    """A loop in virtual time that knows processes."""

    def __init__(self) -> None:
        super().__init__()
        self._virtual.select = self._pass  # type: ignore[method-assign]
        _reset()
        self.set_task_factory(_make_task)  # type: ignore[arg-type]

    def _pass(self, timeout: float | None = None) -> list[Any]:
        """Let time pass; there are no sockets to ask, which would cost more than all else here."""
        if timeout is None:
            raise RuntimeError("deadlock: nothing is scheduled and nothing is ready")
        self._virtual.now += max(timeout, 0.0)
        return []

    def time(self) -> float:
        process, now = PROCESS.get(), self._virtual.now
        return now if process is None else now - process.lost

    def call_soon(  # type: ignore[override] # without the types of the arguments
        self, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        process = PROCESS.get() if context is None else context.get(PROCESS)
        if process is None or not process.frozen:
            return super().call_soon(callback, *args, context=context)
        handle = asyncio.Handle(callback, args, self, context)
        process.held.append(handle)
        return handle

    def call_at(  # type: ignore[override]
        self, when: float, callback: Callable[..., object], *args: Any,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:  # fmt: skip
        process = PROCESS.get() if context is None else context.get(PROCESS)
        if process is None:
            return super().call_at(when, callback, *args, context=context)
        cell: list[asyncio.TimerHandle] = []
        timer = super().call_at(
            when + process.lost, self._due, cell, process, when, callback, args, context=context
        )
        cell.append(timer)
        return timer

    def _due(
        self,
        cell: list[asyncio.TimerHandle],
        process: Process,
        when: float,
        callback: Callable[..., object],
        args: tuple[Any, ...],
    ) -> None:
        if cell[0].cancelled():
            return
        again = (self._due, cell, process, when, callback, args)
        if process.frozen:
            process.held.append(asyncio.Handle(again[0], again[1:], self, copy_context()))
        elif self.time() + 1e-6 < when:  # the machine slept meanwhile
            super().call_at(when + process.lost, *again)  # type: ignore[call-arg,arg-type]
        else:
            callback(*args)

    def freeze(self, process: Process) -> None:
        """Nothing of it runs from now on."""
        process.frozen = True

    def thaw(self, process: Process, slept: float = 0.0) -> None:
        """It goes on with what became ready meanwhile; ``slept``: its clock stood still."""
        process.frozen = False
        process.lost += slept
        held, process.held = process.held, []
        self._ready.extend(held)  # type: ignore[attr-defined]


class ProcessClock:
    """The ``Clock`` of one process (None: of the world)."""

    def __init__(self, process: Process | None = None) -> None:
        self._process = process

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()

    def wall(self) -> float:
        offset = 0.0 if self._process is None else self._process.wall_offset
        return EPOCH + self._passed() + offset

    def boottime(self) -> float:
        return _BOOTED + self._passed()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def _passed(self) -> float:
        lost = 0.0 if self._process is None else self._process.lost
        return asyncio.get_running_loop().time() + lost


def _make_task(
    loop: asyncio.AbstractEventLoop, coro: Coroutine[Any, Any, Any], **options: Any
) -> asyncio.Task[Any]:
    return _Task(coro, loop=loop, **options)
