"""Raw JSON fields are slices of the buffer that they were decoded from: copy, to free the rest.

Those that are declared ``Packed`` are packed instead.
"""

from __future__ import annotations

import functools
import types
import typing
from typing import Any, cast

import msgspec
from msgspec.structs import fields, force_setattr

from ome.informers.merging import ProjectionError
from ome.informers.packing import Packed, pack

__all__ = ["Plan", "copy_raw", "raw_plan"]

Plan = tuple[tuple[str, Any], ...]
"""(attribute, what makes the Raw in it one of its own, or the plan of the struct in it)."""


@functools.cache
def raw_plan(struct: type[Any]) -> Plan:
    """Where a struct holds ``Raw``.

    Raises: ProjectionError for ``Raw | None``, which msgspec cannot decode, and for Raw in lists
    or dicts.
    """
    plan: list[tuple[str, Any]] = []
    for field in fields(struct):
        if not _mentions_raw(field.type, frozenset()):
            continue
        declared = _without_none(field.type)
        if field.type is msgspec.Raw:
            plan.append((field.name, msgspec.Raw.copy))
        elif field.type == Packed:
            plan.append((field.name, pack))
        elif isinstance(declared, msgspec.StructMeta):
            plan.append((field.name, raw_plan(declared)))
        else:
            raise ProjectionError(
                f"{struct.__qualname__}.{field.name}: Raw must be the type of a whole field, "
                "absent is an empty one: msgspec.Raw = msgspec.Raw()"
            )
    return tuple(plan)


def copy_raw(obj: Any, plan: Plan) -> None:
    """Replace each slice of a larger buffer in ``obj`` by a copy of its own."""
    for name, inner in plan:
        value = getattr(obj, name)
        if isinstance(inner, tuple):
            if value is not None:
                copy_raw(value, inner)
        elif value:  # frozen for readers; it has none yet
            force_setattr(obj, name, inner(value))


def _without_none(declared: Any) -> Any:
    if typing.get_origin(declared) not in (typing.Union, types.UnionType):
        return declared
    rest = [arg for arg in typing.get_args(declared) if arg is not types.NoneType]
    return rest[0] if len(rest) == 1 else declared


def _mentions_raw(declared: Any, seen: frozenset[Any]) -> bool:
    if declared is msgspec.Raw:
        return True
    if isinstance(declared, msgspec.StructMeta) and declared not in seen:
        inside = seen | {declared}
        return any(
            _mentions_raw(field.type, inside)
            for field in fields(cast("type[msgspec.Struct]", declared))
        )
    return any(_mentions_raw(arg, seen) for arg in typing.get_args(declared))
