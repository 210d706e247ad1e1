"""Defaults of custom resources, as their schema states them."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from ome.sandbox.schema.shapes import META, shape_of

if TYPE_CHECKING:
    from ome.api.openapi import SchemaNode
    from ome.sandbox.schema.shapes import Shape

__all__ = ["apply_defaults"]


def apply_defaults(document: dict[str, Any], node: SchemaNode) -> None:
    """Fill defaults in place, idempotently.

    A default needs its parent to be there. Null counts as absent where the schema does not allow
    null: it gives way to the default, or goes.
    """
    shape = shape_of(node)
    for name, child in shape.fields.items():
        if name not in META:
            _member(document, name, child)
    for name, child in shape.fields.items():
        if name not in META and name in document:
            _fill(document[name], child)


def _fill(value: Any, shape: Shape) -> None:
    if isinstance(value, dict):
        fields, values = shape.fields, shape.values
        for name, child in fields.items():
            if not (shape.embedded and name in META):
                _member(value, name, child)
        for name in list(value):
            inner = fields.get(name)
            if inner is None and values is not None:
                inner = values
                _member(value, name, values)
            if inner is not None and not inner.built_in and name in value:
                _fill(value[name], inner)
    elif isinstance(value, list):
        items = shape.items
        if items is None:
            return
        for index, item in enumerate(value):
            if item is None and not items.nullable and items.default is not None:
                value[index] = copy.deepcopy(items.default)
            _fill(value[index], items)


def _member(holder: dict[str, Any], name: str, child: Shape) -> None:
    if name not in holder:
        if child.default is not None:
            holder[name] = copy.deepcopy(child.default)
    elif holder[name] is None and not child.nullable:
        if child.default is not None:
            holder[name] = copy.deepcopy(child.default)
        else:
            del holder[name]
