"""What keeps a document from being applied: fields of the wrong type, unknown ones, duplicates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ome.sandbox.ownership.fields import compact, spelled_element

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ome.sandbox.ownership.shape import Shape

__all__ = ["problems"]


def problems(value: Any, shape: Shape, path: str = "") -> Iterator[str]:
    """What is wrong with an applied document's types, each with its place."""
    if value is None:
        return
    if shape.is_list and isinstance(value, list):
        yield from _item_problems(value, shape, path)
        return
    expected = _mismatch(value, shape.schema.type)
    if expected:
        yield f"{path}: {expected}"
        return
    for element, piece in shape.parts(value).items():
        where = path + spelled_element(element)
        below = shape.declared(element)
        if below is None:
            yield f"{where}: field not declared in schema"
        else:
            yield from problems(piece, below, where)


def _item_problems(items: list[Any], shape: Shape, path: str) -> Iterator[str]:
    seen: set[str] = set()
    for index, item in enumerate(items):
        wrong = _keyless(item, shape)
        if wrong:
            yield f"{path}: element {index}: {wrong}"
            continue
        element = shape.element(item)
        if element in seen:
            yield f"{path}: duplicate entries for key {spelled_element(element)}"
        seen.add(element)
        yield from problems(item, shape.child(element), path + spelled_element(element))


def _keyless(item: Any, shape: Shape) -> str:
    """Why an item of a ``map`` list has no identity; empty when it has one."""
    if shape.schema.list_type != "map":
        return ""
    if item is None:
        return "associative list with keys may not have a null element"
    if not isinstance(item, dict):
        return "associative list with keys may not have non-map elements"
    if shape.element(item) != "k:{}":
        return ""
    keys = " ".join(f'"{name}"' for name in shape.schema.map_keys)
    return (
        f"associative list with keys has an element that omits all key fields [{keys}]"
        " (and doesn't have default values for any key fields)"
    )


_FITS: dict[str | None, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "boolean": (bool,),
    "integer": (int, float),
    "number": (int, float),
}
_NAMES = {"object": "map", "array": "list", "string": "string", "boolean": "boolean"}


def _mismatch(value: Any, expected: str | None) -> str:
    """What a value should be instead; empty when it fits. Types are named as Go prints them."""
    if expected not in _FITS:
        return ""
    if isinstance(value, _FITS[expected]) and (expected == "boolean") == isinstance(value, bool):
        return ""
    if expected not in _NAMES:
        return f"expected numeric (int or float), got {_go_type(value)}"
    said = f"&{{{_go_value(value)}}}"
    if expected == "string":
        said = f"&value.valueUnstructured{{Value:{compact(value)}}}"
    return f"expected {_NAMES[expected]}, got {said}"


def _go_type(value: Any) -> str:
    names = {str: "string", bool: "bool", list: "[]interface {}", dict: "map[string]interface {}"}
    return names.get(type(value), "interface {}")


def _go_value(value: Any) -> str:
    if isinstance(value, dict):
        return f"map[{' '.join(f'{name}:{_go_value(value[name])}' for name in sorted(value))}]"
    if isinstance(value, list):
        return f"[{' '.join(map(_go_value, value))}]"
    return value if isinstance(value, str) else compact(value)
