"""Leader election on a Lease: leadership is a scope that is cancelled when the Lease is lost.

A candidate follows the Lease by a watch (and looks each two seconds while that does not work), so
that a released Lease is taken at once and one whose holder is dead as soon as it runs out. A leader
renews it each two seconds and stops by its own clock when no renewal succeeds (``fence``).

Races, and what settles them:

- Two candidates try at once: the write carries the version that was read; one gets ``Conflict``.
- The answer to a renewal is lost and the renewal took effect: the next one gets ``Conflict``, the
  Lease is read, it names us, and renewing goes on. Time counts from renewals known to be good.
- The answer to the taking is late: it counts from when it was sent, and if that is too long ago it
  was in vain.
- Somebody writes another holder into the Lease: the watch shows it, or the next renewal's conflict.
- The term is ended in the middle of a write: cut off, it may arrive after the Lease is given back
  and its next holder has written. So the Lease is not given back then but runs out.
- The answer to a renewal comes in the moment in which the Lease is given back: it opens nothing.
- Etcd is restored and versions go back: an answer is believed over what was seen before it was
  asked for, else each renewal of the leader would look old to the others, and they would take over.
- Frozen and woken: the fence is closed before anything runs again; as a candidate this replica
  waits the whole duration from its first look at the new holder.
"""

from __future__ import annotations

import math
import os
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Protocol

import anyio
import structlog

from ome.errors import AlreadyExists, Conflict, Forbidden, NotFound, OmeError
from ome.informers.registry import Informers
from ome.kube.resources import LEASES
from ome.reconciler.candidate import Sightings
from ome.reconciler.lease import Held, LeaseView

if TYPE_CHECKING:
    import random
    from collections.abc import AsyncIterator, Callable, Mapping
    from typing import Any

    from ome.clock import Clock
    from ome.reconciler.fence import Fence, Timing
    from ome.reconciler.lease import LeaseLock

__all__ = ["ElectionMetrics", "LeaseElection"]

_COMPLAIN_EVERY = 30.0
log = structlog.get_logger("leadership")


class ElectionMetrics(Protocol):
    """What an election reports."""

    def leading(self, leads: bool) -> None: ...
    def renewed(self, result: str, seconds: float) -> None: ...


