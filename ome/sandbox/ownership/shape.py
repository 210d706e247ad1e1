"""How a value is owned, from its schema: as a whole, member by member, item by item. Pure."""

from __future__ import annotations

from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, Final

from ome.api.openapi.view import SchemaNode, schema_for
from ome.sandbox.ownership.fields import compact

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ABSENT", "Absent", "Shape", "shape_of"]


class Absent:
    """The type of ``ABSENT``."""

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT: Final = Absent()
"""In place of a value that is not there; ``None`` is a null."""

_OBJECT_META = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
_FREE = SchemaNode({"x-kubernetes-preserve-unknown-fields": True})
_STRING = SchemaNode({"type": "string"})

# Members of built-in types that are there in every object although nobody need write them: they
# are structures, not pointers, in the server's own types. The schemas do not say which.
_STRUCTURES = {
    "io.k8s.api.apps.v1.DeploymentSpec": ("strategy",),
    "io.k8s.api.apps.v1.ReplicaSetSpec": ("template",),
    "io.k8s.api.apps.v1.StatefulSetSpec": ("updateStrategy",),
    "io.k8s.api.core.v1.Container": ("resources",),
    "io.k8s.api.core.v1.ContainerStatus": ("lastState", "state"),
    "io.k8s.api.core.v1.EphemeralContainer": ("resources",),
    "io.k8s.api.core.v1.Event": ("source",),
    "io.k8s.api.core.v1.NodeDaemonEndpoints": ("kubeletEndpoint",),
    "io.k8s.api.core.v1.NodeStatus": ("daemonEndpoints", "nodeInfo"),
    "io.k8s.api.core.v1.PersistentVolumeClaimSpec": ("resources",),
    "io.k8s.api.core.v1.PersistentVolumeClaimTemplate": ("metadata",),
    "io.k8s.api.core.v1.PodTemplateSpec": ("metadata", "spec"),
    "io.k8s.api.core.v1.ServiceStatus": ("loadBalancer",),
    "io.k8s.api.discovery.v1.Endpoint": ("conditions",),
    "io.k8s.api.events.v1.Event": ("deprecatedSource", "regarding"),
    "io.k8s.api.networking.v1.IngressServiceBackend": ("port",),
    "io.k8s.api.networking.v1.IngressStatus": ("loadBalancer",),
    "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinitionStatus": (
        "acceptedNames",
    ),
}
_ROOT = ("metadata", "spec", "status")


