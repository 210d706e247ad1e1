"""When a model's status may be written: at once first, then no more often than its size allows.

Writes that wait become due on the same ticks: what wakes up once for several of them does each in
less time than one that wakes up alone.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Hashable

__all__ = ["Pace"]

_LOOKS = 0.4
"""Share of a write's interval between two looks that find nothing to write."""
_TICKS = 3
"""Times in a second at which waiting writes become due; none waits half a second longer for it."""


@dataclass(frozen=True, slots=True)
class _Last:
    at: float
    interval: float
    state: str
    early: bool


@dataclass(slots=True)
class _Coming:
    state: str
    saved: int = 0


class Pace:
    """Remembers the last write of each status; times are seconds on one monotonic clock.

    A write of a new ``state`` may come before its time, but no two such writes in a row: between
    two writes that are not early lies at least one interval, so there are at most two in each.
    """

    def __init__(self) -> None:
        self._last: dict[Hashable, _Last] = {}
        self._looked: dict[Hashable, tuple[float, str]] = {}
        self._coming: dict[Hashable, _Coming] = {}

    def coming(self, key: Hashable, state: str) -> bool:
        """Whether a pass that will see what changed is on its way; else the caller calls for one.

        Until that pass begins, further changes that leave the state as it is need do nothing. A new
        state may be written earlier, so it calls again.
        """
        coming = self._coming.get(key)
        if coming is not None and coming.state == state:
            coming.saved += 1
            return True
        self._coming[key] = _Coming(state)
        return False

    def began(self, key: Hashable) -> int:
        """A pass begins: it sees all changes so far, and the next one calls for another.

        Gives how many changes waited for this pass beside the one that called for it.
        """
        coming = self._coming.pop(key, None)
        return 0 if coming is None else coming.saved

    def wait(self, key: Hashable, now: float, state: str) -> float:
        """Seconds until a status with this state may be written; 0 means now."""
        until, seen = self._looked.get(key, (now, ""))
        if now < until and state == seen:
            return _on_tick(until) - now
        last = self._last.get(key)
        if last is None or now - last.at >= last.interval:
            return 0.0
        if state != last.state and not last.early:
            return 0.0
        return _on_tick(last.at + last.interval) - now

    def wrote(self, key: Hashable, now: float, interval: float, state: str) -> None:
        """A status is written now; the next one is to come ``interval`` seconds later."""
        early = key in self._last and now - self._last[key].at < self._last[key].interval
        self._last[key] = _Last(now, interval, state, early)

    def looked(self, key: Hashable, now: float, interval: float, state: str) -> None:
        """There was nothing to write; a look costs all reports, so the next one waits too.

        Only a part of what a write waits, and not when the state changes: the first change after
        a quiet time is to be told soon.
        """
        self._looked[key] = (now + interval * _LOOKS, state)

    def forget(self, key: Hashable) -> None:
        """The model is gone, or its write failed: the next one may come at once."""
        for held in (self._last, self._looked, self._coming):
            held.pop(key, None)


def _on_tick(due: float) -> float:
    return max(due, math.ceil(due * _TICKS) / _TICKS)
