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
import heapq
import math
from contextvars import Context, ContextVar, copy_context
from typing import TYPE_CHECKING, Any

import anyio
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
        self.terminated = anyio.Event()
        """SIGTERM has come."""
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

    def __hash__(self) -> int:
        try:
            return self._serial
        except AttributeError:
            _Task.count += 1
            self._serial = _Task.count
            return self._serial


class _Scope(_asyncio.CancelScope):
    __slots__ = ("_serial",)
    count = 0

    def __hash__(self) -> int:
        try:
            return self._serial
        except AttributeError:
            _Scope.count += 1
            self._serial = _Scope.count
            return self._serial


_asyncio.CancelScope = _Scope  # type: ignore[misc]


def _reset() -> None:
    _Task.count = _Scope.count = 0


class _Handle(asyncio.Handle):
    """What is to run soon; made without asking whether the loop is debugged."""

    __slots__ = ()

    def __init__(
        self,
        callback: Callable[..., object],
        args: tuple[Any, ...],
        loop: asyncio.AbstractEventLoop,
        context: Context | None,
    ) -> None:
        self._context = copy_context() if context is None else context
        self._loop = loop
        self._callback = callback
        self._args = args
        self._cancelled = False
        self._repr = self._source_traceback = None


class _Timer(_Handle, asyncio.TimerHandle):
    """What is to run at a time of the world, whatever the time of its process is."""

    __slots__ = ()

    def __init__(
        self,
        when: float,
        callback: Callable[..., object],
        args: tuple[Any, ...],
        loop: asyncio.AbstractEventLoop,
        context: Context | None,
    ) -> None:
        _Handle.__init__(self, callback, args, loop, context)
        self._when = when
        self._scheduled = True


class WorldLoop(VirtualLoop):
    """A loop in virtual time that knows processes.

    It has no sockets to ask, and a turn of it is short: what a seed costs is mostly turns.
    """

    def __init__(self) -> None:
        super().__init__()
        _reset()
        self._timers: list[tuple[float, int, _Timer]] = []
        self._serial = 0
        self._frozen = 0
        self.set_task_factory(_make_task)  # type: ignore[arg-type]

    def time(self) -> float:
        process, now = PROCESS.get(), self._virtual.now
        return now if process is None else now - process.lost

    def call_soon(  # type: ignore[override] # without the types of the arguments
        self, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        handle = _Handle(callback, args, self, context)
        self._ready.append(handle)  # type: ignore[attr-defined]
        return handle

    def call_at(  # type: ignore[override]
        self, when: float, callback: Callable[..., object], *args: Any,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:  # fmt: skip
        process = PROCESS.get() if context is None else context.get(PROCESS)
        if process is not None and process.lost:
            lost, deadline = process.lost, when
            when += lost
            while when - lost < deadline:  # rounded down: it would come too early for its process
                when = math.nextafter(when, math.inf)
        timer = _Timer(when, callback, args, self, context)
        self._arm(timer)
        return timer

    def _arm(self, timer: _Timer) -> None:
        self._serial += 1
        heapq.heappush(self._timers, (timer._when, self._serial, timer))

    def _timer_handle_cancelled(self, _: asyncio.TimerHandle) -> None:
        """Nothing to count: it is dropped when its time has come."""

    def _run_once(self) -> None:
        ready, timers = self._ready, self._timers  # type: ignore[attr-defined]
        while timers and timers[0][2]._cancelled:
            heapq.heappop(timers)
        if not ready and not self._stopping:  # type: ignore[attr-defined]
            if not timers:
                raise RuntimeError("deadlock: nothing is scheduled and nothing is ready")
            self._virtual.now = max(self._virtual.now, timers[0][0])
        due = self._virtual.now + self._clock_resolution
        while timers and timers[0][0] < due:
            ready.append(heapq.heappop(timers)[2])
        for _ in range(len(ready)):
            handle = ready.popleft()
            if handle._cancelled:
                continue
            if self._frozen and self._holds(handle):
                continue
            handle._run()

    def _holds(self, handle: asyncio.Handle) -> bool:
        """Whether this belongs to a frozen process, and so waits until that goes on."""
        process = handle._context.get(PROCESS)  # type: ignore[attr-defined]
        if process is None or not process.frozen:
            return False
        process.held.append(handle)
        return True

    def freeze(self, process: Process) -> None:
        """Nothing of it runs from now on."""
        self._frozen += not process.frozen
        process.frozen = True

    def thaw(self, process: Process, slept: float = 0.0) -> None:
        """It goes on with what became ready meanwhile; ``slept``: its clock stood still."""
        self._frozen -= process.frozen
        process.frozen = False
        held, process.held = process.held, []
        if slept:
            process.lost += slept
            held = self._postponed(process, held, slept)
        self._ready.extend(held)  # type: ignore[attr-defined]

    def _postponed(
        self, process: Process, held: list[asyncio.Handle], slept: float
    ) -> list[asyncio.Handle]:
        """Put off the timers of a process whose clock stood still; gives what is due anyway."""
        now = self._virtual.now
        for entry in self._timers:
            if entry[2]._context.get(PROCESS) is process:
                entry[2]._when += slept
        self._timers[:] = [(timer._when, serial, timer) for _, serial, timer in self._timers]
        heapq.heapify(self._timers)
        due = []
        for handle in held:
            if isinstance(handle, _Timer) and handle._when + slept > now:
                handle._when += slept
                self._arm(handle)
            else:
                due.append(handle)
        return due


class ProcessClock:
    """The ``Clock`` of one process (None: of the world); made inside the loop."""

    def __init__(self, process: Process | None = None) -> None:
        self._process = Process("world") if process is None else process
        loop = asyncio.get_running_loop()
        assert isinstance(loop, WorldLoop)
        self._world = loop._virtual

    def monotonic(self) -> float:
        return self._world.now - self._process.lost

    def wall(self) -> float:
        return EPOCH + self._world.now + self._process.wall_offset

    def boottime(self) -> float:
        return _BOOTED + self._world.now

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


def _make_task(
    loop: asyncio.AbstractEventLoop, coro: Coroutine[Any, Any, Any], **options: Any
) -> asyncio.Task[Any]:
    return _Task(coro, loop=loop, **options)
