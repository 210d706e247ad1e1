"""One secondary index of a store, kept current object by object."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar

import structlog

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Mapping

    from ome.kube.resource import ObjectKey

__all__ = ["Index"]

T = TypeVar("T")

log = structlog.get_logger(__name__)


class Index(Generic[T]):
    """Maps what a pure function says of an object to the keys of such objects.

    The function is called again on the old object when it changes, so it must give the same
    answer for the same object at any time. One that raises is logged and counts as "no values".
    """

    def __init__(
        self, name: str, values_of: Callable[[T], Iterable[Hashable]], *, of_key: bool = False
    ) -> None:
        """``of_key``: the values follow from the object's key, so an update changes nothing."""
        self.name = name
        self.values_of = values_of
        self._of_key = of_key
        # Dicts as ordered sets: the order of results must not depend on the hash seed.
        self._keys: dict[Hashable, dict[ObjectKey, None]] = {}

    def change(self, key: ObjectKey, old: T | None, new: T | None) -> None:
        """Take note that the object of ``key`` was ``old`` (None: none) and is ``new``."""
        if self._of_key and old is not None and new is not None:
            return
        before = () if old is None else self._values(key, old)
        after = () if new is None else self._values(key, new)
        if before == after:
            return
        for value in before:
            if value not in after:
                self._forget(value, key)
        for value in after:
            self._keys.setdefault(value, {})[key] = None

    def rebuild(self, objects: Mapping[ObjectKey, T]) -> None:
        """Start over from all objects."""
        self._keys.clear()
        for key, obj in objects.items():
            self.change(key, None, obj)

    def keys(self, value: Hashable) -> Iterable[ObjectKey]:
        """The keys of the objects that have ``value``; a live view."""
        return self._keys.get(value, _NONE)

    def content(self) -> dict[Hashable, set[ObjectKey]]:
        """A copy of the whole index, for tests and for debugging."""
        return {value: set(keys) for value, keys in self._keys.items()}

    def _values(self, key: ObjectKey, obj: T) -> tuple[Hashable, ...]:
        try:
            return tuple(self.values_of(obj))
        except Exception:
            log.exception("index.failed", index=self.name, key=str(key))
            return ()

    def _forget(self, value: Hashable, key: ObjectKey) -> None:
        keys = self._keys.get(value)
        if keys is not None:
            keys.pop(key, None)
            if not keys:
                del self._keys[value]


_NONE: Mapping[Any, None] = {}
