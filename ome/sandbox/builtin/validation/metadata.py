"""``metadata`` of every kind, custom ones included."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ome.sandbox.builtin import names
from ome.sandbox.builtin.causes import forbidden, immutable, invalid, required, too_long

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ome.sandbox.refusal import Cause

__all__ = ["validate_annotations", "validate_labels", "validate_metadata"]

_ANNOTATIONS_LIMIT = 256 * 1024
_IMMUTABLE = (
    "name",
    "namespace",
    "uid",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
)


def validate_metadata(
    metadata: Mapping[str, Any],
    namespaced: bool,
    old_metadata: Mapping[str, Any] | None,
    name_rule: str,
    *,
    core: bool = True,
) -> list[Cause]:
    """All that is wrong; ``old_metadata`` is that of the object which an update replaces.

    ``core`` False: a custom resource or a definition of one, whose finalizers may be plain names.
    """
    found = [*_name(metadata, name_rule), *_namespace(metadata, namespaced)]
    found += validate_labels(metadata.get("labels") or {}, "metadata.labels")
    found += validate_annotations(metadata.get("annotations") or {}, "metadata.annotations")
    found += _finalizers(metadata.get("finalizers") or [], core)
    found += _owners(metadata.get("ownerReferences") or [])
    if old_metadata is not None:
        found += _changes(metadata, old_metadata)
    return found


def validate_labels(labels: Mapping[str, Any], field: str) -> list[Cause]:
    """Keys and values of labels, or of a selector of equal ones."""
    found = []
    for key, value in labels.items():
        found += [invalid(field, key, text) for text in names.qualified_name(key)]
        found += [invalid(field, value, text) for text in names.label_value(value)]
    return found


def validate_annotations(annotations: Mapping[str, Any], field: str) -> list[Cause]:
    """Keys of annotations (in any case) and their size together."""
    found = [
        invalid(field, key, text)
        for key in annotations
        for text in names.qualified_name(key.lower())
    ]
    size = sum(len(key.encode()) + len(value.encode()) for key, value in annotations.items())
    return [*found, too_long(field, _ANNOTATIONS_LIMIT)] if size > _ANNOTATIONS_LIMIT else found


def _name(metadata: Mapping[str, Any], rule: str) -> Iterator[Cause]:
    if generated := metadata.get("generateName"):
        for text in names.prefix(rule, generated):
            yield invalid("metadata.generateName", generated, text)
    name = metadata.get("name")
    if not name:
        yield required("metadata.name", "name or generateName is required")
        return
    for text in names.RULES[rule](name):
        yield invalid("metadata.name", name, text)


def _namespace(metadata: Mapping[str, Any], namespaced: bool) -> Iterator[Cause]:
    namespace = metadata.get("namespace", "")
    if not namespaced:
        if namespace:
            yield forbidden("metadata.namespace", "not allowed on this type")
    elif not namespace:
        yield required("metadata.namespace")
    else:
        for text in names.dns_label(namespace):
            yield invalid("metadata.namespace", namespace, text)


def _finalizers(finalizers: list[str], core: bool) -> Iterator[Cause]:
    field = "metadata.finalizers"
    for index, name in enumerate(finalizers):
        for text in names.qualified_name(name):
            yield invalid(field, name, text)
        for text in names.finalizer(name) if core else ():
            yield invalid(f"{field}[{index}]", name, text)
    if {"orphan", "foregroundDeletion"} <= set(finalizers):
        yield invalid(
            field, finalizers, "finalizer orphan and foregroundDeletion cannot be both set"
        )


def _owners(owners: list[dict[str, Any]]) -> Iterator[Cause]:
    field = "metadata.ownerReferences"
    for owner in owners:
        yield from _owner(owner, field)
    controllers = [owner for owner in owners if owner.get("controller")]
    for later in controllers[1:]:
        first = controllers[0]
        yield invalid(
            field,
            owners,
            'Only one reference can have Controller set to true. Found "true" in references for'
            f" {first['kind']}/{first['name']} and {later['kind']}/{later['name']}",
        )


def _owner(owner: Mapping[str, Any], field: str) -> Iterator[Cause]:
    version = owner.get("apiVersion", "")
    if not version or version.count("/") > 1 or version.endswith("/"):
        yield invalid(f"{field}.apiVersion", version, "version must not be empty")
    for name in ("kind", "name", "uid"):
        if not owner.get(name):
            yield invalid(f"{field}.{name}", owner.get(name, ""), "must not be empty")
    if (version, owner.get("kind")) == ("v1", "Event"):
        yield invalid(field, dict(owner), "/v1, Kind=Event is disallowed from being an owner")


def _changes(metadata: Mapping[str, Any], old: Mapping[str, Any]) -> Iterator[Cause]:
    for name in _IMMUTABLE:
        if metadata.get(name) != old.get(name):
            yield immutable(f"metadata.{name}", metadata.get(name))
    if not old.get("deletionTimestamp"):
        return
    before = old.get("finalizers") or []
    added = [name for name in metadata.get("finalizers") or [] if name not in before]
    if added:
        listed = ", ".join(f'"{name}"' for name in added)
        yield forbidden(
            "metadata.finalizers",
            "no new finalizers can be added if the object is being deleted, found new finalizers"
            f" []string{{{listed}}}",
        )
