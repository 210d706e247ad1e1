"""The JSON patch (RFC 6902) from an object as sent to the object as it should be.

Only what differs is in it, so fields that nobody here knows are never touched. A list that grew at
its end is added to; one that changed in any other way is replaced item by item where the length is
the same, else as a whole.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["json_patch"]

_encode = msgspec.json.Encoder().encode


def json_patch(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The operations that turn ``before`` into ``after``; empty when they are equal."""
    operations: list[dict[str, Any]] = []
    _objects(before, after, "", operations)
    return operations


def _objects(
    before: Mapping[str, Any], after: Mapping[str, Any], path: str, found: list[dict[str, Any]]
) -> None:
    found += [
        {"op": "remove", "path": f"{path}/{_escape(name)}"} for name in before if name not in after
    ]
    for name, value in after.items():
        if name not in before:
            found.append({"op": "add", "path": f"{path}/{_escape(name)}", "value": value})
        elif not _same(before[name], value):
            _values(before[name], value, f"{path}/{_escape(name)}", found)


def _values(before: Any, after: Any, path: str, found: list[dict[str, Any]]) -> None:
    """What turns one value into another, which differs."""
    if isinstance(before, dict) and isinstance(after, dict):
        _objects(before, after, path, found)
    elif isinstance(before, list) and isinstance(after, list) and len(before) <= len(after):
        _lists(before, after, path, found)
    else:
        found.append({"op": "replace", "path": path, "value": after})


def _lists(before: list[Any], after: list[Any], path: str, found: list[dict[str, Any]]) -> None:
    changes: list[dict[str, Any]] = []
    for place, value in enumerate(before):
        if not _same(value, after[place]):
            _values(value, after[place], f"{path}/{place}", changes)
    changes += [
        {"op": "add", "path": f"{path}/-", "value": value} for value in after[len(before) :]
    ]
    # Something put in the middle makes every later item differ: the whole list is shorter then.
    if len(changes) > 1 + len(after) - len(before) and len(before) < len(after):
        changes = [{"op": "replace", "path": path, "value": after}]
    found += changes


def _same(before: Any, after: Any) -> bool:
    # In Python 1 == 1.0 == True, in JSON they are three different texts. Comparing first is what
    # makes it fast: a copy shares its scalars with the original, so most parts are the same, and of
    # those that are not few get as far as a text.
    if before is after:
        return True
    if type(before) is not type(after) or before != after:
        return False
    return not isinstance(before, (dict, list)) or _encode(before) == _encode(after)


def _escape(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")
