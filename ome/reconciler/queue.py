"""The work queue: which key runs next.

A key is in at most one of these places at a time that matter: *ready* (waiting for a worker),
*processing* (one worker has it) and *delayed* (the timer will make it ready). Adding a key that is
ready changes nothing but perhaps its priority; adding one that is processing marks it *dirty*, and
it becomes ready again when the worker is done. So one key never runs twice at once and no change is
ever lost, however many events there are.

Ready keys run by priority, higher first. Waiting raises a key: each ``ageing`` seconds are worth
one step, so a relist (low) never starves an edit (high) and is never starved by edits either.

Races: there are none to speak of. One event loop, no locks, and no ``await`` between looking at a
set and changing it. The queue holds each key at most once in each place, so its memory is bounded
by the number of objects.
"""

from __future__ import annotations

import heapq
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

import anyio

from ome.reconciler.ratelimiter import RateLimiter

if TYPE_CHECKING:
    import random
    from collections.abc import Hashable

    from ome.clock import Clock

__all__ = ["HIGH", "LOW", "QueueMetrics", "QueueShutDown", "WorkQueue"]

K = TypeVar("K", bound="Hashable")

HIGH = 0
"""Priority of a change that somebody just made."""
LOW = -100
"""Priority of first lists and resyncs."""

_AGEING = 0.1
_LONG_AGO = 3600.0


class QueueShutDown(Exception):
    """``get`` after ``shut_down``: there is nothing more to do."""


class QueueMetrics(Protocol):
    """What a queue reports; names follow the workqueue metrics of client-go."""

    def added(self) -> None: ...
    def depth(self, size: int) -> None: ...
    def waited(self, seconds: float) -> None: ...
    def worked(self, seconds: float) -> None: ...
    def retried(self) -> None: ...


class _NoMetrics:
    def added(self) -> None: ...
    def depth(self, size: int) -> None: ...
    def waited(self, seconds: float) -> None: ...
    def worked(self, seconds: float) -> None: ...
    def retried(self) -> None: ...


@dataclass(slots=True)
class _Ready:
    priority: int
    since: float
    ticket: int


