"""Types of built-in kinds: what the server says of a value that its decoder cannot take."""

from __future__ import annotations

import base64
import binascii
import re
from typing import TYPE_CHECKING, Any

from ome.sandbox.schema.shapes import shape_of
from ome.sandbox.schema.wording import NO_QUANTITY

if TYPE_CHECKING:
    from ome.api.openapi import SchemaNode
    from ome.sandbox.schema.shapes import Shape

__all__ = ["typecheck"]

_QUANTITY = "io.k8s.apimachinery.pkg.api.resource.Quantity"
_INT_OR_STRING = "io.k8s.apimachinery.pkg.util.intstr.IntOrString"
_RANGES = {"int32": (-(2**31), 2**31 - 1), "int64": (-(2**63), 2**63 - 1)}
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:\d\d)")


def typecheck(value: Any, node: SchemaNode, kind: str, version: str) -> str | None:
    """The first value of a wrong type, as the real server words it; None when all fit.

    Null fits everywhere: it is an absent value. Of a custom resource only the metadata counts.
    """
    shape = shape_of(node)
    if shape.built_in:
        wrong = _wrong(value, shape, node.name, "")
    else:
        wrong = _wrong(value.get("metadata"), shape.fields["metadata"], "", "")
    if wrong is None:
        return None
    return f'{kind} in version "{version}" cannot be handled as a {kind}: {wrong}'


def _wrong(value: Any, shape: Shape, struct: str, path: str) -> str | None:
    if value is None:
        return None
    match shape.type:
        case "object":
            return _object(value, shape, struct, path)
        case "array":
            return _array(value, shape, struct, path)
        case "string":
            return _string(value, shape, struct, path)
        case "integer":
            return _integer(value, shape, struct, path)
        case "number":
            fits = isinstance(value, (int, float)) and not isinstance(value, bool)
            return None if fits else _unlike(value, shape, struct, path)
        case "boolean":
            return None if isinstance(value, bool) else _unlike(value, shape, struct, path)
        case _:
            return _special(value, shape, struct, path)


def _object(value: Any, shape: Shape, struct: str, path: str) -> str | None:
    if not isinstance(value, dict):
        return None if shape.keeps_unknown else _unlike(value, shape, struct, path)
    fields, values = shape.fields, shape.values
    inside = shape.name if "properties" in shape.raw else struct
    for name, item in value.items():
        child = fields.get(name) or values
        if child is None or item is None or type(item) is child.simple:
            continue
        # A map is no struct: its keys are not part of the path.
        at = path if child is values else f"{path}.{name}" if path else name
        if (wrong := _wrong(item, child, inside, at)) is not None:
            return wrong
    return None


def _array(value: Any, shape: Shape, struct: str, path: str) -> str | None:
    if not isinstance(value, list):
        return _unlike(value, shape, struct, path)
    items = shape.items
    if items is None:
        return None
    for item in value:
        if (wrong := _wrong(item, items, struct, path)) is not None:
            return wrong
    return None


def _string(value: Any, shape: Shape, struct: str, path: str) -> str | None:
    if not isinstance(value, str):
        return _unlike(value, shape, struct, path)
    if shape.format == "date-time" and not _TIME.fullmatch(value):
        return (
            f'parsing time "{value}" as "2006-01-02T15:04:05Z07:00": cannot parse "{value}" as'
            ' "2006"'
        )
    if shape.format == "byte":
        return _base64(value)
    return None


def _base64(value: str) -> str | None:
    text = re.sub(r"[\r\n]", "", value)
    try:
        base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        bad = re.search(r"[^A-Za-z0-9+/=]", text)
        place = bad.start() if bad else len(text) - len(text) % 4
        return f"illegal base64 data at input byte {place}"
    return None


def _integer(value: Any, shape: Shape, struct: str, path: str) -> str | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return _unlike(value, shape, struct, path)
    low, high = _RANGES.get(shape.format or "int64", _RANGES["int64"])
    if isinstance(value, float) or not low <= value <= high:
        return _said(f"number {value}", _go_type(shape), struct, path)
    return None


def _special(value: Any, shape: Shape, struct: str, path: str) -> str | None:
    if shape.name == _QUANTITY and isinstance(value, (dict, list, bool)):
        return NO_QUANTITY
    if shape.name == _INT_OR_STRING and isinstance(value, (dict, list, bool, float)):
        found = f"number {value}" if isinstance(value, float) else _json_type(value)
        return _said(found, "int32", struct, path)
    return None


def _unlike(value: Any, shape: Shape, struct: str, path: str) -> str:
    return _said(_json_type(value), _go_type(shape), struct, path)


def _said(found: str, wanted: str, struct: str, path: str) -> str:
    if not path:
        return f"json: cannot unmarshal {found} into Go value of type {wanted}"
    owner = struct.rpartition(".")[2]
    return f"json: cannot unmarshal {found} into Go struct field {owner}.{path} of type {wanted}"


def _json_type(value: Any) -> str:
    match value:
        case bool():
            return "bool"
        case int() | float():
            return "number"
        case str():
            return "string"
        case list():
            return "array"
        case _:
            return "object"


def _go_type(shape: Shape) -> str:
    match shape.type:
        case "integer":
            return shape.format or "int"
        case "number":
            return "float64"
        case "boolean":
            return "bool"
        case "array":
            return f"[]{_go_type(shape.items)}" if shape.items is not None else "[]interface {}"
        case "object" if shape.values is not None and "properties" not in shape.raw:
            return f"map[string]{_go_type(shape.values)}"
        case "string" if shape.format == "byte":
            return "[]uint8"
        case "string":
            return "string"
        case _:
            return ".".join(shape.name.split(".")[-2:])
