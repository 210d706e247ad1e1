"""Documents that are nearly right: one place of a valid one is made wrong, or stays right."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from tests.api.schemas import INT_OR_STRING, KEEP

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hypothesis.strategies import SearchStrategy

Place = tuple[str | int, ...]
WRONG: list[Any] = [
    True,
    -1,
    0,
    2**31,
    -(2**63) - 1,
    1.5,
    "",
    "odd",
    "80Gi",
    "https://x",
    "2026-05-06T10:11:12Z",
    "2026-13-06T10:11:12Z",
    [],
    ["a", "a"],
    [1, 1],
    ["a"],
    {},
    {"name": "a"},
    {"x": 1},
    "a" * 254,
    [{"modelFormat": {"name": "a"}, "modelFramework": {"name": "b"}}] * 129,
    [str(number) for number in range(257)],
]


def places(
    schema: dict[str, Any], value: Any, path: Place = ()
) -> Iterator[tuple[Place, dict[str, Any]]]:
    """Every place in a document with its schema, also of members that are absent."""
    yield path, schema
    if schema.get(INT_OR_STRING) or (schema.get(KEEP) and "properties" not in schema):
        return
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from places(schema["items"], item, (*path, index))
    if isinstance(value, dict):
        known, others = schema.get("properties", {}), schema.get("additionalProperties")
        for name in value:
            yield from places(known.get(name, others), value[name], (*path, name))
        for name in sorted(known.keys() - value.keys()):
            yield (*path, name), known[name]


@st.composite
def mutated(
    draw: st.DrawFn, valid: SearchStrategy[Any], schema: dict[str, Any], may: Any
) -> tuple[dict[str, Any], Place]:
    """A document with one change at a place that ``may`` allows, and that place."""
    document = copy.deepcopy(draw(valid))
    found = [path for path, inner in places(schema, document) if path and may(path, inner)]
    path = draw(st.sampled_from(found or [("spec",)]))
    holder: Any = document
    for part in path[:-1]:
        holder = holder[part]
    value = draw(st.sampled_from([*WRONG, None]))
    if value is None and isinstance(holder, dict):
        holder.pop(path[-1], None)
    else:
        holder[path[-1]] = copy.deepcopy(value)
    return document, path