class LeaseElection:
    """A ``Leadership`` that one replica of several has at a time."""

    def __init__(
        self,
        lock: LeaseLock,
        fence: Fence,
        timing: Timing,
        *,
        clock: Clock,
        rng: random.Random,
        metrics: ElectionMetrics,
        announce: Callable[[Mapping[str, Any], str], None] = lambda _document, _text: None,
        give_up: Callable[[], None] = lambda: os._exit(1),
    ) -> None:
        """``announce`` tells the world of the Lease that was taken.

        ``give_up`` ends the process when cancelled work does not unwind in time.
        """
        self._lock = lock
        self._fence = fence
        self._timing = timing
        self._clock = clock
        self._rng = rng
        self._metrics = metrics
        self._announce = announce
        self._give_up = give_up
        self._seen = Sightings(lock.identity, timing.lease)
        self._held: Held | None = None
        self._changed = anyio.Event()
        self._watched: Callable[[], bool] = lambda: False
        self._complained = -math.inf
        metrics.leading(False)

    @asynccontextmanager
    async def lead(self) -> AsyncIterator[None]:
        """See ``Leadership.lead``; releases the Lease when the block ends and it is still ours.

        It is left to run out when a write that the block sent may still arrive: the next leader
        would meet it.
        """
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._follow)
            await self._win()
            keeping = anyio.CancelScope()
            try:
                with anyio.CancelScope() as term:
                    tasks.start_soon(self._keep, keeping, term)
                    yield
            finally:
                keeping.cancel()
                await self._resign()
                tasks.cancel_scope.cancel()

    # Following

    async def _follow(self) -> None:
        """Have each change of the Lease noted as it happens."""
        informers = Informers(self._lock.client, self._clock, self._rng)
        namespace, name = self._lock.key
        leases = informers.informer(
            LEASES, LeaseView, namespace=namespace, field_selector=f"metadata.name={name}"
        )
        self._watched = lambda: leases.state == "watching"

        def changed(_: LeaseView | None, new: LeaseView | None) -> None:
            if new is not None:
                spec, version = new.spec, new.metadata.resource_version
                held = Held(version, spec.holder_identity or "", spec.lease_duration_seconds)
                self._seen.saw(held, self._clock.monotonic())
            self._notify()

        leases.add_handler(changed)
        await informers.run()

    def _notify(self) -> None:
        self._changed.set()
        self._changed = anyio.Event()

    async def _until_changed(self, seconds: float) -> None:
        changed = self._changed
        with anyio.move_on_after(seconds):
            await changed.wait()

    # Winning

    async def _win(self) -> None:
        """Wait until the Lease is ours."""
        while True:
            changed = self._changed
            pause = self._seen.wait(self._clock.monotonic())
            if pause <= 0 or not self._watched():
                if await self._try():
                    return
                pause = self._timing.retry * (0.75 + self._rng.random() / 2)
            if changed.is_set():
                continue  # while we tried: what we know is old
            await self._until_changed(pause)

    async def _try(self) -> bool:
        """Look at the Lease itself and take it when it is free."""
        try:
            lease = await self._read()
            if self._seen.wait(self._clock.monotonic()) > 0:
                return False
            return await self._take(lease)
        except (Conflict, AlreadyExists):
            return False  # somebody was faster; the watch or the next look shows who
        except OmeError as error:
            self._complain(error)
            return False

    async def _read(self) -> Held | None:
        asked = self._seen.version
        lease = await self._lock.read()
        self._seen.saw(lease, self._clock.monotonic(), asked)
        return lease

    async def _take(self, lease: Held | None) -> bool:
        sent, asked = self._clock.boottime(), self._seen.version
        self._seen.tried = True
        self._held = await self._lock.take(lease)
        self._seen.saw(self._held, self._clock.monotonic(), asked)
        self._fence.renewed(sent)
        if self._fence.left() <= 0:
            return False  # the answer was long on its way; the Lease names us: once more
        self._metrics.leading(True)
        text = f"{self._lock.identity} became leader"
        log.info("leader.gained", identity=self._lock.identity, lease=str(self._lock.key))
        self._announce(self._held.document, text)
        return True

    def _complain(self, error: OmeError) -> None:
        now = self._clock.monotonic()
        if now - self._complained < _COMPLAIN_EVERY:
            return
        self._complained = now
        hint = ""
        if isinstance(error, Forbidden):
            hint = (
                "grant get, list, watch, create and update on leases.coordination.k8s.io in"
                f" namespace {self._lock.key.namespace}, as the chart does"
            )
        log.warning("leader.waiting", lease=str(self._lock.key), problem=str(error), hint=hint)

    # Keeping

    async def _keep(self, keeping: anyio.CancelScope, term: anyio.CancelScope) -> None:
        """Renew until the Lease is lost; then end the term, or the process."""
        with keeping:
            why = await self._renew_until_lost()
            self._fence.close()
            self._metrics.leading(False)
            log.warning("leader.lost", identity=self._lock.identity, why=why)
            term.cancel()
            await self._clock.sleep(self._timing.unwind)
            log.critical("leader.stuck", seconds=self._timing.unwind, hint="the process ends")
            self._give_up()

    async def _renew_until_lost(self) -> str:
        """Why it is lost."""
        while (left := self._fence.left()) > 0:
            await self._rest(min(self._timing.retry, left))
            if (left := self._fence.left()) <= 0:
                break  # slept or frozen: not even a renewal is sent
            started = self._clock.monotonic()
            taken = result = ""
            with anyio.move_on_after(left):
                result, taken = await self._renew()
            self._metrics.renewed(result or "failed", self._clock.monotonic() - started)
            if taken:
                return taken
        return f"no renewal succeeded in {self._timing.renew:g} s"

    async def _rest(self, seconds: float) -> None:
        """Until the next renewal is due, or somebody else is seen to hold the Lease."""
        with anyio.move_on_after(seconds):
            while self._seen.holder == self._lock.identity:
                await self._changed.wait()

    async def _renew(self) -> tuple[str, str]:
        """How one renewal went, and why the Lease is not ours any more (empty: it is)."""
        assert self._held is not None
        try:
            try:
                await self._renewed(self._held)
            except (Conflict, NotFound):
                # Our own renewal whose answer was lost, an edit by hand, or another holder.
                fresh = await self._read()
                if fresh is not None and fresh.holder != self._lock.identity:
                    return "lost", f"the Lease is held by {fresh.holder or 'nobody'}"
                await self._renewed(fresh)
        except OmeError as error:
            self._complain(error)
            await self._clock.sleep(self._timing.retry / 4)
            return "failed", ""
        return "renewed", ""

    async def _renewed(self, held: Held | None) -> None:
        sent, asked = self._clock.boottime(), self._seen.version
        fresh = await (self._lock.take(None) if held is None else self._lock.renew(held))
        if self._held is None:
            return  # given back meanwhile
        self._held = fresh
        self._seen.saw(self._held, self._clock.monotonic(), asked)
        self._fence.renewed(sent)

    # Ending

    async def _resign(self) -> None:
        """Leave the Lease to the others, unless it is theirs already."""
        left = self._fence.left()
        self._fence.close()
        self._metrics.leading(False)
        held, self._held = self._held, None
        if left <= 0 or held is None:
            return
        if self._fence.may_arrive():
            log.warning("leader.not_released", problem="a write without an answer may still arrive")
            return  # the Lease runs out after it
        with anyio.move_on_after(min(left, self._timing.retry), shield=True):
            try:
                await self._release(held)
            except OmeError as error:
                log.warning("leader.not_released", problem=str(error))
            else:
                log.info("leader.released", lease=str(self._lock.key))

    async def _release(self, held: Held) -> None:
        try:
            await self._lock.release(held)
        except Conflict:  # the renewal that was just cut off may have arrived
            fresh = await self._lock.read()
            if fresh is not None and fresh.holder == self._lock.identity:
                await self._lock.release(fresh)
