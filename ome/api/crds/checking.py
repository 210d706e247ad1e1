"""What an API server does with a custom object by the schema of its CRD, without one.

Nulls are dropped, defaults filled in, unknown fields found, values checked. Rules in CEL are left
to the server: the validators of ``ome.webhooks`` say the same and more.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from ome.api.crds import crd_for
from ome.api.limits import Limits

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ome.api.schema import KindObject

__all__ = ["Fault", "Path", "completed", "faults", "field_text", "root_schema"]

Path = tuple[str | int, ...]
_KEEP = "x-kubernetes-preserve-unknown-fields"
_TYPES: Mapping[str, tuple[type[Any], ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One value that the schema does not take; ``rule`` is the key of the schema that it breaks."""

    path: Path
    rule: str
    message: str


def root_schema(kind: type[KindObject]) -> dict[str, Any]:
    """The schema of a kind's objects."""
    found: dict[str, Any] = crd_for(kind)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return found


def field_text(path: Path) -> str:
    """A path as users read it: ``spec.engine.runner.env[0].name``."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        elif re.fullmatch(r"[A-Za-z0-9_-]+", part):
            text += f".{part}" if text else part
        else:
            text += f'["{part}"]'
    return text


def completed(schema: Mapping[str, Any], value: Any) -> Any:
    """A copy without nulls and with the defaults that the server fills in."""
    if isinstance(value, list) and "items" in schema:
        return [completed(schema["items"], item) for item in value]
    if not isinstance(value, dict):
        return value
    known, others = schema.get("properties", {}), schema.get("additionalProperties")
    if schema.get(_KEEP) and not known:
        return value
    filled = {
        name: completed(inner, inner["default"])
        for name, inner in known.items()
        if "default" in inner and value.get(name) is None
    }
    for name, item in value.items():
        if item is not None:
            inner = known.get(name, others if isinstance(others, dict) else {})
            filled[name] = completed(inner, item)
    return filled


def faults(schema: Mapping[str, Any], value: Any, path: Path = ()) -> Iterator[Fault]:
    """Everything in ``value`` that the server would refuse or, unknown to it, drop."""
    wanted = _type_fault(schema, value)
    if wanted:
        yield Fault(path, "type", f"{_shown(value)} is no {wanted}{_quotes(wanted, value)}")
        return
    yield from _value(schema, value, path)
    if isinstance(value, list):
        yield from _list(schema, value, path)
    elif isinstance(value, dict):
        yield from _object(schema, value, path)


def _type_fault(schema: Mapping[str, Any], value: Any) -> str:
    """The type that was wanted, or nothing when the value has it."""
    if schema.get("x-kubernetes-int-or-string"):
        # A number that 64 bits do not hold is no integer to the server.
        whole = isinstance(value, int) and -(2**63) <= value < 2**63
        fits = isinstance(value, str) or (whole and not isinstance(value, bool))
        return "" if fits else "integer or string"
    wanted = schema.get("type", "")
    if wanted not in _TYPES:
        return ""
    fits = isinstance(value, _TYPES[wanted])
    if isinstance(value, bool) and wanted != "boolean":
        fits = False
    return "" if fits else wanted


def _quotes(wanted: str, value: Any) -> str:
    """The usual mistake in YAML, if it is one."""
    if wanted == "string" and isinstance(value, int | float):
        return f'; put it in quotes: "{_shown(value)}"'
    if isinstance(value, str) and wanted in ("integer", "number", "boolean"):
        plain = re.fullmatch(r"-?[0-9]+|true|false", value)
        return f"; write it without quotes: {value}" if plain else ""
    return ""


def _value(schema: Mapping[str, Any], value: Any, path: Path) -> Iterator[Fault]:
    if "enum" in schema and value not in schema["enum"]:
        near = get_close_matches(str(value), [item for item in schema["enum"] if item], 1, 0.7)
        hint = f"; did you mean {near[0]}?" if near else ""
        listed = ", ".join(item or '""' for item in schema["enum"])
        yield Fault(path, "enum", f"{_shown(value)} is not one of {listed}{hint}")
    if isinstance(value, int | str) and not isinstance(value, bool):
        number = schema.get("type") == "integer"
        limits = Limits(
            schema.get("format", "int64" if number else None),
            schema.get("minimum"),
            schema.get("pattern"),
        )
        try:
            limits.check(value)
        except ValueError as error:
            yield Fault(path, "limit", f"{_shown(value)} {error}")
    if isinstance(value, str):
        low, high = schema.get("minLength", 0), schema.get("maxLength", len(value))
        if not low <= len(value) <= high:
            bound = f"at least {low}" if len(value) < low else f"at most {high}"
            yield Fault(path, "length", f"must be {bound} characters long")


def _list(schema: Mapping[str, Any], value: list[Any], path: Path) -> Iterator[Fault]:
    most = schema.get("maxItems", len(value))
    if len(value) > most:
        yield Fault(path, "length", f"holds {len(value)} items; at most {most} are possible")
    keys = schema.get("x-kubernetes-list-map-keys", ())
    type_ = schema.get("x-kubernetes-list-type")
    seen: set[str] = set()
    for index, item in enumerate(value):
        if type_ == "set" or (type_ == "map" and isinstance(item, dict)):
            named = {key: item.get(key, _default(schema, key)) for key in keys} if keys else item
            if repr(named) in seen:
                yield Fault((*path, index), "duplicate", f"{_shown(named)} is there twice")
            seen.add(repr(named))
        yield from faults(schema.get("items", {}), item, (*path, index))


def _default(schema: Mapping[str, Any], key: str) -> Any:
    return schema["items"].get("properties", {}).get(key, {}).get("default")


def _object(schema: Mapping[str, Any], value: dict[str, Any], path: Path) -> Iterator[Fault]:
    known, others = schema.get("properties", {}), schema.get("additionalProperties")
    for name in schema.get("required", ()):
        if value.get(name) is None and "default" not in known.get(name, {}):
            yield Fault(path, "required", f"{name} is required; add it")
    for name, item in value.items():
        inner = known.get(name, others)
        if isinstance(inner, dict):
            if item is not None:
                yield from faults(inner, item, (*path, name))
        elif known and not schema.get(_KEEP):
            yield Fault((*path, name), "unknown", f"unknown field{_like(name, known)}")


def _like(name: str, known: Mapping[str, Any]) -> str:
    near = get_close_matches(name, known, 1, 0.6)
    return f"; did you mean {near[0]}?" if near else "; the server would drop it, remove it"


def _shown(value: Any) -> str:
    if isinstance(value, dict | list) and value:
        if (
            isinstance(value, dict)
            and len(value) <= 2
            and all(isinstance(item, str | int) for item in value.values())
        ):
            return ", ".join(f"{key} {item}" for key, item in value.items())
        return "an object" if isinstance(value, dict) else "a list"
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value)[:80]
