"""The JSONPath of printer columns: Kubernetes' dialect, as far as a column may use it.

``.metadata.labels.example\\.com/name``, ``.spec['a'].b[0]``, ``.spec.items[*].name``,
``.status.conditions[?(@.type=="Ready")].status``. What is missing has no values.
"""

from __future__ import annotations

import json
import operator
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Step = Callable[[Any], Iterator[Any]]

__all__ = ["compiled", "values_at"]

_FIELD = re.compile(r"\.((?:\\.|[^.\[\]\\])+)")
_QUOTED = re.compile(r"""\[(?:'([^']+)'|"([^"]+)")\]""")
_INDEX = re.compile(r"\[(-?\d+)\]")
_SLICE = re.compile(r"\[(-?\d*):(-?\d*)(?::(\d*))?\]")
_FILTER = re.compile(r"""\[\?\(\s*@((?:"[^"]*"|'[^']*'|[^)])*)\)\]""")
_COMPARED = re.compile(r"(?P<path>.*?)\s*(?P<operator>==|!=|<=|>=|<|>)\s*(?P<value>.+?)\s*")
_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def values_at(path: str, document: Any) -> list[Any]:
    """All values at a path. Raises ValueError for a path that is none."""
    found = [document]
    for step in compiled(path):
        found = [value for one in found for value in step(one)]
    return found


@lru_cache(maxsize=512)
def compiled(path: str) -> tuple[Step, ...]:
    """The steps of a path. Raises ValueError for a path that is none."""
    steps, position = [], 0
    while position < len(path):
        for pattern, make in _SYNTAX:
            match = pattern.match(path, position)
            if match:
                steps.append(make(match))
                position = match.end()
                break
        else:
            raise ValueError(f"{path}: not a JSONPath at {path[position:]!r}")
    return tuple(steps)


def _field(match: re.Match[str]) -> Step:
    if match[1] == "*":
        return _all
    key = re.sub(r"\\(.)", r"\1", match[1])
    return lambda value: iter([value[key]] if isinstance(value, dict) and key in value else [])


def _quoted(match: re.Match[str]) -> Step:
    # As the real server has it, dots separate within quotes too, unless escaped.
    path = f".{match[1] or match[2]}"
    return lambda value: iter(values_at(path, value))


def _index(match: re.Match[str]) -> Step:
    index = int(match[1])

    def step(value: Any) -> Iterator[Any]:
        if isinstance(value, list) and -len(value) <= index < len(value):
            yield value[index]

    return step


def _slice(match: re.Match[str]) -> Step:
    start, stop, every = (int(text) if text else None for text in match.groups())
    return lambda value: iter(value[start:stop:every] if isinstance(value, list) else [])


def _all(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        yield from (value[key] for key in sorted(value))
    elif isinstance(value, list):
        yield from value


def _filter(match: re.Match[str]) -> Step:
    compared = _COMPARED.fullmatch(match[1])
    if compared is None:
        path = match[1].strip()
        return lambda value: (one for one in _all(value) if values_at(path, one))
    path, compare = compared["path"], _OPERATORS[compared["operator"]]
    wanted = _literal(compared["value"])

    def step(value: Any) -> Iterator[Any]:
        for one in _all(value):
            found = values_at(path, one)
            if found and type(found[0]) is type(wanted) and compare(found[0], wanted):
                yield one

    return step


def _literal(text: str) -> Any:
    if len(text) > 1 and text[0] == text[-1] == "'":
        return text[1:-1]
    return json.loads(text)


_SYNTAX: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], Step]], ...] = (
    (_FIELD, _field),
    (_QUOTED, _quoted),
    (re.compile(r"\[\*\]"), lambda _: _all),
    (_INDEX, _index),
    (_SLICE, _slice),
    (_FILTER, _filter),
)
