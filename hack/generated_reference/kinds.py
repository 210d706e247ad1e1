"""The kinds and the objects in them: fields, types, defaults, what they mean."""

from __future__ import annotations

import inspect
import json
import types
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin

from pydantic_core import PydanticUndefined

from ome.api import KINDS
from ome.api.core import ContainerFields, PodFields
from ome.api.crds.columns import COLUMNS
from ome.api.crds.descriptions import describe
from ome.api.schema import CoreType, KindObject, Schema, json_name

from .tables import code, table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic.fields import FieldInfo

__all__ = ["page"]

_HEAD = """# Kinds

The kinds of `ome.io/v1beta1`. `kubectl explain inferenceservice.spec.engine` says the same in a
terminal. Types in capitals that have no section here are those of Kubernetes.

"""
_INLINED = {PodFields: "PodSpec", ContainerFields: "Container"}
_SCALARS = {str: "string", int: "integer", bool: "boolean", float: "number", Any: "any value"}
_OWN = ("api_version", "kind", "metadata")


def page() -> str:
    """The whole page: kinds first, then what is in them by name."""
    found: dict[str, type[Schema]] = {}
    for kind in KINDS:
        _collect(kind, found)
    kinds = "".join(_kind(kind) for kind in sorted(KINDS, key=lambda kind: kind.KIND))
    rest = sorted(name for name, model in found.items() if not issubclass(model, KindObject))
    return _HEAD + kinds + "".join(_section(found[name]) for name in rest)


def _collect(model: type[Schema], found: dict[str, type[Schema]]) -> None:
    if model.__name__ in found:
        return
    found[model.__name__] = model
    for attribute, info in model.model_fields.items():
        if not (issubclass(model, KindObject) and attribute in _OWN):
            for inner in _models(info.annotation):
                _collect(inner, found)


def _models(annotation: Any) -> Iterator[type[Schema]]:
    if isinstance(annotation, type) and issubclass(annotation, Schema):
        yield annotation
    for argument in get_args(annotation):
        yield from _models(argument)


def _kind(kind: type[KindObject]) -> str:
    scope = "in a namespace" if kind.NAMESPACED else "of the cluster"
    short = f", short {', '.join(map(code, kind.SHORT_NAMES))}" if kind.SHORT_NAMES else ""
    columns = ", ".join(column["name"].upper() for column in COLUMNS[kind.KIND])
    described = f"`{kind.PLURAL}`{short}, {scope}. Columns: {columns}."
    return f"## {kind.KIND}\n\n{described}\n\n{_fields(kind)}\n"


def _section(model: type[Schema]) -> str:
    inlined = [name for base, name in _INLINED.items() if issubclass(model, base)]
    beside = f"Beside the fields of a {inlined[0]}, all optional:\n\n" if inlined else ""
    return f"## {model.__name__}\n\n{beside}{_fields(model)}\n"


def _fields(model: type[Schema]) -> str:
    rows = []
    for attribute, info in model.model_fields.items():
        owner = _declares(model, attribute)
        if owner in _INLINED or (issubclass(model, KindObject) and attribute in _OWN):
            continue
        name = json_name(attribute)
        described = describe(owner.__name__, name) or ""
        rows.append((code(name), _type(info), _default(info), described))
    return (
        table(("field", "type", "default", "meaning"), rows) if rows else "No fields of its own.\n"
    )


def _declares(model: type[Schema], attribute: str) -> type[Any]:
    owners = [base for base in model.__mro__ if attribute in inspect.get_annotations(base)]
    return owners[0] if owners else model


def _default(info: FieldInfo) -> str:
    if info.is_required():
        return "required"
    if info.default is None or info.default is PydanticUndefined or info.default == ():
        return ""
    return code(json.dumps(info.default)) if isinstance(info.default, str | int | float) else ""


def _type(info: FieldInfo) -> str:
    annotation: Any = info.annotation
    if info.metadata:
        annotation = Annotated[(annotation, *info.metadata)]
    return _written(annotation)


def _written(annotation: Any) -> str:
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        core = next((item for item in args[1:] if isinstance(item, CoreType)), None)
        return core.definition.rpartition(".")[2] if core else _written(args[0])
    if origin in (Union, types.UnionType):
        return " or ".join(_written(item) for item in args if item is not type(None))
    if origin is Literal:
        return ", ".join(code(value) for value in args if value)
    if origin in (list, tuple):
        return f"list of {_written(args[0])}"
    if origin is dict:
        return f"map of {_written(args[1])}"
    if isinstance(annotation, type) and issubclass(annotation, Schema):
        return f"[{annotation.__name__}](#{annotation.__name__.lower()})"
    return _SCALARS[annotation]
