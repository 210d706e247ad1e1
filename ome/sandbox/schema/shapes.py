"""What the walks ask of a schema, read once for each place in it."""

from __future__ import annotations

from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

from ome.api.openapi import SchemaNode, schema_for
from ome.sandbox.schema.cel_values import TYPED_FORMATS, escaped

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = ["META", "OBJECT_META", "Shape", "shape_of"]

OBJECT_META = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
META = frozenset({"apiVersion", "kind", "metadata"})
"""Members that every object has, whatever its schema says."""

_CRD = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1."
_SCHEMA = f"{_CRD}JSONSchemaProps"
_MAYBE_SCHEMA = frozenset({f"{_SCHEMA}OrArray", f"{_SCHEMA}OrBool", f"{_SCHEMA}OrStringArray"})
_LIMITS = (
    "exclusiveMaximum", "exclusiveMinimum", "maxItems", "maxLength", "maxProperties", "maximum",
    "minItems", "minLength", "minProperties", "minimum", "multipleOf", "pattern", "uniqueItems",
)  # fmt: skip
_SIMPLE = {"boolean": bool, "string": str}
_JUNCTORS = ("anyOf", "oneOf", "allOf", "not")


class Shape:
    """A place of a schema. ``built_in`` is one that the server decodes into a type of its own."""

    def __init__(self, node: SchemaNode) -> None:
        raw = node.raw
        self.raw = raw
        self.name = node.name
        self.built_in = bool(node.name)
        self.type: str | None = raw.get("type")
        self.format: str | None = raw.get("format")
        self.default: Any = raw.get("default")
        self.nullable = bool(raw.get("nullable"))
        self.embedded = bool(raw.get("x-kubernetes-embedded-resource"))
        self.int_or_string = bool(raw.get("x-kubernetes-int-or-string"))
        # A built-in type without fields of its own is free JSON, such as the fields of an owner.
        self.keeps_unknown = bool(raw.get("x-kubernetes-preserve-unknown-fields")) or (
            self.built_in and "properties" not in raw and "additionalProperties" not in raw
        )
        self.free_values = raw.get("additionalProperties") is True
        self.types = _types(raw)
        self.enum: Sequence[Any] | None = raw.get("enum")
        self.required: Sequence[str] = raw.get("required") or ()
        self.rules: Sequence[Mapping[str, Any]] = raw.get("x-kubernetes-validations") or ()
        self.limits = {key: raw[key] for key in _LIMITS if key in raw}
        self.list_type = node.list_type
        self.map_keys = node.map_keys
        self._node = node

    @cached_property
    def simple(self) -> type | None:
        """The Python type of which any value will do: most fields ask no more than that."""
        asks = self.format or self.limits or self.enum is not None or self.junctors
        return None if asks else _SIMPLE.get(self.type or "")

    @cached_property
    def fields(self) -> Mapping[str, Shape]:
        """The members of an object; those of its metadata too where it is a whole object."""
        found = {name: Shape(child) for name, child in self._node.fields.items()}
        if self.embedded:
            found["metadata"] = shape_of(schema_for(OBJECT_META))
        return found

    @cached_property
    def items(self) -> Shape | None:
        """What a list holds."""
        if self.name in _MAYBE_SCHEMA:
            return shape_of(schema_for(_SCHEMA))
        return Shape(self._node.items) if self._node.items is not None else None

    @cached_property
    def values(self) -> Shape | None:
        """What a map from free keys holds."""
        return Shape(self._node.values) if self._node.values is not None else None

    @cached_property
    def alternative(self) -> Shape | None:
        """The type of an object where also other things may stand: a schema or a boolean."""
        return shape_of(schema_for(_SCHEMA)) if self.name in _MAYBE_SCHEMA else None

    @cached_property
    def junctors(self) -> Mapping[str, Sequence[Shape]]:
        """What ``anyOf`` and its like ask of the value besides, by their names."""
        found = {}
        for name in _JUNCTORS:
            if (schemas := self.raw.get(name)) and not self.built_in:
                listed = [schemas] if isinstance(schemas, dict) else schemas
                found[name] = [Shape(SchemaNode(schema)) for schema in listed]
        return found

    @cached_property
    def has_rules(self) -> bool:
        """Whether a rule in CEL stands here or below."""
        return self._anywhere(lambda raw: "x-kubernetes-validations" in raw)

    @cached_property
    def has_unique_lists(self) -> bool:
        """Whether a list whose items must differ stands here or below."""
        return self._anywhere(lambda raw: raw.get("x-kubernetes-list-type") in ("set", "map"))

    @cached_property
    def said_plainly(self) -> bool:
        """Whether CEL sees values here and below as they are in JSON."""
        return not self._anywhere(
            lambda raw: (
                raw.get("type") == "number"
                or raw.get("format") in TYPED_FORMATS
                or bool(raw.get("nullable"))
                or any(escaped(name) != name for name in raw.get("properties", ()))
            )
        )

    def _anywhere(self, holds: Callable[[Mapping[str, Any]], bool]) -> bool:
        return not self.built_in and _anywhere(self.raw, holds)


@lru_cache(maxsize=1024)
def shape_of(node: SchemaNode) -> Shape:
    """The shape of a node: one for each that is in use."""
    return Shape(node)


def _types(raw: Mapping[str, Any]) -> tuple[str, ...]:
    if "type" in raw:
        return (raw["type"],)
    return ("integer", "string") if raw.get("x-kubernetes-int-or-string") else ()


def _anywhere(raw: Any, holds: Callable[[Mapping[str, Any]], bool]) -> bool:
    if not isinstance(raw, dict):
        return False
    if holds(raw):
        return True
    inner = [*raw.get("properties", {}).values(), raw.get("items"), raw.get("additionalProperties")]
    return any(_anywhere(schema, holds) for schema in inner)
