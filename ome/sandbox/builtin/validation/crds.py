"""Definitions of custom resources."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ome.sandbox.builtin import names
from ome.sandbox.builtin.causes import immutable, invalid, not_supported, required

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ome.sandbox.refusal import Cause

__all__ = ["validate_crd"]

_SCOPES = ("Cluster", "Namespaced")
_TYPES = ("array", "boolean", "integer", "number", "object", "string")
_CASE = "may have mixed case, but should otherwise match: "


def validate_crd(document: Mapping[str, Any], old: Mapping[str, Any] | None) -> Iterator[Cause]:
    """A CustomResourceDefinition: names, versions and whether each schema is structural."""
    spec, name = document["spec"], document["metadata"].get("name", "")
    group, scope = spec.get("group", ""), spec.get("scope", "")
    if name != f"{spec['names'].get('plural', '')}.{group}":
        yield invalid("metadata.name", name, 'must be spec.names.plural+"."+spec.group')
    if not group:
        yield required("spec.group")
    elif wrong := names.dns_subdomain(group):
        yield invalid("spec.group", group, ",".join(wrong))
    if not scope:
        yield required("spec.scope")
    elif scope not in _SCOPES:
        yield not_supported("spec.scope", scope, _SCOPES)
    yield from _versions(spec.get("versions") or [])
    yield from _names(spec["names"])
    stored = (document.get("status") or {}).get("storedVersions")
    yield from _stored_versions(stored, spec.get("versions") or [])
    if old is not None:
        yield from _changes(spec, old["spec"])


def _versions(versions: list[dict[str, Any]]) -> Iterator[Cause]:
    for index, version in enumerate(versions):
        at = f"spec.versions[{index}]"
        for text in names.dns_1035(version.get("name", "")):
            yield invalid(f"{at}.name", version.get("name", ""), text)
        if not (version.get("schema") or {}).get("openAPIV3Schema"):
            yield required(f"{at}.schema.openAPIV3Schema")
    known = [version.get("name", "") for version in versions]
    if len(set(known)) < len(known):
        yield invalid("spec.versions", versions, "must contain unique version names")
    if sum(bool(version.get("storage")) for version in versions) != 1:
        yield invalid(
            "spec.versions",
            versions or None,
            "must have exactly one version marked as storage version",
        )
    yield from _schemas(versions)


def _schemas(versions: list[dict[str, Any]]) -> Iterator[Cause]:
    schemas = [(version.get("schema") or {}).get("openAPIV3Schema") for version in versions]
    if schemas and all(schema == schemas[0] for schema in schemas):
        # A schema that all versions share is kept, and spoken of, beside them.
        if schemas[0]:
            yield from _root(schemas[0], "spec.validation.openAPIV3Schema")
        return
    for index, schema in enumerate(schemas):
        if schema:
            yield from _root(schema, f"spec.versions[{index}].schema.openAPIV3Schema")


def _root(schema: Mapping[str, Any], field: str) -> Iterator[Cause]:
    type_ = schema.get("type", "")
    if not type_:
        yield required(f"{field}.type", "must not be empty at the root")
    elif type_ != "object":
        yield invalid(f"{field}.type", type_, "must be object at the root")
    yield from _inside(schema, field)


def _inside(schema: Mapping[str, Any], field: str) -> Iterator[Cause]:
    if schema.get("type") == "array" and "items" not in schema:
        yield required(f"{field}.items", "must be specified")
    for name, child in (schema.get("properties") or {}).items():
        yield from _structural(child, f"{field}.properties[{name}]", "object fields")
    if isinstance(schema.get("items"), dict):
        yield from _structural(schema["items"], f"{field}.items", "array items")
    if isinstance(schema.get("additionalProperties"), dict):
        at = f"{field}.additionalProperties"
        yield from _structural(schema["additionalProperties"], at, "object fields")


def _structural(schema: Mapping[str, Any], field: str, where: str) -> Iterator[Cause]:
    free = schema.get("x-kubernetes-int-or-string") or schema.get(
        "x-kubernetes-preserve-unknown-fields"
    )
    if not schema.get("type") and not free:
        yield required(f"{field}.type", f"must not be empty for specified {where}")
    elif schema.get("type") and schema["type"] not in _TYPES:
        yield not_supported(f"{field}.type", schema["type"], _TYPES)
    yield from _inside(schema, field)


def _names(given: Mapping[str, Any]) -> Iterator[Cause]:
    for name in ("plural", "singular", "kind", "listKind"):
        value = given.get(name, "")
        mixed = name in ("kind", "listKind")
        if not value:
            yield required(f"spec.names.{name}")
        elif wrong := names.dns_1035(value.lower() if mixed else value):
            yield invalid(f"spec.names.{name}", value, (_CASE if mixed else "") + ",".join(wrong))
    if given.get("kind") and given.get("kind") == given.get("listKind"):
        yield invalid(
            "spec.names.listKind", given["listKind"], "kind and listKind may not be the same"
        )
    for which in ("shortNames", "categories"):
        for index, value in enumerate(given.get(which) or ()):
            if wrong := names.dns_1035(value):
                yield invalid(f"spec.names.{which}[{index}]", value, ",".join(wrong))


def _stored_versions(stored: list[str] | None, versions: list[dict[str, Any]]) -> Iterator[Cause]:
    field = "status.storedVersions"
    if not stored:
        yield invalid(field, stored, "must have at least one stored version")
        return
    left = list(stored)
    for version in versions:
        name = version.get("name", "")
        if version.get("storage") and name not in left:
            yield invalid(field, stored, f"must have the storage version {name}")
        left = [one for one in left if one != name]
    for name in left:
        yield invalid(f"{field}[{stored.index(name)}]", name, "must appear in spec.versions")


def _changes(spec: Mapping[str, Any], before: Mapping[str, Any]) -> Iterator[Cause]:
    for name in ("group", "scope"):
        if spec.get(name) != before.get(name):
            yield immutable(f"spec.{name}", spec.get(name))
    for name in ("plural", "kind"):
        if spec["names"].get(name) != before["names"].get(name):
            yield immutable(f"spec.names.{name}", spec["names"].get(name))
