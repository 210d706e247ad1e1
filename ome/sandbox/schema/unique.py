"""Lists that are sets, and lists whose items have keys: nothing may stand in them twice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ome.sandbox.builtin.causes import duplicate, invalid
from ome.sandbox.schema.correlation import key_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ome.sandbox.refusal import Cause
    from ome.sandbox.schema.shapes import Shape

__all__ = ["repeated"]


def repeated(value: Any, shape: Shape, path: str = "") -> Iterator[Cause]:
    """Every first repetition, here and below; a value is named once however often it returns."""
    if shape.built_in or not shape.has_unique_lists:
        return
    if isinstance(value, dict):
        fields, values = shape.fields, shape.values
        for name, item in value.items():
            child = fields.get(name) or values
            if child is not None and isinstance(item, (dict, list)):
                yield from repeated(item, child, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        if shape.list_type == "set":
            yield from _set(value, path)
        elif shape.list_type == "map":
            yield from _map(value, shape, path)
        if shape.items is not None:
            for index, item in enumerate(value):
                if isinstance(item, (dict, list)):
                    yield from repeated(item, shape.items, f"{path}[{index}]")


def _set(value: list[Any], path: str) -> Iterator[Cause]:
    counts: dict[Any, int] = {}
    for index, item in enumerate(value):
        key = (type(item), item if isinstance(item, (str, int, float)) else repr(item))
        counts[key] = counts.get(key, 0) + 1
        if counts[key] == 2:
            yield duplicate(f"{path}[{index}]", item)


def _map(value: list[Any], shape: Shape, path: str) -> Iterator[Cause]:
    counts: dict[Any, int] = {}
    for index, item in enumerate(value):
        at = f"{path}[{index}]"
        if not isinstance(item, dict):
            yield invalid(at, item, "must be an object for an array of list-type map")
            continue
        key = key_of(item, shape)
        counts[key] = counts.get(key, 0) + 1
        if counts[key] == 2:
            keys = {name: item[name] for name in sorted(shape.map_keys) if name in item}
            yield duplicate(at, keys)
