"""From a pydantic model to a structural schema."""

from __future__ import annotations

import inspect
import types
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin

from pydantic_core import PydanticUndefined

from ome.api.core import ContainerFields, PodFields
from ome.api.crds.core import core_property, core_schema
from ome.api.crds.descriptions import describe
from ome.api.crds.hints import FREE_STATUS, HINTS, OPTIONAL_TYPED_LISTS
from ome.api.limits import Limits
from ome.api.schema import CoreType, Schema, json_name

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

__all__ = ["model_schema"]

_SCALARS: dict[Any, str] = {str: "string", int: "integer", bool: "boolean", float: "number"}
_INLINED: dict[type[Any], str] = {
    PodFields: "io.k8s.api.core.v1.PodSpec",
    ContainerFields: "io.k8s.api.core.v1.Container",
}

# Required in manifests, yet readers take objects that lack them (an older CRD, a partial one).
_REQUIRED_WITH_DEFAULT = frozenset(
    {
        ("BenchmarkJobStatus", "state"),
        ("KedaAuthenticationRef", "name"),
        ("ModelStatus", "state"),
        ("ServiceModelStatus", "transitionStatus"),
        ("ModelRevisionStates", "activeModelState"),
        ("ModelCopies", "failedCopies"),
        ("SupportedModelFormat", "modelFormat"),
        ("SupportedModelFormat", "modelFramework"),
    }
)


def model_schema(model: type[Schema]) -> dict[str, Any]:
    """The schema of one object: properties, defaults, required members."""
    properties: dict[str, Any] = {}
    required: list[str] = []
    for attribute, info in sorted(model.model_fields.items(), key=lambda item: json_name(item[0])):
        name = json_name(attribute)
        properties[name] = _field(model, attribute, info)
        if info.is_required() or (model.__name__, name) in _REQUIRED_WITH_DEFAULT:
            required.append(name)
    schema: dict[str, Any] = {"type": "object", "properties": properties}
    if required:
        schema["required"] = required
    if model.__name__ in FREE_STATUS:
        schema["x-kubernetes-preserve-unknown-fields"] = True
    return schema


def _field(model: type[Schema], attribute: str, info: FieldInfo) -> dict[str, Any]:
    owner = _declares(model, attribute)
    name = json_name(attribute)
    if owner in _INLINED:
        return core_property(_INLINED[owner], name)
    annotation: Any = info.annotation
    if info.metadata:
        annotation = Annotated[(annotation, *info.metadata)]
    schema = _type(annotation)
    if info.default is not PydanticUndefined and info.default is not None:
        schema["default"] = info.default
    if schema.get("type") == "array" and "x-kubernetes-list-type" not in schema:
        schema |= OPTIONAL_TYPED_LISTS
    schema |= HINTS.get((owner.__name__, name), {})
    if (text := describe(owner.__name__, name)) is not None:
        schema["description"] = text
    return schema


def _declares(model: type[Schema], attribute: str) -> type[Any]:
    """The class that declares a field."""
    owners = [base for base in model.__mro__ if attribute in inspect.get_annotations(base)]
    return owners[0] if owners else model


def _type(annotation: Any) -> dict[str, Any]:
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        core = next((item for item in args[1:] if isinstance(item, CoreType)), None)
        if core is not None:
            return _core(core)
        limits = next((item.schema() for item in args[1:] if isinstance(item, Limits)), {})
        return {**_type(args[0]), **limits}
    if origin in (Union, types.UnionType):
        (inner,) = (item for item in args if item is not type(None))
        return _type(inner)
    if origin is Literal:
        return {"type": "string", "enum": list(args)}
    if origin in (list, tuple):
        return {"type": "array", "items": _type(args[0])}
    if origin is dict:
        return _map(args[1])
    if annotation in _SCALARS:
        return {"type": _SCALARS[annotation]}
    if isinstance(annotation, type) and issubclass(annotation, Schema):
        return model_schema(annotation)
    raise TypeError(f"no schema for {annotation!r}")


def _map(values: Any) -> dict[str, Any]:
    if values is Any:
        return {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    return {"type": "object", "additionalProperties": _type(values)}


def _core(marker: CoreType) -> dict[str, Any]:
    if marker.definition.endswith(".ResourceList"):
        return {
            "type": "object",
            "additionalProperties": core_schema("io.k8s.apimachinery.pkg.api.resource.Quantity"),
        }
    return core_schema(marker.definition)