class WorkQueue(Generic[K]):
    """A queue of keys for one controller; see the module for what it promises."""

    def __init__(
        self,
        clock: Clock,
        rng: random.Random,
        rate_limiter: RateLimiter[K] | None = None,
        metrics: QueueMetrics | None = None,
        *,
        ageing: float = _AGEING,
    ) -> None:
        self._clock = clock
        self._limiter = rate_limiter or RateLimiter(rng)
        self._metrics: QueueMetrics = metrics or _NoMetrics()
        self._ageing = ageing
        self._ready: dict[K, _Ready] = {}
        self._heap: list[tuple[float, int, K]] = []
        self._processing: dict[K, float] = {}
        self._waits: dict[K, float] = {}
        self._dirty: dict[K, int] = {}
        self._delayed: dict[K, tuple[float, int]] = {}
        self._timer: list[tuple[float, int, K]] = []
        self._debounced: dict[K, float] = {}
        self._tickets = 0
        self._shut_down = False
        self._waiting: deque[anyio.Event] = deque()  # each wakes one idle worker
        self._timed: anyio.Event | None = None  # wakes the one that also minds the timer

    # Adding

    def add(self, key: K, priority: int = HIGH) -> None:
        """Make the key ready now, or after its present run. A pending delay of it stays."""
        if self._shut_down:
            return
        self._metrics.added()
        if key in self._processing:
            self._dirty[key] = max(priority, self._dirty.get(key, priority))
            return
        held = self._ready.get(key)
        if held is None:
            self._push(key, _Ready(priority, self._clock.monotonic(), self._ticket()))
        elif priority > held.priority:
            self._push(key, _Ready(priority, held.since, held.ticket))

    def add_after(self, key: K, delay: float, priority: int = HIGH) -> None:
        """Make the key ready in ``delay`` seconds; of several delays the earliest counts."""
        if self._shut_down:
            return
        if delay <= 0:
            self.add(key, priority)
            return
        # An overdue delay is as good as ready: it must not swallow this one.
        self._promote()
        due = self._clock.monotonic() + delay
        held = self._delayed.get(key)
        if held is not None and held[0] <= due:
            return
        self._delayed[key] = (due, priority)
        entry = (due, self._ticket(), key)
        heapq.heappush(self._timer, entry)
        if self._timer[0] is entry:  # else who waits for the timer wakes early enough
            self._retime()

    def add_rate_limited(self, key: K, at_least: float = 0.0) -> None:
        """Make the key ready after its back-off; one more failure is counted.

        ``at_least``: seconds that it waits in any case.
        """
        self._metrics.retried()
        self.add_after(key, max(self._limiter.next_delay(key), at_least))

    def add_debounced(self, key: K, interval: float, priority: int = HIGH) -> None:
        """Make the key ready at once, but no more often than each ``interval`` seconds.

        The first of a burst runs at once, the rest of it is one run at the end of the interval.
        """
        now = self._clock.monotonic()
        last = self._debounced.get(key)
        if last is None or now - last >= interval:
            # Moved to the end, so that the oldest ones, long over, are first to be dropped.
            self._debounced.pop(key, None)
            while self._debounced and next(iter(self._debounced.values())) < now - _LONG_AGO:
                del self._debounced[next(iter(self._debounced))]
            self._debounced[key] = now
            self.add(key, priority)
            return
        if last > now:
            # The run at the end of this interval is already on its way.
            return
        due = last + interval
        self._debounced[key] = due
        self.add_after(key, due - now, priority)

    def begin(self) -> None:
        """Workers have come: who waited for them, perhaps for days, waits from now on.

        Else all that a replica has seen before it leads would be older than a user's edit.
        """
        now = self._clock.monotonic()
        for entry in self._ready.values():
            entry.since = now
        self._heap = [(self._rank(entry), entry.ticket, key) for key, entry in self._ready.items()]
        heapq.heapify(self._heap)

    def forget(self, key: K) -> None:
        """The key succeeded: its back-off starts anew."""
        self._limiter.forget(key)

    # Taking

    async def get(self) -> K:
        """The next key, once there is one; call ``done`` with it. Raises ``QueueShutDown``."""
        while True:
            self._promote()
            if self._ready:
                key = self._pop()
                if self._timer and self._timed is None:
                    self._retime()  # this worker may have been the one to mind it
                return key
            if self._shut_down:
                raise QueueShutDown
            await self._wait()

    def done(self, key: K) -> None:
        """The run is over; a key that changed meanwhile becomes ready again."""
        started = self._processing.pop(key, None)
        if started is None:
            return
        del self._waits[key]
        self._metrics.worked(self._clock.monotonic() - started)
        priority = self._dirty.pop(key, None)
        if priority is not None and not self._shut_down:
            self._push(key, _Ready(priority, self._clock.monotonic(), self._ticket()))

    def shut_down(self) -> None:
        """Hand out nothing more; what is being processed may finish."""
        self._shut_down = True
        self._ready.clear()
        self._heap.clear()
        self._delayed.clear()
        self._timer.clear()
        self._dirty.clear()
        while self._waiting or (self._timed is not None and not self._timed.is_set()):
            self._notify()

    # Looking

    def __len__(self) -> int:
        """The keys that are ready."""
        return len(self._ready)

    @property
    def processing(self) -> frozenset[K]:
        """The keys that workers have."""
        return frozenset(self._processing)

    def waited(self, key: K) -> float:
        """Seconds that a key which a worker has was ready before; 0 for any other."""
        return self._waits.get(key, 0.0)

    def longest_running(self) -> float:
        """Seconds since the oldest present run began; 0 when there is none."""
        now = self._clock.monotonic()
        return max((now - started for started in self._processing.values()), default=0.0)

    def unfinished(self) -> float:
        """The sum of the seconds that present runs have taken so far."""
        now = self._clock.monotonic()
        return sum(now - started for started in self._processing.values())

    # Inside

    def _ticket(self) -> int:
        self._tickets += 1
        return self._tickets

    def _push(self, key: K, entry: _Ready) -> None:
        self._ready[key] = entry
        heapq.heappush(self._heap, (self._rank(entry), entry.ticket, key))
        self._metrics.depth(len(self._ready))
        self._notify()

    def _rank(self, entry: _Ready) -> float:
        """Lower is first.

        It never changes while a key waits: ageing moves all keys alike, so the time of arrival
        stands in for age and the heap stays sorted.
        """
        return entry.since - entry.priority * self._ageing

    def _pop(self) -> K:
        while True:
            rank, ticket, key = heapq.heappop(self._heap)
            entry = self._ready.get(key)
            # A raised key leaves its old rank behind; only its present one counts.
            if entry is None or entry.ticket != ticket:
                continue
            if rank != self._rank(entry):
                continue
            del self._ready[key]
            now = self._clock.monotonic()
            self._processing[key] = now
            self._metrics.depth(len(self._ready))
            self._waits[key] = now - entry.since
            self._metrics.waited(now - entry.since)
            return key

    def _promote(self) -> None:
        now = self._clock.monotonic()
        while self._timer and self._timer[0][0] <= now:
            due, _, key = heapq.heappop(self._timer)
            held = self._delayed.get(key)
            if held is not None and held[0] == due:
                del self._delayed[key]
                self.add(key, held[1])

    def _notify(self) -> None:
        """A key is ready: wake one worker for it, the one that minds the timer last."""
        if self._waiting:
            self._waiting.popleft().set()
        elif self._timed is not None:
            self._timed.set()

    def _retime(self) -> None:
        """The first delay is another, or nobody minds it: have one worker look again."""
        if self._timed is not None:
            self._timed.set()
        elif self._waiting:
            self._waiting.popleft().set()

    async def _wait(self) -> None:
        """Until this worker is woken; one of them also wakes when the first delay is over.

        Each key wakes one worker: if all of them woke, most would find nothing. Who is cancelled
        leaves to another what it was woken for, and the timer.
        """
        wake = anyio.Event()
        timed = bool(self._timer) and self._timed is None
        try:
            if timed:
                self._timed = wake
                with anyio.move_on_after(max(self._timer[0][0] - self._clock.monotonic(), 0)):
                    await wake.wait()
            else:
                self._waiting.append(wake)
                await wake.wait()
        except BaseException:
            self._leave(wake)
            raise
        finally:
            if timed:
                self._timed = None

    def _leave(self, wake: anyio.Event) -> None:
        """A worker that waited is gone."""
        if self._timed is wake:
            self._timed = None
        elif wake in self._waiting:
            self._waiting.remove(wake)
        if self._ready:
            self._notify()
        elif self._timer and self._timed is None:
            self._retime()
