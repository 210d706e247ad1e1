"""Parts of documents that the rules of writing look at or add."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ome.errors import ApiError
    from ome.kube.resource import ObjectKey

__all__ = [
    "entries",
    "guarded",
    "has_replicas",
    "is_other_uid",
    "owner_text",
    "place",
    "pointer",
    "with_replicas",
]


def with_replicas(document: dict[str, Any], replicas: int | None) -> dict[str, Any]:
    """The document with this number of replicas; as it is for None."""
    if replicas is None:
        return document
    return {**document, "spec": {**document["spec"], "replicas": replicas}}


def guarded(document: Mapping[str, Any], read: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """The document with these members of what was read, so that only that very object is met."""
    guards = {name: read[name] for name in names}
    return {**document, "metadata": {**document["metadata"], **guards}}


def place(key: ObjectKey) -> dict[str, str]:
    """Name and namespace as metadata."""
    return {"name": key.name, "namespace": key.namespace} if key.namespace else {"name": key.name}


def entries(live: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Its managed fields."""
    return live["metadata"].get("managedFields") or []


def has_replicas(document: Mapping[str, Any]) -> bool:
    """Whether it says a number of replicas."""
    return (document.get("spec") or {}).get("replicas") is not None


def is_other_uid(error: ApiError) -> bool:
    """Whether a uid guard did its work: over an object of another uid it is a change of the uid."""
    return any(cause.get("field") == "metadata.uid" for cause in error.details.get("causes") or ())


def owner_text(desired: Mapping[str, Any]) -> str:
    """The controller owner in words."""
    for reference in desired["metadata"].get("ownerReferences") or ():
        if reference.get("controller"):
            return f"{reference['kind']} {reference['name']}"
    return "us"


def pointer(*path: str) -> str:
    """A JSON pointer: ``pointer("metadata", "annotations", "a.io/b")``."""
    return "".join("/" + part.replace("~", "~0").replace("/", "~1") for part in path)
