"""Laying an applied document over the live object, and taking fields out again. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ome.sandbox.ownership.claims import claimed
from ome.sandbox.ownership.fields import (
    SELF,
    Fields,
    contains,
    difference,
    intersection,
    is_member,
    node,
    union,
)
from ome.sandbox.ownership.shape import ABSENT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ome.sandbox.ownership.shape import Shape

__all__ = ["merged", "pruned"]


def merged(live: Any, applied: Any, shape: Shape) -> Any:
    """The live value with the applied one laid over it, piece by piece."""
    if applied is ABSENT or live is ABSENT:
        return live if applied is ABSENT else applied
    ours, theirs = shape.parts(live), shape.parts(applied)
    if not ours and not theirs:
        return applied
    if not theirs:
        # Null and empty leave what has owners of its own to pruning.
        return live if applied is None or shape.is_divided(applied) else applied
    order = _interleaved(list(ours), list(theirs)) if shape.is_list else [*{**ours, **theirs}]
    return shape.whole(
        {
            element: merged(
                ours.get(element, ABSENT), theirs.get(element, ABSENT), shape.child(element)
            )
            for element in order
        }
    )


def _interleaved(live: list[str], applied: list[str]) -> list[str]:
    """Items in the order of the applied list; those that only the live one has keep their place."""
    known, wanted = set(live), set(applied)
    shared = [element for element in applied if element in known]
    order: dict[str, None] = {}
    left = right = 0
    while left < len(live) or right < len(applied):
        if left < len(live) and right < len(applied):
            element = live[left]
            if element == applied[right]:
                order[element] = None
                left, right, shared = left + 1, right + 1, shared[1:]
                continue
            if element in wanted and shared and shared[0] != element:
                left += 1
                continue
        if left < len(live):
            element = live[left]
            if element not in wanted:
                order[element] = None
                left += 1
                continue
            if element in order:
                left += 1
        if right < len(applied):
            element = applied[right]
            order[element] = None
            right += 1
            if shared and shared[0] == element:
                shared = shared[1:]
    return list(order)


def pruned(document: Any, last: Fields, owned: Fields, shape: Shape) -> Any:
    """A merged document without what its applier dropped and nobody else owns.

    ``last`` is what the applier claimed before, ``owned`` what it claims now and what all others
    own. What nobody ever owned stays.
    """
    last, owned = _with_parents(last, shape), _with_parents(owned, shape)
    if not last or contains(owned, last):
        return document
    present = _present(document, shape)
    bare = _present(_without(document, last, shape), shape)
    unowned = difference(present, union(bare, owned))
    kept = _present(_without(document, unowned, shape), shape)
    return _without(document, intersection(difference(present, kept), last), shape)


def _present(document: Any, shape: Shape) -> Fields:
    return _with_parents(claimed(document, shape), shape)


def _with_parents(fields: Fields, shape: Shape) -> Fields:
    """The set with every named member that has something below it."""
    result: Fields = {}
    for element, at in fields.items():
        if element == SELF:
            result[element] = at
            continue
        below = _with_parents(at, shape.child(element)) if at else at
        whole = node(is_member(at) or shape.is_named(element), below)
        result[element] = below if whole is None else whole
    return result


def _without(value: Any, fields: Fields, shape: Shape) -> Any:
    """The value without the members of a set; null when nothing of it is left."""
    pieces = shape.parts(value)
    if not pieces:
        return value
    kept: dict[str, Any] = {}
    for element, piece in pieces.items():
        at: Mapping[str, Any] | None = fields.get(element)
        if at is None:
            kept[element] = piece
        elif not is_member(dict(at)):
            kept[element] = _without(piece, dict(at), shape.child(element))
    return shape.whole(kept)
