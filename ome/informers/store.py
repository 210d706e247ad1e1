"""What the cluster looks like now, with indexes and an overlay of our own writes.

There are two views of each object. The *server's* is what the watch delivered; handlers follow it
and nothing else. The *visible* one, which ``get``, ``values`` and the indexes give, differs from
it only where a *shadow* lies: the response of our own write hides the server's older version until
the watch has caught up (an event for the object, a bookmark or a relist at or past that version),
the object is deleted, or five seconds have passed. So a reconciler that runs again right after its
write sees what it wrote, and a shadow that nothing confirms cannot mislead it for long.

Races (one event loop, no locks, no ``await`` in this module, so each method is atomic):

- The watch is faster than the response of our write: a version that the watch has already passed
  makes no shadow, else it would hide what came after it.
- Two responses for one object arrive out of order: the newer version stays.
- An event older than a shadow changes the server's view below it and is not visible.
- A late DELETED event of an object that we made anew under the same name leaves the new one's
  shadow alone (told apart by uid and version).

Overlay changes, by writes or by expiry, call no handlers: who wrote knows, and the event follows.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from ome.informers.index import Index
from ome.informers.overlay import Shadow
from ome.informers.projection import HasMetadata
from ome.informers.versions import older

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable

    from ome.clock import Clock
    from ome.kube.resource import ObjectKey

__all__ = ["Store"]

T = TypeVar("T", bound=HasMetadata)

_NAMESPACE = "ome.informers/namespace"


class Store(Generic[T]):
    """Objects by key and by index; see the module for what is visible when."""

    def __init__(
        self, clock: Clock, *, convert: Callable[[Mapping[str, Any]], T] | None = None
    ) -> None:
        self._clock = clock
        self._convert = convert
        self._visible: dict[ObjectKey, T] = {}
        self._shadows: dict[ObjectKey, Shadow[T]] = {}  # in the order in which they expire
        self._indexes: dict[str, Index[T]] = {}
        self._version = ""

    # Reading

    def get(self, key: ObjectKey) -> T | None:
        """The object of this key, None when there is none."""
        if self._shadows:
            self._expire()
        return self._visible.get(key)

    def keys(self) -> list[ObjectKey]:
        """The keys of all objects, as they are now."""
        self._expire()
        return list(self._visible)

    def values(self) -> list[T]:
        """All objects, as they are now."""
        self._expire()
        return list(self._visible.values())

    def __len__(self) -> int:
        self._expire()
        return len(self._visible)

    def __contains__(self, key: object) -> bool:
        self._expire()
        return key in self._visible

    def sample(self, most: int) -> list[T]:
        """Some of the objects."""
        return list(itertools.islice(self._visible.values(), most))

    def namespace(self, namespace: str) -> list[T]:
        """The objects of one namespace (indexed from the first call on)."""
        if _NAMESPACE not in self._indexes:
            index: Index[T] = Index(_NAMESPACE, _namespace_of, of_key=True)
            index.rebuild(self._visible)
            self._indexes[_NAMESPACE] = index
        return self.by_index(_NAMESPACE, namespace)

    def add_index(self, name: str, values_of: Callable[[T], Iterable[Hashable]]) -> None:
        """Keep an index by a pure function; again with the same function is allowed.

        Raises: ValueError when another function has the name.
        """
        known = self._indexes.get(name)
        if known is not None:
            if known.values_of is not values_of:
                raise ValueError(f"another index is already called {name!r}")
            return
        index = Index(name, values_of)
        index.rebuild(self._visible)
        self._indexes[name] = index

    def by_index(self, name: str, value: Hashable) -> list[T]:
        """The objects for which the index function gives ``value``.

        Raises: KeyError when there is no such index.
        """
        self._expire()
        visible = self._visible
        return [visible[key] for key in self._indexes[name].keys(value)]

    # The overlay of our own writes

    def shadow(
        self, key: ObjectKey, obj: T | Mapping[str, Any], resource_version: str, uid: str
    ) -> None:
        """Show the response of our own write until the watch has caught up.

        Raises: what the converter raises when ``obj`` is a document that does not fit.
        """
        self._expire()
        if self._passed(resource_version):
            return
        before = self._shadows.get(key)
        if before is not None and before.outlasts(resource_version, uid):
            return
        self._lay(key, self._typed(obj), resource_version, uid)

    def shadow_deleted(self, key: ObjectKey, uid: str) -> None:
        """Hide an object that the server confirmed deleted, until the watch says so too.

        Another object of the same name (other uid) is not hidden.
        """
        self._expire()
        visible = self._visible.get(key)
        if visible is not None and visible.metadata.uid == uid:
            self._lay(key, None, visible.metadata.resource_version, uid)

    # Writing: what the server says (for the one watch that feeds this store)

    def server(self, key: ObjectKey) -> T | None:
        """The server's view of one object."""
        shadow = self._shadows.get(key)
        return self._visible.get(key) if shadow is None else shadow.behind

    def server_objects(self) -> dict[ObjectKey, T]:
        """The server's view of all objects, as it is now."""
        objects = dict(self._visible)
        for key, shadow in self._shadows.items():
            objects.pop(key, None)
            if shadow.behind is not None:
                objects[key] = shadow.behind
        return objects

    def put(self, key: ObjectKey, obj: T, version: str = "") -> T | None:
        """Take in an object and give the server's view from before.

        ``version`` is that of the event, empty for an object of a list (only the end of a list,
        ``reached``, says how far it goes).
        """
        if version:
            self._version = version
        shadow = self._shadows.get(key)
        if shadow is None:
            old = self._visible.get(key)
            self._show(key, obj)
            return old
        old, shadow.behind = shadow.behind, obj
        if shadow.superseded_by(obj.metadata):
            self._lift(key, shadow)
        return old

    def remove(self, key: ObjectKey, *, uid: str, version: str, event: str = "") -> T | None:
        """Take out an object and give the server's view from before (None: there was none).

        ``version`` is that from which on it is known to be gone; ``uid`` is empty when it is the
        end of no certain object (it was not in a list). ``event`` as ``version`` of ``put``.
        """
        if event:
            self._version = event
        shadow = self._shadows.get(key)
        if shadow is None:
            old = self._visible.get(key)
            if old is not None:
                self._show(key, None)
            return old
        old, shadow.behind = shadow.behind, None
        if shadow.ended_by(uid, version):
            self._lift(key, shadow)
        return old

    def reached(self, version: str) -> None:
        """The server has told everything up to ``version`` (a bookmark, the end of a list)."""
        self._version = version
        for key, shadow in list(self._shadows.items()):
            if shadow.covered_by(version):
                self._lift(key, shadow)

    # Within

    def _typed(self, obj: T | Mapping[str, Any]) -> T:
        if not isinstance(obj, Mapping):
            return obj
        if self._convert is None:
            raise TypeError("this store was given no converter for documents")
        return self._convert(obj)

    def _passed(self, version: str) -> bool:
        return version == self._version or older(version, than=self._version)

    def _lay(self, key: ObjectKey, obj: T | None, version: str, uid: str) -> None:
        behind = self.server(key)
        self._shadows.pop(key, None)  # to the end: it expires last
        expires = self._clock.monotonic() + Shadow.LIFETIME
        self._shadows[key] = Shadow(version, uid, expires, deleted=obj is None, behind=behind)
        self._show(key, obj)

    def _lift(self, key: ObjectKey, shadow: Shadow[T]) -> None:
        del self._shadows[key]
        self._show(key, shadow.behind)

    def _expire(self) -> None:
        while self._shadows:
            key, shadow = next(iter(self._shadows.items()))
            if shadow.expires > self._clock.monotonic():
                return
            self._lift(key, shadow)

    def _show(self, key: ObjectKey, new: T | None) -> None:
        old = self._visible.get(key)
        if new is not None:
            self._visible[key] = new
        elif old is not None:
            del self._visible[key]
        for index in self._indexes.values():
            index.change(key, old, new)


def _namespace_of(obj: HasMetadata) -> tuple[str]:
    return (obj.metadata.namespace,)
