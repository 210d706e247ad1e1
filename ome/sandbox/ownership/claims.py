"""What a document claims to own when it is applied. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ome.sandbox.ownership.fields import Fields, node

if TYPE_CHECKING:
    from ome.sandbox.ownership.shape import Shape

__all__ = ["claimed"]


def claimed(value: Any, shape: Shape) -> Fields:
    """The fields that a document holds: leaves, items of lists, and what stands under free keys."""
    return _claims(value, shape) or {}


def _claims(value: Any, shape: Shape) -> Fields | None:
    """What is claimed below a value; None for one that is owned as a whole."""
    if value is None:
        return {} if shape.is_map or shape.is_list else None
    if not shape.is_divided(value):
        return None
    claims: Fields = {}
    for element, piece in shape.parts(value).items():
        below = _claims(piece, shape.child(element))
        is_member = piece is None or piece == {} or not shape.is_named(element)
        at = {} if below is None else node(is_member, below)
        if at is not None:
            claims[element] = at
    return claims
