"""Sets of fields in the form in which ``fieldsV1`` holds them, and their algebra. Pure.

A set is a tree: ``{"f:data": {".": {}, "f:a": {}}}`` holds ``.data`` and ``.data.a``. A node
without anything below it is a member itself; one with something below is a member only if it says
so with ``.``. So at the root ``{}`` is the empty set, and as a node ``{}`` is a member. The
functions on whole sets take and give roots; ``None`` stands for a node that is not there.

Elements are ``f:`` and a member's name, ``k:`` and the keys of an item of a ``map`` list, ``v:``
and an item of a ``set``. Results share what they can with their arguments, so nobody may change a
set.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = [
    "SELF",
    "Fields",
    "compact",
    "contains",
    "difference",
    "intersection",
    "is_member",
    "node",
    "normalized",
    "spelled",
    "spelled_element",
    "union",
    "without_paths",
]

Fields = dict[str, Any]

SELF = "."
_MEMBER: Fields = {}


def is_member(at: Fields) -> bool:
    """Whether a node is itself in the set."""
    return not at or SELF in at


def node(member: bool, below: Fields) -> Fields | None:
    """A node from whether it is a member and what is below it; ``below`` may hold ``.``."""
    if not below:
        return {} if member else None
    return {SELF: _MEMBER, **below} if member and SELF not in below else below


def union(left: Fields, right: Fields) -> Fields:
    """What is in either set."""
    if not left or not right:
        return left or right
    result = dict(left)
    for element, below in right.items():
        result[element] = _joined(result[element], below) if element in result else below
    return result


def _joined(left: Fields, right: Fields) -> Fields:
    if left and right:
        return union(left, right)
    below = left or right
    return {SELF: _MEMBER, **below} if below and SELF not in below else below


def difference(left: Fields, right: Fields) -> Fields:
    """What is in the first set only; members below one that goes stay."""
    if left.keys().isdisjoint(right):
        return left
    result = {}
    for element, below in left.items():
        rest = _rest(below, right[element]) if element in right else below
        if rest is not None:
            result[element] = rest
    return result


def _rest(left: Fields, right: Fields) -> Fields | None:
    member = is_member(left) and not is_member(right)
    return node(member, difference(_below(left), _below(right)))


def intersection(left: Fields, right: Fields) -> Fields:
    """What is in both sets."""
    result = {}
    for element in left.keys() & right.keys():
        ours, theirs = left[element], right[element]
        below = intersection(_below(ours), _below(theirs))
        shared = node(is_member(ours) and is_member(theirs), below)
        if shared is not None:
            result[element] = shared
    return result


def contains(whole: Fields, part: Fields) -> bool:
    """Whether all of ``part`` is in ``whole``."""
    return not difference(part, whole)


def without_paths(fields: Fields, paths: Sequence[tuple[str, ...]]) -> Fields:
    """The set without these fields of objects and everything below them."""
    for path in paths:
        fields = _without_path(fields, path)
    return fields


def _without_path(fields: Fields, path: tuple[str, ...]) -> Fields:
    element = f"f:{path[0]}"
    if element not in fields:
        return fields
    rest = {name: below for name, below in fields.items() if name != element}
    if len(path) > 1:
        at = fields[element]
        kept = node(is_member(at), _without_path(_below(at), path[1:]))
        if kept is not None:
            rest[element] = kept
    return rest


def _below(at: Fields) -> Fields:
    if SELF not in at:
        return at
    return {element: below for element, below in at.items() if element != SELF}


def compact(value: Any) -> str:
    """JSON as it stands in elements: sorted, without blanks, safe within HTML."""
    text = _plain(value)
    if _UNSAFE.search(text):
        text = _UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
    return text


def _plain(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), sort_keys=True, ensure_ascii=False)


_UNSAFE = re.compile("[<>&\u2028\u2029]")


def normalized(fields: Any) -> Fields:
    """A set that someone else wrote, with keys as we write them.

    Elements of a kind that nobody knows are left out. Raises ``ValueError`` for what is no set.
    """
    if not isinstance(fields, dict):
        raise ValueError("a set of fields is an object")
    result = {}
    for element, below in fields.items():
        kind, _, rest = element.partition(":")
        if kind in ("k", "v"):
            value = json.loads(rest)
            if kind == "k" and not isinstance(value, dict):
                raise ValueError(f"{element} does not hold keys")
            element = f"{kind}:{compact(value)}"
        elif kind == "i":
            int(rest)
        elif kind != "f" and element != SELF:
            continue
        result[element] = normalized(below)
    return result


def spelled(fields: Fields, prefix: str = "") -> Iterator[str]:
    """The members as messages name them: ``.spec.parts[name="a"].count``; outer ones first."""
    ordered = sorted(element for element in fields if element != SELF)
    paths = {element: prefix + spelled_element(element) for element in ordered}
    for element in ordered:
        if is_member(fields[element]):
            yield paths[element]
    for element in ordered:
        yield from spelled(fields[element], paths[element])


def spelled_element(element: str) -> str:
    """One step of a path as messages name it."""
    kind, _, rest = element.partition(":")
    if kind == "f":
        return f".{rest}"
    if kind == "i":
        return f"[{rest}]"
    value = json.loads(rest)
    if kind == "v":
        return f"[={_plain(value)}]"
    return f"[{','.join(f'{name}={_plain(key)}' for name, key in value.items())}]"
