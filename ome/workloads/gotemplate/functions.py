"""The functions of templates over text, numbers, booleans and maps of text.

``None`` is the value of a key that a map does not have.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, TypeAlias

from ome.workloads.gotemplate.errors import TemplateError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    Value: TypeAlias = str | int | bool | Mapping[str, str] | None

__all__ = ["FUNCTIONS", "is_true", "to_text"]

_VERB = re.compile(r"%(.?)", re.DOTALL)


def to_text(value: Value) -> str:
    """A value as it is written."""
    if value is None:
        return "<no value>"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int):
        return str(value)
    return "map[" + " ".join(f"{key}:{value[key]}" for key in sorted(value)) + "]"


def is_true(value: Value) -> bool:
    """Whether a value counts as true: anything but empty, zero, false and missing."""
    return bool(value)


def _index(arguments: Sequence[Value]) -> Value:
    if len(arguments) < 2:
        raise TemplateError("index needs a map and a key")
    value = arguments[0]
    for key in arguments[1:]:
        if value is None or isinstance(value, str | int):
            raise TemplateError(f"can't index item of {to_text(value)!r}; index reads maps")
        if not isinstance(key, str):
            raise TemplateError(f"index: the key {to_text(key)!r} is no text")
        value = value.get(key, "")
    return value


def _printf(arguments: Sequence[Value]) -> Value:
    if not arguments or not isinstance(arguments[0], str):
        raise TemplateError("printf needs a format text")
    rest = list(arguments[1:])

    def verb(found: re.Match[str]) -> str:
        if found[1] == "%":
            return "%"
        if found[1] not in ("s", "v", "d", "q"):
            raise TemplateError(f"printf knows %s, %v, %d, %q and %%, not {found[0]!r}")
        if not rest:
            raise TemplateError(f"printf: no argument for {found[0]!r}")
        value = rest.pop(0)
        number = isinstance(value, int) and not isinstance(value, bool)
        if found[1] != "v" and number != (found[1] == "d"):
            raise TemplateError(f"printf: {found[0]} does not take {to_text(value)!r}")
        text = to_text(value)
        return json.dumps(text, ensure_ascii=False) if found[1] == "q" else text

    made = _VERB.sub(verb, arguments[0])
    if rest:
        raise TemplateError(f"printf: {len(rest)} arguments more than its format names")
    return made


def _eq(arguments: Sequence[Value]) -> Value:
    if len(arguments) < 2:
        raise TemplateError("eq needs two values or more")
    return any(_same(arguments[0], other) for other in arguments[1:])


def _ne(arguments: Sequence[Value]) -> Value:
    if len(arguments) != 2:
        raise TemplateError("ne needs two values")
    return not _same(*arguments)


def _same(one: Value, other: Value) -> bool:
    if one is not None and other is not None and type(one) is not type(other):
        raise TemplateError(
            f"incompatible types for comparison: {to_text(one)!r} and {to_text(other)!r}"
        )
    return one == other


def _and(arguments: Sequence[Value]) -> Value:
    return _first(arguments, "and", until=False)


def _or(arguments: Sequence[Value]) -> Value:
    return _first(arguments, "or", until=True)


def _first(arguments: Sequence[Value], name: str, *, until: bool) -> Value:
    if not arguments:
        raise TemplateError(f"{name} needs a value")
    return next((value for value in arguments if is_true(value) is until), arguments[-1])


def _not(arguments: Sequence[Value]) -> Value:
    if len(arguments) != 1:
        raise TemplateError("not needs one value")
    return not is_true(arguments[0])


def _len(arguments: Sequence[Value]) -> Value:
    if len(arguments) != 1 or arguments[0] is None or isinstance(arguments[0], int):
        raise TemplateError("len needs one text or map")
    value = arguments[0]
    return len(value.encode()) if isinstance(value, str) else len(value)


FUNCTIONS: Mapping[str, Callable[[Sequence[Value]], Value]] = {
    "and": _and,
    "eq": _eq,
    "index": _index,
    "len": _len,
    "ne": _ne,
    "not": _not,
    "or": _or,
    "printf": _printf,
}
"""By name; each takes all its arguments and raises ``TemplateError``."""
