"""One watch with all that its readers share: projection, store, handlers, driver.

Readers declare what they want at any time. As long as nothing has been decoded that only widens
the union. Later it begins a new *generation*: the watch lists again into the wider projection, and
until it has, the newcomer is not in sync and its handlers wait; readers that were there before see
their objects all the time, and each object as an update once.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import anyio
import msgspec

from ome.informers.decoding import Decoder
from ome.informers.driver import Driver
from ome.informers.handlers import Handlers
from ome.informers.intake import Intake
from ome.informers.merging import ProjectionError, merge_projections
from ome.informers.projection import Metadata
from ome.informers.reflector import State
from ome.informers.store import Store

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Mapping

    from ome.clock import Clock
    from ome.informers.metrics import InformerMetrics
    from ome.informers.target import Target, WatchClient

__all__ = ["SharedWatch"]

_SAMPLE = 32
_SENT_WITH_METADATA = {"metadata", "api_version", "kind"}


class SharedWatch:
    """The objects of one target, for everybody who reads them."""

    def __init__(
        self,
        client: WatchClient,
        target: Target,
        projection: type[Any],
        *,
        clock: Clock,
        rng: random.Random,
        metrics: InformerMetrics,
        streaming: bool,
    ) -> None:
        _check(projection, target)
        self.target = target
        self._clock = clock
        self._projections: list[type[Any]] = [projection]
        self._started = False
        self.was_absent = False
        """The server once said that it does not know the resource."""
        self.asleep = False
        """Nothing is listed or watched, and nothing is held, until ``wake``."""
        self._listeners: list[Callable[[], None]] = []
        self._awake = anyio.Event()
        self._scope: anyio.CancelScope | None = None
        self._change = anyio.Event()
        self.handlers: Handlers[Any] = Handlers(str(target), metrics)
        self.store: Store[Any] = Store(clock, convert=self._convert)
        self._intake: Intake[Any] = Intake(
            str(target),
            Decoder(merge_projections(projection), target.resource),
            self.store,
            self.handlers,
            metrics,
        )
        self._driver: Driver[Any] = Driver(
            client,
            target,
            self._intake,
            clock=clock,
            rng=rng,
            metrics=metrics,
            streaming=streaming,
            changed=self._changed,
        )

        metrics.declared(str(target), self._seconds_unheard, self._bytes_held)

    def declare(self, projection: type[Any]) -> int:
        """Add what a reader wants; gives the generation from which on the objects have it.

        Raises: ProjectionError, and then nothing has changed.
        """
        if projection not in self._projections:
            _check(projection, self.target)
            union = merge_projections(*self._projections, projection)
            self._intake.decoder = Decoder(union, self.target.resource)
            self._projections.append(projection)
            if self._started:
                self._intake.generation += 1
                self._driver.restart()
        return self._intake.generation

    def has(self, generation: int) -> bool:
        """True when the store holds a whole list of this generation or a later one."""
        return self._intake.replaced >= generation

    def add_handler(self, handler: Callable[[Any, Any], None], generation: int) -> None:
        """See ``Informer.add_handler``."""
        if generation == 0 or self.has(generation):
            self.handlers.add(handler, self.store.server_objects().values())
        else:
            self.handlers.add_later(handler, generation)

    @property
    def state(self) -> State:
        """Where the reflector is."""
        return self._driver.state

    @property
    def freshness(self) -> float | None:
        """Seconds since the server was last heard, None before the first time."""
        heard = self._driver.heard
        return None if heard is None else self._clock.monotonic() - heard

    def problem(self) -> str | None:
        """What is wrong with our own code here, if anything is."""
        late = self._driver.overdue()
        if late <= 0:
            return None
        return f"the watch of {self.target} is stuck ({self.state.value}), {late:.0f} s overdue"

    def retry_now(self) -> None:
        """End a wait."""
        self._driver.retry_now()

    async def changed(self) -> None:
        """Wait until the state may have changed (without a deadline: the caller has one)."""
        await self._change.wait()

    def listen(self, listener: Callable[[], None]) -> None:
        """Have ``listener`` called whenever the state may have changed; it must be quick."""
        self._listeners.append(listener)

    def wake(self) -> None:
        """List and watch from now on."""
        if self.asleep:
            self.asleep = False
            self._awake.set()
            self._changed()

    def sleep(self) -> None:
        """Stop watching and forget all objects, each told as deleted, until ``wake``."""
        if self.asleep:
            return
        self.asleep = True
        self._awake = anyio.Event()
        if self._scope is not None:
            self._scope.cancel()
        self._intake.forget()
        self._changed()

    async def run(self) -> None:
        """List and watch, while awake, until cancelled."""
        self._started = True
        while True:
            if self.asleep:
                self._driver.rest()
                await self._awake.wait()
            with anyio.CancelScope() as self._scope:
                await self._driver.run()
            self._scope = None
            # What came in before the cancellation got through is forgotten too.
            self._intake.forget()

    def _changed(self) -> None:
        self.was_absent = self.was_absent or self.state is State.ABSENT
        self._change.set()
        self._change = anyio.Event()
        for listener in self._listeners:
            listener()

    def _seconds_unheard(self) -> float:
        if self.asleep:
            return 0.0
        freshness = self.freshness
        return math.inf if freshness is None else freshness

    def _bytes_held(self) -> float:
        """From a sample: encoding all of a large store would hold up the loop."""
        sample = self.store.sample(_SAMPLE)
        if not sample:
            return 0.0
        encoded = sum(len(msgspec.json.encode(obj)) for obj in sample)
        return encoded / len(sample) * len(self.store)

    def _convert(self, document: Mapping[str, Any]) -> Any:
        return self._intake.decoder.convert(document)


@lru_cache(maxsize=256)
def _fields_of(projection: Any) -> Mapping[str, Any]:
    """Names and types. Kept: asking a class for them costs as much as opening its watch."""
    return {field.name: field.type for field in msgspec.structs.fields(projection)}


def _check(projection: type[Any], target: Target) -> None:
    known: Any = projection  # mypy does not take a class for hashable
    declared = _fields_of(known)
    if declared.get("metadata") is not Metadata:
        raise ProjectionError(f"{projection.__qualname__} must have metadata: Metadata")
    if target.metadata_only and (more := declared.keys() - _SENT_WITH_METADATA):
        raise ProjectionError(
            f"{projection.__qualname__} wants {', '.join(sorted(more))} of {target}, "
            "but of metadata_only nothing else is sent"
        )
