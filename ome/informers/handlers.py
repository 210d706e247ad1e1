"""Who is told of changes: handlers in the order in which they came, none harmed by another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

import structlog

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ome.informers.metrics import InformerMetrics

__all__ = ["Handlers"]

T = TypeVar("T")

log = structlog.get_logger(__name__)


class Handlers(Generic[T]):
    """Calls ``handler(old, new)`` for each change; None stands for "was not" and "is no more".

    A handler may be added at any time, also by another handler: it gets what is present as adds,
    then every change after that, none twice.
    """

    def __init__(self, watch: str, metrics: InformerMetrics) -> None:
        self._watch = watch
        self._metrics = metrics
        self._handlers: list[Callable[[T | None, T | None], None]] = []
        self._waiting: list[tuple[int, Callable[[T | None, T | None], None]]] = []

    def add(self, handler: Callable[[T | None, T | None], None], present: Iterable[T]) -> None:
        """Add a handler and give it what is ``present``."""
        # A new list: a change that is being told now is not told to the newcomer, for whom it is
        # among what is present.
        self._handlers = [*self._handlers, handler]
        for obj in present:
            self._call(handler, None, obj)

    def add_later(self, handler: Callable[[T | None, T | None], None], generation: int) -> None:
        """Add a handler as soon as the objects have the fields that it reads."""
        self._waiting.append((generation, handler))

    def reached(self, generation: int, present: Iterable[T]) -> None:
        """The objects are now of this generation of the projection."""
        ready = [handler for needed, handler in self._waiting if needed <= generation]
        if not ready:
            return
        self._waiting = [entry for entry in self._waiting if entry[0] > generation]
        objects = list(present)
        for handler in ready:
            self.add(handler, objects)

    def tell(self, old: T | None, new: T | None) -> None:
        """Call all handlers; never raises."""
        for handler in self._handlers:
            try:
                handler(old, new)
            except Exception:
                self._failed(handler)

    def _call(
        self, handler: Callable[[T | None, T | None], None], old: T | None, new: T | None
    ) -> None:
        try:
            handler(old, new)
        except Exception:
            self._failed(handler)

    def _failed(self, handler: object) -> None:
        self._metrics.handler_failed(self._watch)
        log.exception("informer.handler_failed", watch=self._watch, handler=_name(handler))


def _name(handler: object) -> str:
    return getattr(handler, "__qualname__", type(handler).__qualname__)
