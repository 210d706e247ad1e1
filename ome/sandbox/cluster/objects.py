"""What the cluster's components read of objects: small structs decoded straight from bytes."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ome.sandbox.stored import Stored

__all__ = [
    "Condition",
    "Head",
    "Meta",
    "OwnerRef",
    "condition",
    "controller_of",
    "head_of",
    "merged_conditions",
    "owner_reference",
    "reference",
    "seconds_of",
]


class OwnerRef(msgspec.Struct, frozen=True):
    """An owner as an object names it."""

    apiVersion: str
    kind: str
    name: str
    uid: str
    controller: bool | None = None
    blockOwnerDeletion: bool | None = None

    @property
    def group(self) -> str:
        return self.apiVersion.rpartition("/")[0]


class Meta(msgspec.Struct, frozen=True):
    """Metadata but the labels, which ``Stored`` has."""

    creationTimestamp: str = ""
    generation: int = 0
    deletionTimestamp: str | None = None
    deletionGracePeriodSeconds: int | None = None
    ownerReferences: tuple[OwnerRef, ...] = ()
    finalizers: tuple[str, ...] = ()


class Head(msgspec.Struct, frozen=True):
    """An object of any kind."""

    metadata: Meta


class Condition(msgspec.Struct, frozen=True):
    """A condition of a status."""

    type: str
    status: str
    reason: str = ""
    lastTransitionTime: str | None = None


_decode_head = msgspec.json.Decoder(Head).decode


def head_of(stored: Stored) -> Meta:
    """The metadata of an object of any kind."""
    return _decode_head(stored.raw).metadata


def controller_of(owners: tuple[OwnerRef, ...]) -> OwnerRef | None:
    """The owner that manages an object."""
    for owner in owners:
        if owner.controller:
            return owner
    return None


def owner_reference(document: Mapping[str, Any]) -> dict[str, Any]:
    """How what is made for an object names it as its controller."""
    return {
        "apiVersion": document["apiVersion"],
        "kind": document["kind"],
        "name": document["metadata"]["name"],
        "uid": document["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }


def reference(document: Mapping[str, Any]) -> dict[str, Any]:
    """How an event names an object."""
    metadata = document["metadata"]
    named = {
        "kind": document["kind"],
        "namespace": metadata.get("namespace", ""),
        "name": metadata["name"],
        "uid": metadata.get("uid", ""),
        "apiVersion": document["apiVersion"],
        "resourceVersion": metadata.get("resourceVersion", ""),
    }
    return {name: value for name, value in named.items() if value}


@lru_cache(4096)
def seconds_of(stamp: str | None) -> float:
    """Seconds since 1970 of a stamp; 0 of none."""
    return datetime.fromisoformat(stamp).timestamp() if stamp else 0.0


def condition(status: Mapping[str, Any], type_: str) -> dict[str, Any] | None:
    """A condition of a status, or None."""
    for entry in status.get("conditions") or ():
        if entry["type"] == type_:
            found: dict[str, Any] = entry
            return found
    return None


def merged_conditions(
    present: list[dict[str, Any]], wanted: list[dict[str, Any]], now: str
) -> list[dict[str, Any]]:
    """The conditions present with those wanted, stamped where their status changes."""
    result = list(present)
    for entry in wanted:
        at = next((i for i, held in enumerate(result) if held["type"] == entry["type"]), None)
        if at is None:
            result.append({**entry, "lastTransitionTime": now})
        elif result[at]["status"] != entry["status"]:
            result[at] = {**entry, "lastTransitionTime": now}
        else:
            result[at] = {**entry, "lastTransitionTime": result[at].get("lastTransitionTime")}
    return result