class Shape:
    """A place in a schema, as ownership sees it.

    ``parts`` takes a value apart into the pieces that can have owners of their own, ``child`` is
    the shape of a piece, ``whole`` puts pieces together again.
    """

    def __init__(self, schema: SchemaNode, *, is_object: bool = False) -> None:
        self.schema = schema
        self._is_object = is_object or bool(schema.raw.get("x-kubernetes-embedded-resource"))
        self._children: dict[str, Shape | None] = {}
        atomic = "atomic" in (schema.map_type, schema.list_type)
        raw = schema.raw
        scalar = raw.get("x-kubernetes-int-or-string") or "oneOf" in raw or "anyOf" in raw
        self.is_free = schema.type is None and not schema.fields and not scalar
        self.is_map = not atomic and (
            self.is_free or schema.type == "object" or bool(schema.fields)
        )
        self.is_list = not atomic and schema.list_type in ("set", "map")

    def parts(self, value: Any) -> dict[str, Any]:
        """The pieces of a value by element; empty for one that is owned as a whole.

        Items of a list that share an element come as one piece: the tuple of them.
        """
        if self.is_map and isinstance(value, dict):
            return {f"f:{name}": item for name, item in value.items()}
        if not self.is_list or not isinstance(value, list):
            return {}
        pieces: dict[str, Any] = {}
        for item in value:
            element = self.element(item)
            if element in pieces:
                held = pieces[element]
                pieces[element] = (*held, item) if isinstance(held, tuple) else (held, item)
            else:
                pieces[element] = item
        return pieces

    def is_divided(self, value: Any) -> bool:
        """Whether pieces of the value can have owners of their own."""
        return (self.is_map and isinstance(value, dict)) or (
            self.is_list and isinstance(value, list)
        )

    def whole(self, pieces: Mapping[str, Any]) -> Any:
        """The value of these pieces, in their order; null for none."""
        if not pieces:
            return None
        if self.is_map:
            return {element[2:]: piece for element, piece in pieces.items()}
        items: list[Any] = []
        for piece in pieces.values():
            items.extend(piece if isinstance(piece, tuple) else (piece,))
        return items

    def completed(self, value: Any) -> Any:
        """The value with the members that the server's own types always have."""
        if not self._always or not isinstance(value, dict):
            return value
        missing = {name: zero for name, zero in self._always.items() if name not in value}
        return {**value, **missing} if missing else value

    def element(self, item: Any) -> str:
        """What names an item among those of its list."""
        if self.schema.list_type == "map" and isinstance(item, dict):
            keys = {name: item.get(name, default) for name, default in self._keys}
            keys = {name: value for name, value in keys.items() if value is not None}
            return f"k:{compact(keys)}"
        return f"v:{compact(item)}"

    def child(self, element: str) -> Shape:
        """The shape of a piece; a free one where the schema knows none."""
        return self.declared(element) or _FREE_SHAPE

    def declared(self, element: str) -> Shape | None:
        """The shape of a piece; None for a member that the schema does not allow."""
        if element not in self._children:
            if len(self._children) > _CHILDREN:
                self._children.clear()
            self._children[element] = self._declared(element)
        return self._children[element]

    def is_named(self, element: str) -> bool:
        """Whether a piece is a member that the schema names, not one under a free key."""
        return element[2:] in self._fields if element.startswith("f:") and self.is_map else False

    def _declared(self, element: str) -> Shape | None:
        if self.is_list:
            return self._shape_below
        name = element[2:]
        if name in self._fields:
            return Shape(self._fields[name])
        return self._shape_below

    @cached_property
    def _shape_below(self) -> Shape | None:
        """The shape of a list's items, or of what stands under free keys."""
        below = self.schema.items if self.is_list else self.schema.values
        if below is not None:
            return Shape(below)
        raw = self.schema.raw
        extra = raw.get("additionalProperties", not self.schema.fields)
        is_open = extra is not False or raw.get("x-kubernetes-preserve-unknown-fields")
        return _FREE_SHAPE if is_open else None

    @cached_property
    def _fields(self) -> Mapping[str, SchemaNode]:
        fields = self.schema.fields
        if not self._is_object:
            return fields
        known = {"apiVersion": _STRING, "kind": _STRING, **fields}
        if "metadata" not in fields or not fields["metadata"].fields:
            known["metadata"] = schema_for(_OBJECT_META)
        return known

    @cached_property
    def _keys(self) -> tuple[tuple[str, Any], ...]:
        items = self.schema.items
        fields = items.fields if items is not None else {}
        return tuple(
            (name, fields[name].default if name in fields else None)
            for name in self.schema.map_keys
        )

    @cached_property
    def _always(self) -> dict[str, Any]:
        name = self.schema.name
        if not name.startswith("io.k8s.") or self.is_list:
            return {}
        names = set(_STRUCTURES.get(name, ())) | self.schema.required
        if self._is_object:
            names.update(_ROOT)
        fields = self.schema.fields
        return {
            name: {} if Shape(fields[name]).is_map else None
            for name in sorted(names & fields.keys())
        }


_CHILDREN = 512
_FREE_SHAPE = Shape(_FREE)


@lru_cache(256)
def shape_of(schema: SchemaNode) -> Shape:
    """The shape of whole objects of a kind."""
    return Shape(schema, is_object=True)
