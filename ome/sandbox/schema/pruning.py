"""Fields that a schema does not know."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ome.sandbox.schema.shapes import META, shape_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ome.api.openapi import SchemaNode
    from ome.sandbox.schema.shapes import Shape

__all__ = ["field_problems", "prune"]


def prune(value: Any, node: SchemaNode) -> list[str]:
    """Drop what the schema does not know, in place; the paths of what was dropped."""
    dropped: list[str] = []
    shape = shape_of(node)
    _prune(value, shape, "", dropped)
    return dropped if shape.built_in else sorted(dropped, key=_turn)


def field_problems(unknown: Iterable[str], duplicates: Iterable[str]) -> list[str]:
    """Unknown and duplicate fields in the words of a strict decoder."""
    unknown = list(unknown)
    strange = frozenset(unknown)
    return [
        *(f'duplicate field "{path}"' for path in duplicates if path not in strange),
        *(f'unknown field "{path}"' for path in unknown),
    ]


def _turn(path: str) -> tuple[int, str]:
    """Of a custom resource the metadata is read first, then the rest, then metadata within."""
    if path.startswith("metadata."):
        return 0, path
    return (2 if ".metadata." in path else 1), path


def _prune(value: Any, shape: Shape, path: str, dropped: list[str]) -> None:
    if isinstance(value, dict):
        shape = shape.alternative or shape
        _prune_object(value, shape, path, dropped)
    elif isinstance(value, list):
        items = shape.items
        if items is None:
            if not shape.keeps_unknown:
                _prune_untyped(value, path, dropped)
            return
        for index, item in enumerate(value):
            if isinstance(item, (dict, list)):
                _prune(item, items, f"{path}[{index}]", dropped)


def _prune_object(value: dict[str, Any], shape: Shape, path: str, dropped: list[str]) -> None:
    fields, values = shape.fields, shape.values
    unknown = []
    for name, item in value.items():
        child = fields.get(name) or values
        if child is not None:
            if isinstance(item, (dict, list)):
                _prune(item, child, f"{path}.{name}" if path else name, dropped)
        elif shape.embedded and name in META:
            continue
        elif shape.free_values:
            _prune_untyped(item, f"{path}.{name}" if path else name, dropped)
        elif not shape.keeps_unknown:
            unknown.append(name)
            dropped.append(f"{path}.{name}" if path else name)
    for name in unknown:
        del value[name]


def _prune_untyped(value: Any, path: str, dropped: list[str]) -> None:
    """Below what no schema describes, objects lose all that they hold."""
    if isinstance(value, list):
        for index, item in enumerate(value):
            _prune_untyped(item, f"{path}[{index}]", dropped)
    elif isinstance(value, dict):
        dropped += [f"{path}.{name}" for name in value]
        value.clear()
