"""Lists in strategic merge patches: finding items by their key, and the order of what results."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ome.sandbox.patches.directives import PATCH, failed, shown, unknown

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["check_order", "directed", "ordered", "position"]


def position(items: Sequence[Any], item: Any, key: str | None) -> int | None:
    """Where an item of this identity stands in a list."""
    wanted = _identity(item, key)
    for at, other in enumerate(items):
        if (other if key is None else other.get(key)) == wanted:
            return at
    return None


def directed(original: list[Any], patch: list[Any], key: str) -> tuple[list[Any], list[Any]]:
    """The items that ``$patch`` leaves of a list, and the items of the patch proper."""
    todo = []
    is_replaced = False
    for item in patch:
        directive = item.get(PATCH)
        if directive is None:
            todo.append(item)
        elif directive == "delete":
            gone = _identity(item, key)
            original = [other for other in original if other.get(key) != gone]
        elif directive == "replace":
            is_replaced = True
        elif directive == "merge":
            raise failed("merging lists cannot yet be specified in the patch")
        else:
            raise unknown(directive, item)
    return ([] if is_replaced else original), todo


def ordered(
    merged: list[Any], wanted: list[Any], original: list[Any], key: str | None
) -> list[Any]:
    """Items in the wanted order; the others go where the original list has them, else last."""
    asked = [(at, item) for item in merged if (at := position(wanted, item, key)) is not None]
    front = [item for _, item in sorted(asked, key=lambda pair: pair[0])]
    others = [item for item in merged if position(wanted, item, key) is None]
    result = []
    while front and others:
        left, right = (position(original, head[0], key) for head in (others, front))
        first = left is not None and right is not None and left < right
        result.append((others if first else front).pop(0))
    return [*result, *front, *others]


def check_order(patch: list[Any], order: list[Any], key: str | None) -> None:
    """Raises ``Refused`` 500 unless the items of a patch stand in its ``$setElementOrder``."""
    places = [
        position(order, item, key)
        for item in patch
        if not (isinstance(item, dict) and PATCH in item)
    ]
    known = [at for at in places if at is not None]
    if len(known) < len(places) or known != sorted(known):
        raise failed(
            f"The order in patch list:\n{shown(patch)}\n doesn't match $setElementOrder list:\n"
            f"{shown(order)}\n"
        )


def _identity(item: Any, key: str | None) -> Any:
    if key is None:
        return item
    if key not in item:
        raise failed(f"map: {shown(item)} does not contain declared merge key: {key}")
    return item[key]
