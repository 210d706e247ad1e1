"""Work by key: what changed is put into a queue, workers bring it to rest one key at a time.

A key that fails comes back after a growing delay and harms no other. What is read is always the
state of this moment, so a change between two reads costs another pass and nothing else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

import anyio
import anyio.lowlevel
import structlog

from ome.reconciler.queue import WorkQueue
from ome.reconciler.ratelimiter import RateLimiter
from ome.sandbox.refusal import Refused

if TYPE_CHECKING:
    import random
    from collections.abc import Awaitable, Callable, Hashable

    from ome.clock import Clock

__all__ = ["Loop"]

K = TypeVar("K", bound="Hashable")
_BASE, _LIMIT = 0.01, 15.0
log = structlog.get_logger("cluster")


class Loop(Generic[K]):
    """Runs ``work(key)`` for each key that was added, never twice at once for one key.

    ``work`` gives back in how many seconds it wants to look at the key again, or None.
    """

    def __init__(
        self,
        name: str,
        clock: Clock,
        rng: random.Random,
        work: Callable[[K], Awaitable[float | None]],
        workers: int = 1,
    ) -> None:
        self._name = name
        self._work = work
        self._workers = workers
        self._queue: WorkQueue[K] = WorkQueue(
            clock, rng, RateLimiter(rng, base=_BASE, limit=_LIMIT)
        )

    def add(self, key: K) -> None:
        """The key changed."""
        self._queue.add(key)

    def add_debounced(self, key: K, seconds: float) -> None:
        """The key changed, as it often does: look at once, but no more often than this."""
        self._queue.add_debounced(key, seconds)

    def add_after(self, key: K, seconds: float) -> None:
        """Look at the key in so many seconds; of several the earliest counts."""
        self._queue.add_after(key, seconds)

    async def run(self) -> None:
        """Work until cancelled."""
        async with anyio.create_task_group() as group:
            for _ in range(self._workers):
                group.start_soon(self._worker)

    async def _worker(self) -> None:
        while True:
            key = await self._queue.get()
            try:
                again = await self._work(key)
            except Refused as refused:
                log.debug("cluster.refused", loop=self._name, key=str(key), why=refused.message)
                self._queue.add_rate_limited(key)
            except Exception:
                log.exception("cluster.failed", loop=self._name, key=str(key))
                self._queue.add_rate_limited(key)
            else:
                self._queue.forget(key)
                if again is not None:
                    self._queue.add_after(key, again)
            finally:
                self._queue.done(key)
            # Nothing of the above need wait for anything, and others want their turn.
            await anyio.lowlevel.checkpoint()
