"""What an API server does with a custom object, in small: default, prune, validate."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ome.api.crds import all_crds

if TYPE_CHECKING:
    from collections.abc import Iterator

CRDS: dict[str, dict[str, Any]] = {crd["spec"]["names"]["kind"]: crd for crd in all_crds()}
KEEP = "x-kubernetes-preserve-unknown-fields"
INT_OR_STRING = "x-kubernetes-int-or-string"
TIME = re.compile(r"\d{4}-\d\d-\d\dt\d\d:\d\d:\d\d(\.\d+)?(z|[+-]\d\d:\d\d)")


def version(kind: str) -> dict[str, Any]:
    (only,) = CRDS[kind]["spec"]["versions"]
    found: dict[str, Any] = only
    return found


def root(kind: str) -> dict[str, Any]:
    found: dict[str, Any] = version(kind)["schema"]["openAPIV3Schema"]
    return found


def at(kind: str, path: str) -> dict[str, Any]:
    """The schema at ``spec.engine.containers[].env``; ``{}`` steps into a map."""
    schema = root(kind)
    for part in re.findall(r"\[\]|\{\}|[^.\[\]{}]+", path):
        if part == "[]":
            schema = schema["items"]
        elif part == "{}":
            schema = schema["additionalProperties"]
        else:
            schema = schema["properties"][part]
    return schema


def walk(schema: dict[str, Any], path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every schema below, with its path in the notation of ``at``."""
    yield path, schema
    for name, inner in schema.get("properties", {}).items():
        yield from walk(inner, f"{path}.{name}")
    for member, mark in (("items", "[]"), ("additionalProperties", "{}")):
        if isinstance(schema.get(member), dict):
            yield from walk(schema[member], path + mark)


def pruned(schema: dict[str, Any], value: Any) -> Any:
    """``value`` without the members that the schema does not know."""
    if isinstance(value, list) and "items" in schema:
        return [pruned(schema["items"], item) for item in value]
    if not isinstance(value, dict):
        return value
    known, others = schema.get("properties", {}), schema.get("additionalProperties")
    kept: dict[str, Any] = {}
    for name, item in value.items():
        if name in known:
            kept[name] = pruned(known[name], item)
        elif isinstance(others, dict):
            kept[name] = pruned(others, item)
        elif schema.get(KEEP):
            kept[name] = item
    return kept


def defaulted(schema: dict[str, Any], value: Any) -> Any:
    """``value`` with the defaults that the server writes into it."""
    if isinstance(value, list) and "items" in schema:
        return [defaulted(schema["items"], item) for item in value]
    if not isinstance(value, dict):
        return value
    known, others = schema.get("properties", {}), schema.get("additionalProperties")
    filled = {
        name: inner["default"]
        for name, inner in known.items()
        if "default" in inner and name not in value
    }
    for name, item in value.items():
        inner = known.get(name, others if isinstance(others, dict) else {})
        filled[name] = defaulted(inner, item)
    return filled


def errors(schema: dict[str, Any], value: Any, path: str = "") -> list[str]:
    """The paths at which the server refuses ``value``, each with the rule that it breaks."""
    if schema.get(INT_OR_STRING):
        fits = isinstance(value, int | str) and not isinstance(value, bool)
        return [*_text(schema, value, path)] if fits else [f"{path}: type"]
    if not _is(schema.get("type"), value):
        return [f"{path}: type"]
    found = [*_text(schema, value, path)]
    if "enum" in schema and value not in schema["enum"]:
        found.append(f"{path}: enum")
    if "minimum" in schema and value < schema["minimum"]:
        found.append(f"{path}: minimum")
    if schema.get("type") == "integer" and not _fits(value, schema.get("format", "int64")):
        found.append(f"{path}: format")
    if isinstance(value, list):
        found += _list(schema, value, path)
    if isinstance(value, dict):
        found += _object(schema, value, path)
    return found


def _is(type_: str | None, value: Any) -> bool:
    match type_:
        case "integer":
            return isinstance(value, int) and not isinstance(value, bool)
        case "number":
            return isinstance(value, int | float) and not isinstance(value, bool)
        case "string":
            return isinstance(value, str)
        case "boolean":
            return isinstance(value, bool)
        case "array":
            return isinstance(value, list)
        case "object":
            return isinstance(value, dict)
        case _:
            return True


def _fits(value: int, format_: str) -> bool:
    bits = int(format_.removeprefix("int"))
    return bool(-(2 ** (bits - 1)) <= value < 2 ** (bits - 1))


def _text(schema: dict[str, Any], value: Any, path: str) -> Iterator[str]:
    if not isinstance(value, str):
        return
    if "pattern" in schema and not re.search(schema["pattern"], value):
        yield f"{path}: pattern"
    if schema.get("format") == "date-time" and not TIME.fullmatch(value.lower()):
        yield f"{path}: format"
    if not schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", len(value)):
        yield f"{path}: length"


def _list(schema: dict[str, Any], value: list[Any], path: str) -> Iterator[str]:
    keys = schema.get("x-kubernetes-list-map-keys", ())
    match schema.get("x-kubernetes-list-type"):
        case "set":
            identities = [repr(item) for item in value]
        case "map":
            objects = [item for item in value if isinstance(item, dict)]
            identities = [repr([item.get(key) for key in keys]) for item in objects]
        case _:
            identities = []
    if len(set(identities)) < len(identities):
        yield f"{path}: duplicate"
    if len(value) > schema.get("maxItems", len(value)):
        yield f"{path}: length"
    for item in value:
        yield from errors(schema.get("items", {}), item, f"{path}[]")


def _object(schema: dict[str, Any], value: dict[str, Any], path: str) -> Iterator[str]:
    for name in schema.get("required", ()):
        if name not in value:
            yield f"{path}.{name}: required"
    known, others = schema.get("properties", {}), schema.get("additionalProperties")
    for name, item in value.items():
        inner = known.get(name, others)
        if isinstance(inner, dict):
            yield from errors(inner, item, f"{path}.{name}")
