"""From a change of an object to the keys that should run, and which changes count."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ome.kube.resource import ObjectKey

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ome.informers.projection import HasMetadata

__all__ = [
    "content_changed",
    "controller_owner",
    "declaration_changed",
    "generation_changed",
    "self_key",
]


def self_key(old: HasMetadata | None, new: HasMetadata | None) -> Iterable[ObjectKey]:
    """The object itself."""
    present = new or old
    return () if present is None else (present.metadata.key,)


def controller_owner(
    kind: str, group: str
) -> Callable[[HasMetadata | None, HasMetadata | None], Iterable[ObjectKey]]:
    """The controller owners, of one kind, of the object before and after."""

    def owners(old: HasMetadata | None, new: HasMetadata | None) -> Iterable[ObjectKey]:
        found: dict[ObjectKey, None] = {}
        for side in (old, new):
            owner = None if side is None else side.metadata.controller
            if side is None or owner is None or owner.kind != kind:
                continue
            if owner.api_version.partition("/")[0] == group:
                found[ObjectKey(side.metadata.namespace, owner.name)] = None
        return tuple(found)

    return owners


def generation_changed(old: HasMetadata | None, new: HasMetadata | None) -> bool:
    """Adds, deletes, and updates that changed the spec."""
    if old is None or new is None:
        return True
    return (
        old.metadata.generation != new.metadata.generation
        or old.metadata.uid != new.metadata.uid
        or bool(old.metadata.deletion_timestamp) != bool(new.metadata.deletion_timestamp)
    )


def declaration_changed(old: HasMetadata | None, new: HasMetadata | None) -> bool:
    """As ``generation_changed``, and changed annotations, which no generation counts."""
    return (
        old is None
        or new is None
        or generation_changed(old, new)
        or old.metadata.annotations != new.metadata.annotations
    )


def content_changed(old: Any, new: Any) -> bool:
    """Everything but a repetition of the same version."""
    if old is None or new is None:
        return True
    return bool(old.metadata.resource_version != new.metadata.resource_version)
