"""Values against a structural schema, with the causes that the real server gives.

On an update a part that is as it was before passes, whatever the schema says of it by now.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from ome.sandbox.builtin.causes import invalid, not_supported, required, too_long
from ome.sandbox.refusal import Cause
from ome.sandbox.schema import cel
from ome.sandbox.schema.correlation import ABSENT, old_items, old_member
from ome.sandbox.schema.formats import fits_format
from ome.sandbox.schema.shapes import META
from ome.sandbox.schema.wording import NOWHERE, literal, too_many, type_invalid

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from ome.sandbox.schema.shapes import Shape

__all__ = ["check", "check_root"]

_INT32: Final = 2**31
_INT64: Final = 2**63
_SAFE: Final = 2**53


def check_root(document: Mapping[str, Any], shape: Shape, old: Any) -> Iterator[Cause]:
    """What is wrong with a whole object, its metadata apart."""
    yield from _required(document, shape, "")
    for name, value in document.items():
        child = shape.fields.get(name)
        if child is not None and name not in META:
            yield from check(value, child, name, old_member(old, name))


def check(value: Any, shape: Shape, path: str, old: Any = ABSENT) -> Iterator[Cause]:
    """What is wrong with a value, and below it; nothing where it equals ``old``."""
    if old is not ABSENT and value == old:
        return
    wrong = _type(value, shape, path)
    if wrong is not None:
        yield wrong
    if value is None:
        yield from _enum(value, shape, path)
        return
    if shape.junctors:
        yield from _junctors(value, shape, path)
    if isinstance(value, str):
        yield from _text(value, shape, path)
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        yield from _number(value, shape, path)
    yield from _enum(value, shape, path)
    if isinstance(value, list):
        yield from _list(value, shape, path, old)
    elif isinstance(value, dict):
        yield from _object(value, shape, path, old)


def _type(value: Any, shape: Shape, path: str) -> Cause | None:
    types = shape.types
    if not types:
        return None
    if value is None:
        return None if shape.nullable else type_invalid(path, ",".join(types), "null")
    type_, format_ = _described(value)
    whole = type_ == "number" and "integer" in types and value == int(value) and abs(value) < _SAFE
    if type_ in types or whole or (type_ == "integer" and "number" in types):
        return None
    if shape.format and type_ not in ("string", "array"):
        return type_invalid(path, shape.format, format_)
    if shape.format and "string" in types:
        return None  # a list where a formatted text is expected passes: so it does there
    return type_invalid(path, ",".join(types), type_)


def _described(value: Any) -> tuple[str, str]:
    """JSON type and format of a value; integers beyond 64 bits are floats to the server."""
    match value:
        case bool():
            return "boolean", ""
        case int():
            return ("integer", "int64") if -_INT64 <= value < _INT64 else ("number", "float64")
        case float():
            return "number", "float64"
        case str():
            return "string", ""
        case list():
            return "array", ""
        case _:
            return "object", ""


def _text(value: str, shape: Shape, path: str) -> Iterator[Cause]:
    limits = shape.limits
    if limits:
        longest, shortest = limits.get("maxLength"), limits.get("minLength")
        if longest is not None and len(value) > longest:
            yield too_long(path, longest)
        if shortest is not None and len(value) < shortest:
            yield _broken(path, value, f"should be at least {shortest} chars long")
        pattern = limits.get("pattern")
        if pattern is not None:
            yield from _pattern(value, pattern, path)
    if shape.format and "string" in shape.types and not fits_format(shape.format, value):
        yield type_invalid(path, shape.format, value)


def _pattern(value: str, pattern: str, path: str) -> Iterator[Cause]:
    try:
        if not cel.matches(value, pattern):
            yield _broken(path, value, f"should match '{pattern}'")
    except cel.CelError as error:
        yield _broken(path, value, f"should match '{pattern}, but pattern is invalid: {error}'")


def _number(value: float, shape: Shape, path: str) -> Iterator[Cause]:
    if shape.type == "integer":
        yield from _range(value, shape.format or "", path)
    limits = shape.limits
    if not limits:
        return
    least, most = limits.get("minimum"), limits.get("maximum")
    if least is not None:
        if limits.get("exclusiveMinimum"):
            if value <= least:
                yield _broken(path, value, f"should be greater than {literal(least)}")
        elif value < least:
            yield _broken(path, value, f"should be greater than or equal to {literal(least)}")
    if most is not None:
        if limits.get("exclusiveMaximum"):
            if value >= most:
                yield _broken(path, value, f"should be less than {literal(most)}")
        elif value > most:
            yield _broken(path, value, f"should be less than or equal to {literal(most)}")
    step = limits.get("multipleOf")
    if step is not None and Decimal(str(value)) % Decimal(str(step)):
        yield _broken(path, value, f"should be a multiple of {literal(step)}")


def _range(value: float, format_: str, path: str) -> Iterator[Cause]:
    limit = _INT32 if format_ == "int32" else _INT64
    if value != int(value) or not -limit <= value < limit:
        wanted = f"with format {format_}" if format_ else "(default format)"
        yield Cause(
            "FieldValueInvalid",
            NOWHERE,
            f'Invalid value: "": Checked value must be of type integer {wanted} in {path}',
        )


def _enum(value: Any, shape: Shape, path: str) -> Iterator[Cause]:
    choices = shape.enum
    if choices is None or any(_same(value, choice) for choice in choices):
        return
    shown = [choice if isinstance(choice, str) else literal(choice) for choice in choices]
    yield not_supported(path, value, shown)


def _same(one: Any, other: Any) -> bool:
    return bool(one == other) and isinstance(one, bool) == isinstance(other, bool)


def _list(value: list[Any], shape: Shape, path: str, old: Any) -> Iterator[Cause]:
    limits = shape.limits
    if limits:
        most, least = limits.get("maxItems"), limits.get("minItems")
        if most is not None and len(value) > most:
            yield too_many(path, len(value), most)
        if least is not None and len(value) < least:
            yield _broken(path, len(value), f"should have at least {least} items")
        if limits.get("uniqueItems") and any(item in value[:n] for n, item in enumerate(value)):
            yield _broken(path, "", "shouldn't contain duplicates")
    items = shape.items
    if items is None:
        return
    for index, (item, before) in enumerate(zip(value, old_items(value, shape, old), strict=True)):
        yield from check(item, items, f"{path}[{index}]", before)


def _object(value: dict[str, Any], shape: Shape, path: str, old: Any) -> Iterator[Cause]:
    limits = shape.limits
    if limits:
        most, least = limits.get("maxProperties"), limits.get("minProperties")
        if most is not None and len(value) > most:
            yield too_many(path, len(value), most)
        if least is not None and len(value) < least:
            yield _broken(path, len(value), f"should have at least {least} properties")
    yield from _required(value, shape, path)
    if shape.embedded:
        for name in ("apiVersion", "kind"):
            if not value.get(name):
                yield required(f"{path}.{name}")
    fields, values = shape.fields, shape.values
    for name, item in value.items():
        child = fields.get(name) or values
        if child is not None and type(item) is not child.simple and not child.built_in:
            yield from check(item, child, f"{path}.{name}", old_member(old, name))


def _required(value: Mapping[str, Any], shape: Shape, path: str) -> Iterator[Cause]:
    for name in shape.required:
        if name not in value:
            yield required(f"{path}.{name}" if path else name)


def _junctors(value: Any, shape: Shape, path: str) -> Iterator[Cause]:
    for name, schemas in shape.junctors.items():
        outcomes = [list(check(value, schema, path)) for schema in schemas]
        yield from _JUDGES[name](outcomes, path)


def _any_of(outcomes: list[list[Cause]], path: str) -> Iterator[Cause]:
    if all(outcomes):
        yield _unmet(path, "must validate at least one schema (anyOf)")
        yield from min(outcomes, key=len)


def _one_of(outcomes: list[list[Cause]], path: str) -> Iterator[Cause]:
    valid = outcomes.count([])
    said = "must validate one and only one schema (oneOf)."
    if valid > 1:
        yield _unmet(path, f"{said} Found {valid} valid alternatives")
    elif not valid:
        yield _unmet(path, f"{said} Found none valid")
        yield from min(outcomes, key=len)


def _all_of(outcomes: list[list[Cause]], path: str) -> Iterator[Cause]:
    if any(outcomes):
        none = ". None validated" if all(outcomes) else ""
        yield _unmet(path, f"must validate all the schemas (allOf){none}")
    for causes in outcomes:
        yield from causes


def _not(outcomes: list[list[Cause]], path: str) -> Iterator[Cause]:
    if not outcomes[0]:
        yield _unmet(path, "must not validate the schema (not)")


_JUDGES: Mapping[str, Callable[[list[list[Cause]], str], Iterator[Cause]]] = {
    "anyOf": _any_of,
    "oneOf": _one_of,
    "allOf": _all_of,
    "not": _not,
}


def _unmet(path: str, said: str) -> Cause:
    return Cause("FieldValueInvalid", NOWHERE, f'Invalid value: "": "{path}" {said}')


def _broken(path: str, value: Any, rule: str) -> Cause:
    return invalid(path, value, f"{path} in body {rule}")
