"""When a model's status may be written: at once first, then no more often than its size allows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Hashable

__all__ = ["Pace"]


@dataclass(slots=True)
class _Last:
    at: float
    interval: float
    early: bool = False


class Pace:
    """Remembers the last write of each status; times are seconds on one monotonic clock.

    A write of a new ``state`` may come before its time, once in each interval.
    """

    def __init__(self) -> None:
        self._last: dict[Hashable, _Last] = {}

    def wait(self, key: Hashable, now: float, *, new_state: bool) -> float:
        """Seconds until the status may be written; 0 means now."""
        last = self._last.get(key)
        if last is None or now - last.at >= last.interval:
            return 0.0
        if new_state and not last.early:
            return 0.0
        return last.at + last.interval - now

    def wrote(self, key: Hashable, now: float, interval: float) -> None:
        """The status was written and is to rest for ``interval`` seconds."""
        last = self._last.get(key)
        if last is not None and now - last.at < last.interval:
            # An early write: the interval it came in goes on, so there is no second one.
            last.early = True
            return
        self._last[key] = _Last(now, interval)

    def forget(self, key: Hashable) -> None:
        """The model is gone."""
        self._last.pop(key, None)
