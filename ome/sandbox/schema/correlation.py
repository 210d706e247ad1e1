"""Which part of the old object a part of the new one was: by name, by key, or by nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ome.sandbox.schema.shapes import Shape

__all__ = ["ABSENT", "Absent", "key_of", "old_items", "old_member"]


class Absent:
    """There was nothing before, or nobody can say what."""


ABSENT: Final = Absent()


def old_member(old: Any, name: str) -> Any:
    """What a member was."""
    return old.get(name, ABSENT) if isinstance(old, dict) else ABSENT


def old_items(value: list[Any], shape: Shape, old: Any) -> Iterator[Any]:
    """What each item was: only items of a keyed list can be told apart."""
    if shape.list_type != "map" or not isinstance(old, list):
        for _ in value:
            yield ABSENT
        return
    before = {key_of(item, shape): item for item in old if isinstance(item, dict)}
    for item in value:
        yield before.get(key_of(item, shape), ABSENT) if isinstance(item, dict) else ABSENT


def key_of(item: dict[str, Any], shape: Shape) -> tuple[Any, ...]:
    """The key of an item of a keyed list, comparable and hashable."""
    return tuple((type(item.get(key)), repr(item.get(key))) for key in shape.map_keys)
