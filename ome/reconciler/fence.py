"""The fence: when a replica may write, by its own clock alone.

A Lease does not stop anybody: a replica that was frozen wakes up and goes on in the middle of a
write. So writes are admitted only until ``renew`` seconds after the last successful renewal was
*sent*, measured by a clock that goes on while the machine sleeps; and the server is told to give up
a write before the Lease runs out for the others::

    sent ---- writes begin ---- +10 no write begins ---- +14 all have ended ---- +15 others may lead

Who gives the Lease back lets others lead at once, so it asks first whether all writes have ended.
A write without an answer, because it was cancelled or its connection broke, has ended when the time
that the server was told is over.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ome.errors import NotLeading
from ome.kube.transport import NotSent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ome.clock import Clock

__all__ = ["Fence", "Timing"]


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds; ``renew + unwind`` must be less than ``lease``."""

    lease: float = 15.0
    """How long others wait after the last renewal that they saw."""
    renew: float = 10.0
    """How long a leader goes on after it sent the last renewal that succeeded."""
    retry: float = 2.0
    """Between two renewals, and between two looks where the Lease cannot be watched."""
    unwind: float = 4.0
    """What work that was cancelled may take to end before the process is ended."""

    def __post_init__(self) -> None:
        if not self.retry < self.renew or not self.renew + self.unwind < self.lease:
            raise ValueError(f"{self}: retry < renew and renew + unwind < lease must hold")


class Fence:
    """A ``WriteGuard`` that opens with each renewal and closes by itself."""

    def __init__(
        self, clock: Clock, timing: Timing, refused: Callable[[], None] | None = None
    ) -> None:
        """``refused`` is called for each write that is not admitted."""
        self._clock = clock
        self._timing = timing
        self._refused = refused
        self._sent: float | None = None
        self._in_flight = 0
        self._ended_by = 0.0
        """The ``boottime`` by which every write without an answer has ended."""

    def renewed(self, sent: float) -> None:
        """A renewal that was sent at this ``boottime`` has succeeded."""
        self._sent = sent

    def close(self) -> None:
        """No write begins from now on."""
        self._sent = None

    def left(self) -> float:
        """Seconds in which writes may begin; 0 when closed."""
        if self._sent is None:
            return 0.0
        return max(0.0, self._sent + self._timing.renew - self._clock.boottime())

    def admit(self) -> float:
        """See ``WriteGuard.admit``."""
        left = self.left()
        if left <= 0:
            if self._refused is not None:
                self._refused()
            raise NotLeading("this replica does not lead: the write was not sent")
        return left + self._timing.unwind

    @contextmanager
    def in_flight(self, seconds: float) -> Iterator[None]:
        """See ``WriteGuard.in_flight``."""
        ends = self._clock.boottime() + seconds
        self._in_flight += 1
        try:
            yield
        except (NotSent, NotLeading):
            raise
        except BaseException:  # a cancellation does not call back what was sent
            self._ended_by = max(self._ended_by, ends)
            raise
        finally:
            self._in_flight -= 1

    def may_arrive(self) -> bool:
        """Whether a write that was sent may still reach the server."""
        return self._in_flight > 0 or self._ended_by > self._clock.boottime()
