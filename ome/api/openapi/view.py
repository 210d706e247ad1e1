"""A definition of the extract as a tree: references resolved, merge rules at hand."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

from ome.api.openapi.extract import REF, definition

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["SchemaNode", "schema_for"]


@dataclass(frozen=True, eq=False)
class SchemaNode:
    """The schema of a value at one place: a field, an item of a list, a value of a map.

    ``raw`` is the resolved schema with the extensions of the place laid over those of its type;
    ``name`` is the definition's full name, empty for a value that has none. Nodes may be recursive
    (a CRD's schema holds itself), so fields are resolved when they are asked for.
    """

    raw: Mapping[str, Any]
    name: str = ""

    @property
    def type(self) -> str | None:
        """``object``, ``array``, ``string``, ...; None for int-or-string and free JSON."""
        return self.raw.get("type")

    @property
    def required(self) -> frozenset[str]:
        """Names of the members that an object must have."""
        return frozenset(self.raw.get("required", ()))

    @property
    def default(self) -> Any:
        """The server's default of the field; None where there is none, or only a zero value."""
        return self.raw.get("default")

    @property
    def list_type(self) -> str | None:
        """Ownership of a list in server-side apply: ``atomic``, ``set``, ``map``.

        None says atomic for a list, and that the node is no list otherwise.
        """
        return self.raw.get("x-kubernetes-list-type")

    @property
    def map_keys(self) -> tuple[str, ...]:
        """The members that identify an item of a ``map`` list."""
        return tuple(self.raw.get("x-kubernetes-list-map-keys", ()))

    @property
    def map_type(self) -> str | None:
        """``atomic`` for an object that one manager owns as a whole."""
        return self.raw.get("x-kubernetes-map-type")

    @property
    def patch_strategy(self) -> str | None:
        """Strategic merge: ``merge``, ``retainKeys``, ``merge,retainKeys``; None replaces."""
        return self.raw.get("x-kubernetes-patch-strategy")

    @property
    def patch_merge_key(self) -> str | None:
        """The member by which strategic merge pairs the items of a list."""
        return self.raw.get("x-kubernetes-patch-merge-key")

    @cached_property
    def fields(self) -> Mapping[str, SchemaNode]:
        """The members of an object by their JSON names; empty for anything else."""
        return {name: _node(schema) for name, schema in self.raw.get("properties", {}).items()}

    @cached_property
    def items(self) -> SchemaNode | None:
        """What a list holds."""
        held = self.raw.get("items")
        return _node(held) if isinstance(held, dict) else None

    @cached_property
    def values(self) -> SchemaNode | None:
        """What a map from free keys holds."""
        held = self.raw.get("additionalProperties")
        return _node(held) if isinstance(held, dict) else None

    def at(self, *path: str) -> SchemaNode:
        """The node of a field below, through the items of lists on the way.

        ``schema_for(POD_SPEC).at("containers", "env").patch_merge_key`` is ``name``. Raises
        KeyError naming the first member that does not exist.
        """
        node = self
        for part in path:
            while node.items is not None:
                node = node.items
            if part not in node.fields:
                raise KeyError(f"{node.name or node.type} has no field {part}")
            node = node.fields[part]
        return node


@cache
def schema_for(name: str) -> SchemaNode:
    """The tree of a definition, such as ``io.k8s.api.core.v1.PodSpec``.

    One object for each name. Raises KeyError when the extract does not hold it.
    """
    return SchemaNode(definition(name), name)


def _node(schema: Mapping[str, Any]) -> SchemaNode:
    inner = schema["allOf"][0] if "allOf" in schema else schema
    if "$ref" not in inner:
        return SchemaNode(schema)
    target = schema_for(inner["$ref"].removeprefix(REF))
    placed = {key: value for key, value in schema.items() if key not in ("$ref", "allOf")}
    return SchemaNode({**target.raw, **placed}, target.name) if placed else target
