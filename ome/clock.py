"""Time from outside: everything that reads or waits for time is given a ``Clock``.

Waiting and deadlines go through the event loop (``anyio.sleep``, cancel scopes), so a loop that
runs in virtual time moves all of them at once; only wall-clock stamps need an object of their own.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from functools import lru_cache
from typing import Protocol

import anyio

_BOOTTIME = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)  # Linux has the first

__all__ = ["Clock", "SystemClock", "rfc3339", "rfc3339_micro"]


class Clock(Protocol):
    """What the rest of the house may ask about time."""

    def monotonic(self) -> float:
        """Seconds that never go back, on the event loop's clock; for intervals."""
        ...

    def wall(self) -> float:
        """Seconds since 1970 UTC; for stamps that other programs read."""
        ...

    def boottime(self) -> float:
        """Seconds that never go back and go on while the machine is suspended; for leases."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait on the event loop; cancellable."""
        ...


class SystemClock:
    """The clock of the running event loop and of the machine."""

    def monotonic(self) -> float:
        # What asyncio's loops and so anyio's deadlines count by; asked for with each event, and
        # anyio's own way to it costs as much as decoding one.
        return time.monotonic()

    def wall(self) -> float:
        return time.time()

    def boottime(self) -> float:
        return time.clock_gettime(_BOOTTIME)

    async def sleep(self, seconds: float) -> None:
        await anyio.sleep(seconds)


def rfc3339(wall: float) -> str:
    """A ``metav1.Time``: UTC, whole seconds."""
    return _second(int(wall))


def rfc3339_micro(wall: float) -> str:
    """A ``metav1.MicroTime``: UTC, microseconds."""
    return _stamp(wall, "microseconds")


@lru_cache(maxsize=1)
def _second(wall: int) -> str:
    return _stamp(wall, "seconds")  # many passes of one second ask for it


def _stamp(wall: float, precision: str) -> str:
    # Several stamps with each write: isoformat takes a fifth of what strftime does.
    return datetime.fromtimestamp(wall, UTC).isoformat(timespec=precision)[:-6] + "Z"
