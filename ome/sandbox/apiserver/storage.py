"""What etcd and the watch cache are to a real server: objects, one version counter, history.

A change is stored and appended to its collection's history in one step. A watch is a position in
that history and has no buffer of its own, so a slow reader costs no memory: when the history has
moved past its position it is told so (410) and lists again.

Races: none. One event loop, and no ``await`` between the look at an object and its replacement;
a writer that had to wait in between says which version it looked at.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from dataclasses import dataclass
from typing import TYPE_CHECKING

import anyio

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from ome.kube.resource import ObjectKey
    from ome.sandbox.stored import Stored

__all__ = ["Change", "Collection", "Store"]

Handler = "Callable[[Stored | None, Stored | None], None]"

_FIRST_VERSION = 100
"""Versions of a fresh store; a client that asks for less asks for what is long gone."""


@dataclass(frozen=True, slots=True)
class Change:
    """One step of a collection; ``new`` of a deletion is None and ``gone`` the last state."""

    version: int
    old: Stored | None
    new: Stored | None
    gone: Stored | None = None

    @property
    def size(self) -> int:
        """Bytes that only the history may still hold."""
        return len(self.old.raw) if self.old else 0


class Collection:
    """The objects of one resource with the recent history of changes."""

    def __init__(self, store: Store, most_changes: int, most_bytes: int) -> None:
        self._store = store
        self._objects: dict[ObjectKey, Stored] = {}
        self._order: list[ObjectKey] = []
        self._changes: list[Change] = []
        self._dropped = 0
        self._bytes = 0
        self._most_changes = most_changes
        self._most_bytes = most_bytes
        self._handlers: list[Callable[[Stored | None, Stored | None], None]] = []
        self._changed = anyio.Event()
        self.floor = store.version
        """Changes up to this version are not in the history any more."""

    def __len__(self) -> int:
        return len(self._objects)

    def get(self, key: ObjectKey) -> Stored | None:
        return self._objects.get(key)

    def keys(self, namespace: str = "", after: ObjectKey | None = None) -> Iterator[ObjectKey]:
        """Keys in order, of one namespace if given, beginning after a key."""
        start = bisect_right(self._order, after) if after else 0
        if namespace:
            first = (namespace, "")
            start = max(start, bisect_left(self._order, first))
        for key in self._order[start:]:
            if namespace and key.namespace != namespace:
                return
            yield key

    def items(self, namespace: str = "") -> Iterator[Stored]:
        """Objects in the order of their keys."""
        return (self._objects[key] for key in self.keys(namespace) if key in self._objects)

    def as_of(self, version: int) -> Mapping[ObjectKey, Stored]:
        """The objects as they were; raises LookupError when the history does not reach back."""
        if version < self.floor:
            raise LookupError(version)
        if not self._changes or self._changes[-1].version <= version:
            return self._objects
        past = dict(self._objects)
        for change in reversed(self._changes):
            if change.version <= version:
                break
            present = change.new or change.old
            assert present is not None
            if change.old is None:
                past.pop(present.key, None)
            else:
                past[present.key] = change.old
        return past

    def apply(self, change: Change) -> None:
        """Take in a change; its version is the store's newest."""
        present = change.new or change.old
        assert present is not None
        if change.new is None:
            del self._objects[present.key]
            del self._order[bisect_left(self._order, present.key)]
        else:
            if change.old is None:
                insort(self._order, present.key)
            self._objects[present.key] = change.new
        self._changes.append(change)
        self._bytes += change.size
        self._trim()
        for handler in tuple(self._handlers):
            handler(change.old, change.new)
        self._changed.set()
        self._changed = anyio.Event()

    def subscribe(
        self, handler: Callable[[Stored | None, Stored | None], None], *, replay: bool
    ) -> Callable[[], None]:
        """Call ``handler`` for each change from now on; gives back what ends it."""
        if replay:
            for stored in list(self.items()):
                handler(None, stored)
        self._handlers.append(handler)

        def unsubscribe() -> None:
            if handler in self._handlers:
                self._handlers.remove(handler)

        return unsubscribe

    def position(self, version: int) -> int | None:
        """Where a watch from a version begins; None when that is no longer known."""
        if version < self.floor:
            return None
        return self._dropped + bisect_right(self._changes, version, key=lambda c: c.version)

    def since(self, position: int, most: int = 500) -> list[Change] | None:
        """The next changes from a position; None when the history has moved past it."""
        if position < self._dropped:
            return None
        start = position - self._dropped
        return self._changes[start : start + most]

    async def wait(self) -> None:
        """Until the next change."""
        await self._changed.wait()

    def expire(self) -> None:
        """Forget the history, as a compaction does: watches from before end with 410."""
        self._drop(len(self._changes))
        self.floor = self._store.version

    def _trim(self) -> None:
        if len(self._changes) <= self._most_changes and self._bytes <= self._most_bytes:
            return
        # In chunks: dropping from the front of a list costs its length.
        self._drop(max(len(self._changes) // 4, 1))

    def _drop(self, count: int) -> None:
        if not count:
            return
        dropped = self._changes[:count]
        del self._changes[:count]
        self._dropped += count
        self._bytes -= sum(change.size for change in dropped)
        self.floor = max(self.floor, dropped[-1].version)


class Store:
    """All collections under one version counter.

    ``most_changes`` and ``most_bytes`` bound the history of each collection.
    """

    def __init__(self, most_changes: int = 20_000, most_bytes: int = 48 * 2**20) -> None:
        self.version = _FIRST_VERSION
        self._bounds = (most_changes, most_bytes)
        self._collections: dict[tuple[str, str], Collection] = {}

    def collection(self, group: str, plural: str) -> Collection:
        """The objects of a resource; made when first asked for."""
        found = self._collections.get((group, plural))
        if found is None:
            found = self._collections[group, plural] = Collection(self, *self._bounds)
        return found

    def collections(self) -> Mapping[tuple[str, str], Collection]:
        """Every collection by (group, plural)."""
        return self._collections

    def next_version(self) -> int:
        """Count up; the caller stores a change of this version before it waits for anything."""
        self.version += 1
        return self.version
