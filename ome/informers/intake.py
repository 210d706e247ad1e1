"""From decoded changes and lists to the store and its handlers, in order and without repetition.

All of it is synchronous; a relist is an iterator of small steps between which the driver may give
the loop back, so that ten thousand objects do not hold it up. Between two steps readers see some
objects of the new list and some from before it: each object is consistent in itself, and every
change is told to the handlers right after the store shows it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

import structlog

from ome.informers.decoding import Undecodable
from ome.informers.projection import HasMetadata
from ome.informers.versions import older

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ome.informers.decoding import Change, Decoder
    from ome.informers.handlers import Handlers
    from ome.informers.metrics import InformerMetrics
    from ome.informers.sharing import Sharing
    from ome.informers.store import Store
    from ome.kube.resource import ObjectKey

__all__ = ["Intake"]

T = TypeVar("T", bound=HasMetadata)

log = structlog.get_logger(__name__)


class Intake(Generic[T]):
    """Takes in what one watch brings."""

    def __init__(
        self,
        watch: str,
        decoder: Decoder[T],
        store: Store[T],
        handlers: Handlers[T],
        metrics: InformerMetrics,
    ) -> None:
        self.decoder = decoder
        self.store = store
        self.generation = 0
        """Of ``decoder``: goes up when readers come to want more fields."""
        self.replaced = -1
        """The generation of the last list that the store has taken over; -1 before the first."""
        self._watch = watch
        self._handlers = handlers
        self._metrics = metrics
        self._reading = 0
        # None: the object is in the list, and what the store has of it stays.
        self._pending: dict[ObjectKey, T | None] = {}
        self._complained: set[ObjectKey] = set()
        self._sharing: Sharing | None = None

    # Lists

    def begin(self) -> None:
        """Forget the pages of an unfinished list: a new one begins."""
        self._pending = {}
        self._reading = self.generation
        self._sharing = self.decoder.sharing()
        self._complained.clear()

    def item(self, raw: bytes | Undecodable) -> None:
        """One item of a page."""
        self.present(self.decoder.item(raw))

    def present(self, obj: T | Undecodable) -> None:
        """An object is in the list that is being read."""
        key = obj.metadata.key
        if isinstance(obj, Undecodable):
            self.undecodable(obj)
            if key.name:
                self._pending[key] = None
            return
        known = self.store.server(key)
        if known is not None and _same(known, obj):
            self._pending[key] = None
            return
        if self._sharing is not None:
            self._sharing.share(obj)
        self._pending[key] = obj

    def no_longer_present(self, key: ObjectKey) -> None:
        """An object was deleted while a streaming list was told."""
        self._pending.pop(key, None)

    def replace(self, version: str) -> Iterator[None]:
        """Take the pages since ``begin`` for the truth; the difference goes to the handlers."""
        pending, self._pending = self._pending, {}
        self._sharing = None
        for key, obj in pending.items():
            if obj is not None:
                self._upsert(key, self.store.server(key), obj)
                yield
        for key in self.store.server_objects():
            if key not in pending:
                self._remove(key, uid="", version=version)
                yield
        self.store.reached(version)
        self.replaced = self._reading
        self._handlers.reached(self.replaced, self.store.server_objects().values())

    def forget(self) -> None:
        """The resource is gone, and all its objects with it; the next list is a first one."""
        self._pending = {}
        self.replaced = -1
        for key, known in self.store.server_objects().items():
            metadata = known.metadata
            self._remove(key, uid=metadata.uid, version=metadata.resource_version)

    # Events

    def change(self, change: Change[T]) -> None:
        """One event of the watch, no older than the last."""
        metadata = change.object.metadata
        key, version = metadata.key, metadata.resource_version
        known = self.store.server(key)
        if change.type == "DELETED":
            self._deleted(key, known, metadata.uid, version)
        elif known is not None and self._repeats(known, change.object):
            self._metrics.skipped(self._watch, "stale")
        else:
            self._upsert(key, known, change.object, version)

    def undecodable(self, bad: Undecodable) -> None:
        """An object that does not fit is left out; a good version from before stays."""
        self._metrics.skipped(self._watch, "undecodable")
        metadata = bad.metadata
        key = metadata.key
        if bad.type == "DELETED" and metadata.name:
            self._deleted(key, self.store.server(key), metadata.uid, metadata.resource_version)
            return
        if key not in self._complained:  # once for each object and list, not for each heartbeat
            self._complained.add(key)
            log.error("informer.undecodable", watch=self._watch, key=str(key), why=bad.why)

    # Within

    @staticmethod
    def _repeats(known: T, obj: T) -> bool:
        mine, theirs = known.metadata, obj.metadata
        if mine.uid != theirs.uid:
            return False
        if mine.resource_version == theirs.resource_version:
            return _same(known, obj)
        return older(theirs.resource_version, than=mine.resource_version)

    def _upsert(self, key: ObjectKey, known: T | None, obj: T, version: str = "") -> None:
        if known is not None and known.metadata.uid != obj.metadata.uid:
            # Another object of the same name: the end of one, then the beginning of the other.
            ended = known.metadata
            self._remove(key, uid=ended.uid, version=ended.resource_version)
        old = self.store.put(key, obj, version)
        self._handlers.tell(old, obj)

    def _deleted(self, key: ObjectKey, known: T | None, uid: str, version: str) -> None:
        if known is not None and uid and known.metadata.uid != uid:
            self._metrics.skipped(self._watch, "stale")  # of an object that had this name before
            return
        self._remove(key, uid=uid, version=version, event=version)

    def _remove(self, key: ObjectKey, *, uid: str, version: str, event: str = "") -> None:
        old = self.store.remove(key, uid=uid, version=version, event=event)
        if old is not None:
            self._handlers.tell(old, None)


def _same(known: HasMetadata, obj: HasMetadata) -> bool:
    """The same version of the same object, decoded into the same fields."""
    mine, theirs = known.metadata, obj.metadata
    return (
        bool(mine.resource_version)
        and mine.resource_version == theirs.resource_version
        and mine.uid == theirs.uid
        and type(known) is type(obj)
    )
