"""The reference that an event carries to the object it is about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["regarding"]


def regarding(document: Mapping[str, Any]) -> dict[str, str]:
    """An ``ObjectReference`` to an object as stored."""
    metadata = document["metadata"]
    reference = {
        "apiVersion": document["apiVersion"],
        "kind": document["kind"],
        "namespace": metadata.get("namespace", ""),
        "name": metadata["name"],
        "uid": metadata["uid"],
        "resourceVersion": metadata["resourceVersion"],
    }
    return {member: value for member, value in reference.items() if value}
