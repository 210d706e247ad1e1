"""From a cached object to a typed kind, parsed once for each version of the object."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import pydantic
from cachetools import LRUCache

from ome.errors import OmeError
from ome.informers.nesting import TOO_DEEP

if TYPE_CHECKING:
    from ome.api.schema import KindObject
    from ome.informers.projection import WholeObject

__all__ = ["KindDecoder", "Unreadable"]

K = TypeVar("K", bound="KindObject")


class Unreadable(OmeError):
    """A stored object does not have the shape of its kind (written before its CRD was full)."""


class KindDecoder:
    """Parses cached objects into kinds of ours and remembers the last ``size`` results.

    Parsing costs much more than reading; an object that did not change is parsed once however many
    services look at it.
    """

    def __init__(self, size: int = 4096) -> None:
        self._cache: LRUCache[tuple[str, str, str], Any] = LRUCache(maxsize=size)

    def __call__(self, kind: type[K], stored: WholeObject) -> K:
        """The typed object. Raises ``Unreadable`` naming object and field."""
        metadata = stored.metadata
        key = (kind.KIND, metadata.uid, metadata.resource_version)
        cached = self._cache.get(key)
        if cached is not None:
            found: K = cached
            return found
        where = f"{metadata.namespace}/" if metadata.namespace else ""
        try:
            parsed = kind.model_validate(stored.document())
        except RecursionError as error:
            raise Unreadable(f"{kind.KIND} {where}{metadata.name}: {TOO_DEEP}") from error
        except pydantic.ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            field = ".".join(str(part) for part in first["loc"])
            raise Unreadable(
                f"{kind.KIND} {where}{metadata.name}: {field}: {first['msg']}; correct the field"
            ) from error
        self._cache[key] = parsed
        return parsed
