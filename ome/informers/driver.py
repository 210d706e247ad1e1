"""Carries out a reflector's commands against an API server, for ever.

Races: ``restart`` and ``retry_now`` are called by other tasks of the same loop, at any await of
this one. Both cancel the scope of the command that is being carried out; a restart is also noted,
so that one that comes when the command has just ended is not lost. A list that is cut off half-way
has changed nothing yet or, in its last phase, has been taken over in part: the next one repairs it.

Deadlines: opening a watch and each page have one; a watch that is open has one that each chunk
moves on, so that a dead connection is noticed without a second task. ``due`` is the time by which
this task must have got to its next step even if the server says nothing at all; health compares it
with the clock and so finds a task that is stuck, and only that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

import anyio
import anyio.lowlevel
import msgspec
import structlog

from ome.errors import ApiError
from ome.informers.budget import Budget
from ome.informers.decoding import Bookmark, Change, Undecodable
from ome.informers.failures import Nonsense, NotStreamed, StaleStream, outcome_of
from ome.informers.framing import Lines
from ome.informers.projection import HasMetadata
from ome.informers.reflector import Reflector, State
from ome.informers.report import Reporter
from ome.informers.steps import (
    Ended,
    List,
    Listed,
    Replace,
    Replaced,
    Restart,
    Wait,
    Waited,
    Watch,
)
from ome.informers.target import Target, WatchClient

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterable

    from ome.clock import Clock
    from ome.informers.intake import Intake
    from ome.informers.metrics import InformerMetrics
    from ome.informers.steps import Command, Outcome

__all__ = ["Driver", "Target", "WatchClient"]

T = TypeVar("T", bound=HasMetadata)

log = structlog.get_logger(__name__)

OPEN_SECONDS = 45.0
PAGE_SECONDS = 60.0
WHOLE_LIST_SECONDS = 180.0
SILENCE_SECONDS = 90.0  # bookmarks come about each 60 s
EXTENDED_SECONDS = 1.0  # moving a deadline costs a timer: not with each of a thousand chunks
ALIVE_SECONDS = 10.0  # a watch that lived for so long counts as one that worked
SAMPLED = 16  # one event of so many is timed
SLACK_SECONDS = 60.0  # beyond a step's own deadline, before health calls it stuck


class Driver(Generic[T]):
    """Runs one reflector; ``changed`` is called whenever its state may have changed."""

    def __init__(
        self,
        client: WatchClient,
        target: Target,
        intake: Intake[T],
        *,
        clock: Clock,
        rng: random.Random,
        metrics: InformerMetrics,
        streaming: bool,
        changed: Callable[[], None],
    ) -> None:
        self._client = client
        self._target = target
        self._intake = intake
        self._clock = clock
        self._reflector = Reflector(rng, streaming=streaming)
        self._report = Reporter(target, clock, metrics)
        self._changed = changed
        self._budget = Budget(clock)
        self._scope: anyio.CancelScope | None = None
        self._waiting = False
        self._restart = False
        self._taken = 0
        self._list_began = 0.0
        self.due: float | None = None
        self.heard: float | None = None

    @property
    def state(self) -> State:
        """Where the reflector is."""
        return self._reflector.state

    def restart(self) -> None:
        """List anew, at once."""
        self._restart = True
        if self._scope is not None:
            self._scope.cancel()

    def retry_now(self) -> None:
        """End a wait; does nothing while listing or watching."""
        if self._waiting and self._scope is not None:
            self._scope.cancel()

    def overdue(self) -> float:
        """Seconds by which the schedule of attempts was missed; 0 or less is in time."""
        return 0.0 if self.due is None else self._clock.monotonic() - self.due

    async def run(self) -> None:
        """List and watch until cancelled; nothing else ends it."""
        command = self._reflector.begin()
        while True:
            try:
                outcome = await self._perform(command)
                command = self._reflector.step(outcome)
                self._report.outcome(outcome, self.state)
                self._changed()
            except Exception:
                log.exception("informer.fault", watch=str(self._target))
                command = Wait(1.0)

    async def _perform(self, command: Command) -> Outcome:
        outcome: Outcome = Waited()  # what an early end of the wait comes to
        before = self._reflector.version
        began = self._clock.monotonic()
        with anyio.CancelScope() as self._scope:
            self._waiting = isinstance(command, Wait)
            try:
                # Also where nothing below suspends: a fault must not become a busy loop.
                await anyio.lowlevel.checkpoint()
                outcome = await self._do(command)
            except Exception as error:
                watching = isinstance(command, Watch)
                outcome = outcome_of(
                    error,
                    "watch" if watching else "list",
                    self._report,
                    progress=watching and self._progress(before, began),
                    streaming=self.state is State.STREAMING,
                )
        self._scope = None
        if self._restart:
            self._restart = False
            return Restart()
        return outcome

    async def _do(self, command: Command) -> Outcome:
        match command:
            case Wait(seconds):
                self._pulse(seconds)
                await self._clock.sleep(seconds)
                return Waited()
            case List():
                return await self._page(command)
            case Replace(version):
                await self._replace(version)
                return Replaced()
            case Watch():
                return await self._watch(command)

    # Listing

    async def _page(self, command: List) -> Outcome:
        if not command.continue_:
            self._intake.begin()
            self._list_began = self._clock.monotonic()
        seconds = PAGE_SECONDS if command.limit else WHOLE_LIST_SECONDS
        self._pulse(seconds)
        target = self._target
        with anyio.fail_after(seconds):
            body = await self._client.list_page(
                target.resource,
                namespace=target.namespace,
                label_selector=target.label_selector,
                field_selector=target.field_selector,
                limit=command.limit,
                continue_=command.continue_,
                metadata_only=target.metadata_only,
            )
        self._hear()
        page = self._intake.decoder.page(body)
        for item in page.items:
            self._intake.item(item)
            if self._budget.spent():
                await self._rest()
        return Listed(page.version, page.continue_)

    async def _replace(self, version: str) -> None:
        for _ in self._intake.replace(version):
            if self._budget.spent():
                await self._rest()
        self._report.listed(self._clock.monotonic() - self._list_began)
        self._hear()

    # Watching

    async def _watch(self, command: Watch) -> Outcome:
        before = self._reflector.version
        began = self._clock.monotonic()
        opened = False
        if command.initial:
            self._intake.begin()
            self._list_began = began
        self._pulse(OPEN_SECONDS)
        target = self._target
        with anyio.CancelScope(deadline=began + OPEN_SECONDS) as silence:
            async with self._client.watch(
                target.resource,
                namespace=target.namespace,
                label_selector=target.label_selector,
                field_selector=target.field_selector,
                resource_version=command.version,
                timeout_seconds=command.seconds,
                send_initial_events=command.initial,
                metadata_only=target.metadata_only,
            ) as chunks:
                opened = True
                lines = Lines()
                self._extend(silence)
                async for chunk in chunks:
                    self._extend(silence)
                    await self._lines(lines.feed(chunk))
        if silence.cancelled_caught:
            if not opened:
                raise TimeoutError(f"no answer to a watch within {OPEN_SECONDS:g} s")
            self._report.silent()
        return Ended(self._progress(before, began))

    def _progress(self, before: str, began: float) -> bool:
        """True when a watch brought anything or lived for a while: it is worth a next one."""
        lived = self._clock.monotonic() - began
        return lived >= ALIVE_SECONDS or self._reflector.version != before

    def _extend(self, silence: anyio.CancelScope) -> None:
        deadline = self._clock.monotonic() + SILENCE_SECONDS
        if deadline - silence.deadline >= EXTENDED_SECONDS:
            silence.deadline = deadline
            self.due = deadline + SLACK_SECONDS

    async def _lines(self, lines: Iterable[bytes]) -> None:
        try:
            for line in lines:
                if self._reflector.state is State.STREAMING:
                    await self._initial(line)
                else:
                    self._line(line)
                if self._budget.spent():
                    await self._rest()
        finally:
            self._hear()

    def _line(self, line: bytes) -> None:
        self._taken += 1
        if self._taken % SAMPLED == 0:
            began = self._clock.monotonic()
            event = self._decode(line)
            decoded = self._clock.monotonic()
            self._take(event)
            done = self._clock.monotonic()
            self._report.spent((decoded - began) * SAMPLED, (done - decoded) * SAMPLED)
        else:
            self._take(self._decode(line))

    def _take(self, event: Change[T] | Bookmark | Undecodable) -> None:
        match event:
            case Change() as change:
                if self._reflector.saw(change.object.metadata.resource_version):
                    self._intake.change(change)
                else:
                    self._report.skipped("stale")
            case Bookmark(version):
                if version and self._reflector.saw(version):
                    self._intake.store.reached(version)
            case Undecodable() as bad:
                if self._reflector.saw(bad.metadata.resource_version):
                    self._intake.undecodable(bad)

    async def _initial(self, line: bytes) -> None:
        """A line of a streaming list, before the bookmark that ends it: in no order."""
        match self._decode(line):
            case Change("DELETED", obj):
                self._intake.no_longer_present(obj.metadata.key)
            case Change(_, obj):
                self._intake.present(obj)
            case Undecodable() as bad:
                self._intake.present(bad)
            case Bookmark(version, initial_end=True):
                if not self._reflector.streamed(version):
                    raise StaleStream(f"a streaming list of version {version} is stale")
                await self._replace(version)
                self._reflector.taken_over()
                self._changed()
            case Bookmark():
                raise NotStreamed("bookmarks come, but none that ends the initial events")

    def _decode(self, line: bytes) -> Change[T] | Bookmark | Undecodable:
        try:
            event = self._intake.decoder.line(line)
        except msgspec.DecodeError as error:
            raise Nonsense(str(error)) from error
        if isinstance(event, ApiError):
            raise event
        self._report.event("BOOKMARK" if isinstance(event, Bookmark) else event.type)
        return event

    # Bookkeeping

    async def _rest(self) -> None:
        await self._budget.rest()
        self._pulse(SILENCE_SECONDS)

    def _pulse(self, seconds: float) -> None:
        self.due = self._clock.monotonic() + seconds + SLACK_SECONDS

    def _hear(self) -> None:
        self.heard = self._clock.monotonic()
        self._report.heard(len(self._intake.store))
