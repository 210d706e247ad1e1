"""What the server itself writes into a CustomResourceDefinition."""

from __future__ import annotations

from typing import Any

from ome.clock import rfc3339

__all__ = ["CLEANUP", "established"]

CLEANUP = "customresourcecleanup.apiextensions.k8s.io"
"""The finalizer that keeps a definition until its objects are gone."""


def established(document: dict[str, Any], now: float) -> None:
    """What the server adds to a definition when it is stored, in place."""
    spec = document["spec"]
    metadata = document["metadata"]
    finalizers = metadata.setdefault("finalizers", [])
    if CLEANUP not in finalizers and not metadata.get("deletionTimestamp"):
        finalizers.append(CLEANUP)
    status = document.setdefault("status", {})
    present = {condition["type"]: condition for condition in status.get("conditions") or ()}
    texts = (
        ("NamesAccepted", "NoConflicts", "no conflicts found"),
        ("Established", "InitialNamesAccepted", "the initial names have been accepted"),
    )
    status["conditions"] = [
        present.get(type_)
        or {
            "type": type_,
            "status": "True",
            "lastTransitionTime": rfc3339(now),
            "reason": reason,
            "message": message,
        }
        for type_, reason, message in texts
    ]
    status["acceptedNames"] = spec["names"]
    storage = [version["name"] for version in spec["versions"] if version["storage"]]
    stored = status.get("storedVersions") or []
    status["storedVersions"] = stored + [name for name in storage if name not in stored]
