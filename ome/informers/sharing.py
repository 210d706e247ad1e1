"""Equal strings of a list kept once: thousands of nodes report the same models in the same words.

Only while a list is read, where everything is new at once; an event replaces little.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from msgspec.structs import fields, force_setattr

__all__ = ["Sharing"]

_MOST = 8192
"""Strings remembered at a time; a list in which all differ must not be held twice."""


class Sharing:
    """The strings of the ``dict[str, str]`` fields of one projection."""

    def __init__(self, projection: type[Any]) -> None:
        known: Any = projection  # mypy does not take a class for hashable
        self._names = _string_maps(known)
        self._strings: dict[str, str] = {}

    def share(self, obj: Any) -> None:
        """Have an object that nobody reads yet hold strings that others hold already."""
        if len(self._strings) >= _MOST:
            self._strings.clear()
        kept = self._strings.setdefault
        for name in self._names:
            value = getattr(obj, name)
            if value:
                shared = {kept(key, key): kept(text, text) for key, text in value.items()}
                force_setattr(obj, name, shared)


@lru_cache(maxsize=256)
def _string_maps(projection: type[Any]) -> tuple[str, ...]:
    """The names of those fields; finding them evaluates annotations, too dear for each list."""
    return tuple(field.name for field in fields(projection) if field.type == dict[str, str])
