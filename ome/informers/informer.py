"""One reader's view of a watch: its store, its handlers, whether it is in sync."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import anyio
import msgspec
import structlog

from ome.informers.projection import HasMetadata
from ome.informers.reflector import State
from ome.kube.resource import ObjectKey

if TYPE_CHECKING:
    from collections.abc import Callable

    from ome.informers.shared import SharedWatch
    from ome.informers.store import Store
    from ome.kube.resource import Resource

__all__ = ["Informer"]

T = TypeVar("T", bound=HasMetadata)

log = structlog.get_logger(__name__)


class Informer(Generic[T]):
    """What one reader sees of the objects of a resource in a scope.

    Its objects have the attributes of ``T`` (and, as they are shared, those that other readers of
    the same watch declared); they are of a common class, not of ``T`` itself.
    """

    def __init__(self, watch: SharedWatch, generation: int, *, optional: bool) -> None:
        self._watch = watch
        self._generation = generation
        self._optional = optional

    def __str__(self) -> str:
        return str(self._watch.target)

    @property
    def store(self) -> Store[T]:
        """The objects; read only when ``synced``."""
        return self._watch.store

    @property
    def resource(self) -> Resource:
        """What is watched."""
        return self._watch.target.resource

    @property
    def synced(self) -> bool:
        """True from the first complete list on; never false again while this reader lives.

        An ``optional`` resource that the server did not serve counts as in sync, and empty; when
        it is served later, its objects come as adds. So does one that sleeps (``OptionalKinds``).
        """
        if self._watch.has(self._generation) or self._watch.asleep:
            return True
        return self._optional and self._watch.was_absent

    @property
    def listed(self) -> bool:
        """True while the store holds a complete list, which says more than ``synced``."""
        return self._watch.has(self._generation)

    @property
    def absent(self) -> bool:
        """True while the server does not know the resource (CRD not installed).

        What was in the store before stays: a server that starts up may say so for a moment.
        """
        return self._watch.state is State.ABSENT

    @property
    def state(self) -> str:
        """What the watch is doing: ``listing``, ``watching``, ``refused``, ``asleep`` and so on."""
        return "asleep" if self._watch.asleep else self._watch.state.value

    @property
    def freshness(self) -> float | None:
        """Seconds since the server was last heard (list, event, bookmark); None before."""
        return self._watch.freshness

    async def wait_synced(self, deadline: float = 120.0) -> None:
        """Wait until ``synced``, at most ``deadline`` seconds. Raises: TimeoutError."""
        with anyio.move_on_after(deadline):
            while not self.synced:
                await self._watch.changed()
        if not self.synced:
            raise TimeoutError(f"{self} is not in sync after {deadline:g} s ({self.state})")

    def add_handler(self, handler: Callable[[T | None, T | None], None]) -> None:
        """Have ``handler(old, new)`` called for each change, right after the store shows it.

        It is synchronous and must be quick. ``None`` stands for "was not" and "is no more"; a
        deletion gives the last state that was told. What is present already comes as adds. The
        calls follow the server alone: what our own writes show (``observed``) makes none, so the
        store may be ahead of ``new`` by up to five seconds. One that raises is logged.
        """
        self._watch.add_handler(handler, self._generation)

    def observed(self, written: Mapping[str, Any] | T) -> None:
        """Show the response of our own write in the store until the watch has caught up.

        ``written`` is a document, or an object of the store with what the response changed.
        Never raises: a response that does not fit the projection is logged and not shown.
        """
        key, uid, version = _identity(written)
        if not self._covers(key):
            return
        try:
            self._watch.store.shadow(key, written, version, uid)
        except (msgspec.DecodeError, TypeError) as error:
            log.error("informer.undecodable", watch=str(self), key=str(key), why=str(error))

    def observed_deleted(self, key: ObjectKey, uid: str) -> None:
        """Hide an object that the server just confirmed to be gone, until the watch says so."""
        if self._covers(key):
            self._watch.store.shadow_deleted(key, uid)

    def listen(self, listener: Callable[[], None]) -> None:
        """Have ``listener`` called whenever the state may have changed; it must be quick."""
        self._watch.listen(listener)

    def wake(self) -> None:
        """Watch from now on; does nothing when it does already."""
        self._watch.wake()

    def sleep(self) -> None:
        """Watch nothing and hold nothing until ``wake``; what was held is told as deleted."""
        self._watch.sleep()

    def retry_now(self) -> None:
        """End a wait (absent, backing off) at once; call it when a CRD has appeared."""
        self._watch.retry_now()

    def _covers(self, key: ObjectKey) -> bool:
        return self._watch.target.namespace in ("", key.namespace)


def _identity(written: Mapping[str, Any] | HasMetadata) -> tuple[ObjectKey, str, str]:
    if not isinstance(written, Mapping):
        return written.metadata.key, written.metadata.uid, written.metadata.resource_version
    metadata = written.get("metadata") or {}
    key = ObjectKey(metadata.get("namespace", ""), metadata.get("name", ""))
    return key, metadata.get("uid", ""), metadata.get("resourceVersion", "")
