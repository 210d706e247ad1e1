"""The union of what several readers of one watch declare.

Fields are matched by the name they have in JSON, structs are merged field by field at any depth
(through ``X | None``, lists, tuples and dicts), methods and properties are carried over. A field
that one reader requires and another gives a default gets the default: an object is never lost to
one reader because another is stricter. Everything else must agree, or it is an error at the time
of declaration that names the field and both classes.
"""

from __future__ import annotations

import functools
import types
import typing
from typing import Any

import msgspec
from msgspec.structs import FieldInfo, fields

__all__ = ["ProjectionError", "merge_projections"]


class ProjectionError(TypeError):
    """Two readers of one watch declare the same field in ways that do not fit together."""


def merge_projections(*projections: type[Any]) -> type[Any]:
    """The frozen struct that has every field and method of ``projections``.

    One class alone (or several times) is given back as it is. Raises: ProjectionError.
    """
    return _merged(tuple(dict.fromkeys(projections)))


@functools.lru_cache(maxsize=256)  # the same readers meet again in each informer that is made
def _merged(distinct: tuple[type[Any], ...]) -> type[Any]:
    if not distinct:
        raise ProjectionError("nothing to merge")
    for projection in distinct:
        _require_plain(projection)
    return functools.reduce(_merge_structs, distinct)


def _require_plain(struct: type[Any]) -> None:
    config = struct.__struct_config__
    if not config.frozen:
        raise ProjectionError(f"{struct.__qualname__} must be frozen: its instances are shared")
    if config.array_like or config.tag is not None:
        raise ProjectionError(f"{struct.__qualname__} must be a plain struct, no tag, no array")


def _merge_structs(one: type[Any], other: type[Any], path: str = "") -> type[Any]:
    if one is other:
        return one
    _require_plain(one)
    _require_plain(other)
    mine = {field.encode_name: field for field in fields(one)}
    theirs = {field.encode_name: field for field in fields(other)}
    merged = [
        _merge_fields(one, other, mine.get(name), theirs.get(name), f"{path}{name}")
        for name in dict.fromkeys((*mine, *theirs))
    ]
    names = [field.name for field in merged]
    if twice := {name for name in names if names.count(name) > 1}:
        raise ProjectionError(
            f"{_both(one, other)} use {', '.join(sorted(twice))} for fields of different names"
        )
    configs = (one.__struct_config__, other.__struct_config__)
    return msgspec.defstruct(
        f"{one.__name__}_{other.__name__}",
        [_definition(field) for field in merged],
        namespace=_merge_members(one, other, set(names)),
        module=__name__,
        rename={field.name: field.encode_name for field in merged},
        frozen=True,
        kw_only=True,
        gc=any(config.gc for config in configs),
        omit_defaults=any(config.omit_defaults for config in configs),
    )


def _definition(field: FieldInfo) -> Any:
    if field.default is not msgspec.NODEFAULT:
        return (field.name, field.type, field.default)
    if field.default_factory is not msgspec.NODEFAULT:
        return (field.name, field.type, msgspec.field(default_factory=field.default_factory))
    return (field.name, field.type)


def _merge_fields(
    one: type[Any], other: type[Any], mine: FieldInfo | None, theirs: FieldInfo | None, path: str
) -> FieldInfo:
    if mine is None or theirs is None:
        only = mine or theirs
        assert only is not None  # the name came from one of them
        return only
    if mine.name != theirs.name:
        raise ProjectionError(
            f"{_both(one, other)} name the field {path} differently: {mine.name}, {theirs.name}"
        )
    merged = _merge_types(mine.type, theirs.type, path)
    if merged is None:
        raise ProjectionError(
            f"{_both(one, other)} declare {path} differently: {_show(mine.type)} and "
            f"{_show(theirs.type)}; declare it alike, or watch with different selectors"
        )
    default, factory = _merge_defaults(one, other, mine, theirs, merged, path)
    return FieldInfo(mine.name, mine.encode_name, merged, default, factory)


def _merge_types(mine: Any, theirs: Any, path: str) -> Any:
    """One type for both, or None when they do not fit together."""
    if mine == theirs:
        return mine
    if _is_struct(mine) and _is_struct(theirs):
        return _merge_structs(mine, theirs, f"{path}.")
    origin, other_origin = _origin(mine), _origin(theirs)
    args, other_args = typing.get_args(mine), typing.get_args(theirs)
    if origin is None or origin != other_origin or len(args) != len(other_args):
        return None
    pairs = zip(args, other_args, strict=True)
    merged = tuple(_merge_types(first, second, path) for first, second in pairs)
    if None in merged:
        return None
    return (
        functools.reduce(lambda a, b: a | b, merged) if origin is typing.Union else origin[merged]
    )


def _origin(declared: Any) -> Any:
    origin = typing.get_origin(declared)
    return typing.Union if origin is types.UnionType else origin


def _merge_defaults(
    one: type[Any], other: type[Any], mine: FieldInfo, theirs: FieldInfo, merged: Any, path: str
) -> tuple[Any, Any]:
    """(default, factory) of the union: the default that either gives, if they give the same."""
    given = [field for field in (mine, theirs) if not field.required]
    if not given:
        return msgspec.NODEFAULT, msgspec.NODEFAULT
    values = [_as(_default_of(field), merged) for field in given]
    if values[0] != values[-1]:
        raise ProjectionError(f"{_both(one, other)} give {path} different defaults")
    if merged == given[0].type:
        return given[0].default, given[0].default_factory
    return msgspec.NODEFAULT, lambda: values[0]  # of frozen structs: may be shared


def _default_of(field: FieldInfo) -> Any:
    if field.default_factory is not msgspec.NODEFAULT:
        return field.default_factory()
    return field.default


def _as(value: Any, merged: Any) -> Any:
    """A default of a narrow type, as a value of the union's type."""
    if not isinstance(value, msgspec.Struct):
        return value
    wider = next(kind for kind in (merged, *typing.get_args(merged)) if _is_struct(kind))
    kinds = {field.name: field.type for field in fields(wider)}
    given = {name: _as(getattr(value, name), kinds[name]) for name in value.__struct_fields__}
    return wider(**given)


def _is_struct(declared: Any) -> bool:
    return isinstance(declared, msgspec.StructMeta)


def _merge_members(one: type[Any], other: type[Any], field_names: set[str]) -> dict[str, Any]:
    """Methods, properties and class constants of both."""
    mine, theirs = _members(one, field_names), _members(other, field_names)
    for name in mine.keys() & theirs.keys():
        if mine[name] is not theirs[name]:
            raise ProjectionError(f"{_both(one, other)} both define {name}, differently")
    return mine | theirs


def _members(struct: type[Any], field_names: set[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for base in reversed(struct.__mro__[: struct.__mro__.index(msgspec.Struct)]):
        for name, member in vars(base).items():
            if name in field_names or isinstance(member, types.MemberDescriptorType):
                continue
            if name.startswith("__") and name != "__post_init__":
                continue
            if "__class__" in getattr(getattr(member, "__code__", None), "co_freevars", ()):
                raise ProjectionError(f"{struct.__qualname__}.{name} uses super(): not shareable")
            found[name] = member
    return found


def _both(one: type[Any], other: type[Any]) -> str:
    return f"{one.__qualname__} and {other.__qualname__}"


def _show(declared: Any) -> str:
    return declared.__qualname__ if isinstance(declared, type) else str(declared)
