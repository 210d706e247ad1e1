"""Names of the directives of strategic merge patches, and values without them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ome.sandbox.refusal import Refused

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "DELETE_FROM",
    "PATCH",
    "RETAIN_KEYS",
    "SET_ORDER",
    "cleaned",
    "failed",
    "not_a_list",
    "shown",
    "unknown",
]

PATCH = "$patch"
RETAIN_KEYS = "$retainKeys"
DELETE_FROM = "$deleteFromPrimitiveList/"
SET_ORDER = "$setElementOrder/"


def failed(message: str) -> Refused:
    """500 without a reason, as wrong directives end."""
    return Refused(500, "", message)


def unknown(directive: Any, holder: Mapping[str, Any]) -> Refused:
    """What a ``$patch`` that is none of the known ones ends in."""
    return failed(f"unknown patch type: {directive} in map: {shown(holder)}")


def not_a_list(value: Any) -> Refused:
    """What anything but a list ends in where ``$setElementOrder`` is for one."""
    names = {dict: "map[string]interface {}", str: "string", bool: "bool"}
    name = "%!s(<nil>)" if value is None else names.get(type(value), "float64")
    return failed(f"expected a []interface {{}}, but received a {name}")


def shown(value: Any) -> str:
    """A value as Go prints it."""
    if isinstance(value, dict):
        return f"map[{' '.join(f'{name}:{shown(value[name])}' for name in sorted(value))}]"
    if isinstance(value, list):
        return f"[{' '.join(map(shown, value))}]"
    return str(value)


def cleaned(value: Any) -> Any:
    """A value that is new to the object: without directives, nulls and items that are deleted."""
    if isinstance(value, list):
        return [cleaned(item) for item in value if not (isinstance(item, dict) and PATCH in item)]
    if not isinstance(value, dict):
        return value
    return {
        name: cleaned(item)
        for name, item in value.items()
        if item is not None
        and name not in (PATCH, RETAIN_KEYS)
        and not name.startswith((DELETE_FROM, SET_ORDER))
    }
