"""An event loop in virtual time: sleeping costs nothing and every run is the same."""

from __future__ import annotations

import asyncio
import selectors
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

T = TypeVar("T")


class _VirtualSelector(selectors.DefaultSelector):
    """Never waits: a timeout moves the clock forward instead."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1000.0

    def select(self, timeout: float | None = None) -> Any:
        ready = super().select(0)
        if ready:
            return ready
        if timeout is None:
            raise RuntimeError("deadlock: nothing is scheduled and nothing is ready")
        self.now += max(timeout, 0.0)
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """A selector loop whose clock stands still while anything is ready to run."""

    def __init__(self) -> None:
        self._virtual = _VirtualSelector()
        super().__init__(self._virtual)
        # Finer than a float is after half a year: a timer of just now would never be due.
        self._clock_resolution = 1e-6

    def time(self) -> float:
        return self._virtual.now


class VirtualClock:
    """The ``Clock`` of a virtual loop; the wall clock starts at a fixed second."""

    EPOCH = 1_780_000_000.0

    suspended = 0.0
    """Seconds that the machine has slept: only ``boottime`` counts them."""

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()

    def wall(self) -> float:
        return self.EPOCH + self.monotonic()

    def boottime(self) -> float:
        return self.monotonic() + self.suspended

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


def run_virtual(main: Callable[[], Awaitable[T]]) -> T:
    """Run ``main`` to its end in a fresh virtual loop and give back its result."""

    async def body() -> T:
        return await main()

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(body())


def virtual(test: Callable[[], Awaitable[None]]) -> Callable[[], None]:
    """A test that runs in virtual time."""

    def run() -> None:
        run_virtual(test)

    run.__name__ = test.__name__
    run.__doc__ = test.__doc__
    return run
