"""What a change does to fields: which it sets, which are gone after it. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from ome.sandbox.ownership.fields import Fields, node
from ome.sandbox.ownership.shape import ABSENT

if TYPE_CHECKING:
    from ome.sandbox.ownership.shape import Shape

__all__ = ["Changes", "changes"]


class Changes(NamedTuple):
    """Sets of fields: those that were added or have another value, and those that were removed."""

    written: Fields
    gone: Fields


def changes(old: Any, new: Any, shape: Shape) -> Changes:
    """How two objects differ. Goes only into what is unequal."""
    written, gone = _differences(old, new, shape)
    return Changes(written or {}, gone or {})


def _differences(old: Any, new: Any, shape: Shape) -> tuple[Fields | None, Fields | None]:
    """The nodes of what was written and of what is gone."""
    if old is not ABSENT and new is not ABSENT and old == new:
        return None, None
    before, after = shape.parts(shape.completed(old)), shape.parts(shape.completed(new))
    written: Fields = {}
    gone: Fields = {}
    for element in {**before, **after}:
        was, now = before.get(element, ABSENT), after.get(element, ABSENT)
        if was is not ABSENT and now is not ABSENT and was == now:
            continue
        added, removed = _differences(was, now, shape.child(element))
        if added is not None:
            written[element] = added
        if removed is not None:
            gone[element] = removed
    is_written = old is ABSENT or (new is not ABSENT and _replaced(old, new, before, after))
    return node(is_written, written), node(new is ABSENT, gone)


def _replaced(old: Any, new: Any, before: Fields, after: Fields) -> bool:
    """Whether a value was set as a whole, rather than piece by piece."""
    if not before and not after:
        return True
    # Only where the schema is free (or the items were duplicates) can the form itself change.
    return not (_same_form(old, new) or old is None or new is None)


def _same_form(old: Any, new: Any) -> bool:
    return any(isinstance(old, form) and isinstance(new, form) for form in (dict, list))
