"""What a watch says in the log and to the metrics, without saying it a hundred times."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from ome.informers.reflector import State
from ome.informers.steps import Listed, Replaced, Waited

if TYPE_CHECKING:
    from ome.clock import Clock
    from ome.informers.metrics import InformerMetrics
    from ome.informers.steps import Outcome
    from ome.informers.target import Target

__all__ = ["Reporter"]

log = structlog.get_logger(__name__)

REPEAT_SECONDS = 30.0


class Reporter:
    """The voice of one watch."""

    def __init__(self, target: Target, clock: Clock, metrics: InformerMetrics) -> None:
        self._target = target
        self._name = str(target)
        self._clock = clock
        self._metrics = metrics
        self._said: dict[str, float] = {}
        self._absent = False
        self._events: dict[str, int] = {}

    def outcome(self, outcome: Outcome, state: State) -> None:
        """A command ended, and this is the state that follows."""
        if not isinstance(outcome, Listed | Replaced | Waited):
            self._metrics.ended(self._name, type(outcome).__name__.lower())
        if state is State.ABSENT and not self._absent:
            self._absent = True
            log.warning(
                "informer.absent",
                watch=self._name,
                resource=self._target.resource.group_resource,
                hint="the server does not serve it; is its CRD installed?",
            )
        if state is State.WATCHING and self._absent:
            self._absent = False
            log.info("informer.appeared", watch=self._name)

    def refused(self, verb: str, message: str) -> None:
        """401 or 403; the server's message names the user."""
        if self._again("refused"):
            log.error(
                "informer.refused",
                watch=self._name,
                verb=verb,
                resource=self._target.resource.group_resource,
                namespace=self._target.namespace,
                message=message,
            )

    def failed(self, verb: str, error: Exception) -> None:
        """The server or the way to it failed."""
        if self._again(f"failed {type(error).__name__}"):
            log.warning(
                "informer.failed",
                watch=self._name,
                verb=verb,
                error=f"{type(error).__name__}: {error}",
            )

    def fault(self, error: Exception) -> None:
        """An exception that nobody expected: ours to mend."""
        log.error("informer.fault", watch=self._name, exc_info=error)

    def garbled(self, why: str) -> None:
        """A line that is no event."""
        self._metrics.skipped(self._name, "garbled")
        if self._again("garbled"):
            log.warning("informer.garbled", watch=self._name, why=why)

    def silent(self) -> None:
        """An open watch said nothing, not even bookmarks."""
        self._metrics.ended(self._name, "silent")
        if self._again("silent"):
            log.info("informer.silent", watch=self._name)

    def skipped(self, why: str) -> None:
        """One line was left out."""
        self._metrics.skipped(self._name, why)

    def event(self, type_: str) -> None:
        """An event was taken in; told to the metrics with the next ``heard``."""
        self._events[type_] = self._events.get(type_, 0) + 1

    def spent(self, decoding: float, handling: float) -> None:
        """Seconds of decoding events and of taking them in, handlers included."""
        self._metrics.spent(self._name, decoding, handling)

    def listed(self, seconds: float) -> None:
        """A list was taken over."""
        self._metrics.listed(self._name, seconds)

    def heard(self, objects: int) -> None:
        """The server was heard; so many objects are held."""
        for type_, count in self._events.items():
            self._metrics.events(self._name, type_, count)
        self._events.clear()
        self._metrics.holds(self._name, objects)

    def _again(self, what: str) -> bool:
        """True when this was not said for a while."""
        now = self._clock.monotonic()
        last = self._said.get(what)
        if last is not None and now - last < REPEAT_SECONDS:
            return False
        self._said[what] = now
        return True
