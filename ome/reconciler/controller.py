"""A controller: sources fill its queue, workers run its reconcile.

Level-based: a run is given a key and looks at the world itself. The rules of a run's end:

==================  ======================================================================
returns None        the key is done until something it watches changes
returns Result      the key runs again after ``requeue_after`` seconds
raises Conflict     its view was stale: again with back-off, counted as ``requeue``
raises RetryAfter   again after its delay, counted as ``requeue_after``
raises TerminalError  counted and logged; not retried
raises OmeError     counted and logged as an error; again with back-off, and no sooner than
                    the API server asked (``Retry-After``, at most two minutes)
times out           an error; again with back-off
raises anything else  a panic: counted, logged with its traceback; again with back-off
raises NotLeading   its write was not sent; again when this replica leads
is cancelled        the same: the run has not ended
==================  ======================================================================

Whatever one key does, the workers and the other keys go on. Cancellation passes through; ``run``
may be called again after it, when leadership comes back, and finds all that was left undone.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

import anyio
import structlog
from opentelemetry.trace import INVALID_SPAN, StatusCode

from ome.errors import ApiError, Conflict, NotLeading, OmeError, RetryAfter, TerminalError
from ome.kube.resource import ObjectKey
from ome.reconciler.mapping import self_key
from ome.reconciler.queue import HIGH, LOW, QueueShutDown, WorkQueue
from ome.telemetry import flights, tracing
from ome.telemetry.flights import Flight

if TYPE_CHECKING:
    import random
    from collections.abc import Awaitable, Callable, Hashable, Iterable, Iterator

    from opentelemetry.trace import Span

    from ome.clock import Clock
    from ome.informers.informer import Informer
    from ome.reconciler.queue import QueueMetrics
    from ome.telemetry.flights import FlightRecorder

__all__ = ["Controller", "ControllerMetrics", "Origin", "Result"]

K = TypeVar("K", bound="Hashable")

log = structlog.get_logger("controller")

_LONGEST_ASKED = 120.0
"""Seconds; a server that asks for more is asked again anyway."""


@dataclass(frozen=True, slots=True)
class Result:
    """A run that wants to come back; ``requeue_after`` in seconds."""

    requeue_after: float


@dataclass(frozen=True, slots=True)
class Origin:
    """Who asked for what an object says."""

    traceparent: str
    """The W3C trace context of the request that changed it last."""
    open: bool
    """Whether that change has not been acted on yet: its run belongs to the same trace."""


class ControllerMetrics(Protocol):
    """What a controller reports; results are ``success``, ``error``, ``requeue`` and so on."""

    def started(self) -> None: ...
    def finished(self, result: str, seconds: float) -> None: ...
    def terminal_error(self) -> None: ...
    def panicked(self) -> None: ...


class _NoMetrics:
    def started(self) -> None: ...
    def finished(self, result: str, seconds: float) -> None: ...
    def terminal_error(self) -> None: ...
    def panicked(self) -> None: ...


class Controller(Generic[K]):
    """Runs ``reconcile`` for keys, several at a time, never two for one key."""

    def __init__(
        self,
        name: str,
        reconcile: Callable[[K], Awaitable[Result | None]],
        *,
        clock: Clock,
        rng: random.Random,
        workers: int = 4,
        timeout: float = 60.0,
        origin: Callable[[K], Origin | None] | None = None,
    ) -> None:
        """``timeout``: seconds of one run. ``origin`` is asked only while runs are traced."""
        self.name = name
        self.workers = workers
        self._reconcile = reconcile
        self._clock = clock
        self._timeout = timeout
        self._origin = origin
        self._primary: Informer[Any] | None = None
        self._recorder: FlightRecorder | None = None
        self._metrics: ControllerMetrics = _NoMetrics()
        self._rng = rng
        self.queue: WorkQueue[K] = WorkQueue(clock, rng)
        self._settled = False

    def observe(
        self,
        controller: ControllerMetrics,
        queue: QueueMetrics,
        recorder: FlightRecorder | None = None,
    ) -> None:
        """Report to these from now on; called before anything is added."""
        self._recorder = recorder
        self._metrics = controller
        self.queue = WorkQueue(self._clock, self._rng, metrics=queue)

    def watch(
        self,
        informer: Informer[Any],
        mapper: Callable[[Any, Any], Iterable[K]],
        *,
        predicate: Callable[[Any, Any], bool] | None = None,
    ) -> None:
        """Add the keys that ``mapper`` gives for each change that ``predicate`` lets pass.

        Objects of first lists come with low priority, changes after ``run`` began with high.
        """

        def handle(old: Any, new: Any) -> None:
            if predicate is not None and not predicate(old, new):
                return
            priority = HIGH if self._settled else LOW
            for key in mapper(old, new):
                self.queue.add(key, priority)

        informer.add_handler(handle)
        if mapper is self_key:
            self._primary = informer

    async def run(self) -> None:
        """Work until cancelled; call once the informers are in sync."""
        self._settled = True
        self.queue.begin()
        async with anyio.create_task_group() as group:
            for _ in range(self.workers):
                group.start_soon(self._work)

    async def _work(self) -> None:
        while True:
            try:
                key = await self.queue.get()
            except QueueShutDown:
                return
            try:
                await self.run_once(key)
            except anyio.get_cancelled_exc_class():
                self.queue.add(key)
                raise
            finally:
                self.queue.done(key)

    async def run_once(self, key: K) -> None:
        """One run of one key with everything that follows from its end."""
        started = self._clock.monotonic()
        self._metrics.started()
        result = "error"
        with (
            structlog.contextvars.bound_contextvars(
                controller=self.name,
                object=str(key),
                reconcile_id=f"{self._rng.getrandbits(64):016x}",
            ),
            self._traced(key) as span,
            self._recorded(key) as flight,
        ):
            try:
                result = await self._attempt(key)
            finally:
                flight.result = result
                span.set_attribute("reconcile.result", result)
                if result == "error":
                    span.set_status(StatusCode.ERROR)
                self._metrics.finished(result, self._clock.monotonic() - started)

    @contextmanager
    def _traced(self, key: K) -> Iterator[Span]:
        """A span from when the key was ready to the end of its run, the wait as one inside.

        The first run after a change continues the trace of who made it. What follows from other
        events, perhaps for months, are traces of their own that point at it.
        """
        if not tracing.enabled():
            yield INVALID_SPAN
            return
        waited = self.queue.waited(key)
        origin = None if self._origin is None else self._origin(key)
        held = origin.traceparent if origin is not None else ""
        continues = origin is not None and origin.open
        attributes = {"controller.name": self.name, "k8s.object.name": str(key)}
        if isinstance(key, ObjectKey):
            attributes |= {"k8s.object.name": key.name, "k8s.namespace.name": key.namespace}
        with tracing.span(
            f"reconcile {self.name}",
            attributes,
            parent=held if continues else None,
            link=None if continues else held,
            ago=waited,
        ) as span:
            tracing.recorded(f"queue {self.name}", waited)
            yield span

    @contextmanager
    def _recorded(self, key: K) -> Iterator[Flight]:
        """Have the flight recorder see the run, from the version of the object that it is about."""
        if self._recorder is None:
            yield Flight(0.0)
            return
        with self._recorder.flight(self.name, str(key)) as flight:
            if self._primary is not None and isinstance(key, ObjectKey):
                held = self._primary.store.get(ObjectKey(*key))
                version = "gone" if held is None else held.metadata.resource_version
                flights.saw(self._primary.resource.kind, version)
            yield flight

    async def _attempt(self, key: K) -> str:
        try:
            with anyio.fail_after(self._timeout):
                outcome = await self._reconcile(key)
        except Conflict as error:
            log.debug("reconcile.conflict", error=str(error))
            self.queue.add_rate_limited(key)
            return "requeue"
        except NotLeading:
            log.info("reconcile.not_leading")
            self.queue.add_rate_limited(key)
            return "requeue"
        except RetryAfter as error:
            log.debug("reconcile.later", delay=error.delay, why=str(error))
            self.queue.forget(key)
            self.queue.add_after(key, error.delay)
            return "requeue_after"
        except TerminalError as error:
            log.error("reconcile.terminal", error=str(error))
            flights.decided(f"gave up: {error}")
            self._metrics.terminal_error()
            self.queue.forget(key)
            return "error"
        except (OmeError, TimeoutError) as error:
            text = str(error) or f"no end after {self._timeout:g} s"
            log.error("reconcile.error", error=text, kind=type(error).__name__)
            flights.decided(f"failed, will try again: {text}")
            self.queue.add_rate_limited(key, _asked(error))
            return "error"
        except Exception as error:
            log.exception("reconcile.panic")
            flights.decided(f"a bug: {type(error).__name__}: {error}")
            self._metrics.panicked()
            self.queue.add_rate_limited(key)
            return "error"
        self.queue.forget(key)
        if outcome is None:
            return "success"
        self.queue.add_after(key, outcome.requeue_after)
        return "requeue_after"


def _asked(error: Exception) -> float:
    """Seconds that the API server wants to be left alone."""
    asked = error.retry_after if isinstance(error, ApiError) else None
    return min(asked or 0.0, _LONGEST_ASKED)
