"""What is kept of an object: the small frozen structs that an event is decoded into.

A *projection* is a ``msgspec.Struct`` class with a field ``metadata: Metadata`` and just the other
fields that its reader needs; what it does not declare is never turned into Python objects.
All fields beside ``metadata`` should carry a default: the API server leaves empty fields out. ::

    class NodeStatus(msgspec.Struct, frozen=True, rename="camel"):
        allocatable: dict[str, str] = {}

    class Node(msgspec.Struct, frozen=True, rename="camel"):
        metadata: Metadata
        status: NodeStatus = NodeStatus()

Readers of one watch share the objects: what they get is of the *union* of their projections
(``merge_projections``), which has all their attributes and methods but is no subclass of them.
"""

from __future__ import annotations

from typing import Any, Protocol

import msgspec

from ome.informers.merging import ProjectionError, merge_projections
from ome.informers.packing import Packed, unpack
from ome.kube.resource import ObjectKey

__all__ = [
    "HasMetadata",
    "Metadata",
    "OwnerReference",
    "PartialMetadata",
    "ProjectionError",
    "WholeObject",
    "key_of",
    "merge_projections",
]


_new_key = tuple.__new__
_NOTHING = msgspec.Raw()  # one object: what is left at its default is not encoded


class OwnerReference(msgspec.Struct, frozen=True, gc=False, rename="camel", omit_defaults=True):
    """One owner of an object."""

    api_version: str = ""
    kind: str = ""
    name: str = ""
    uid: str = ""
    controller: bool = False
    block_owner_deletion: bool = False


class Metadata(msgspec.Struct, frozen=True, gc=False, rename="camel", omit_defaults=True):
    """The part of ``ObjectMeta`` that readers need; managed fields are left out."""

    name: str = ""
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""
    generation: int = 0
    creation_timestamp: str | None = None
    deletion_timestamp: str | None = None
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    owner_references: tuple[OwnerReference, ...] = ()
    finalizers: tuple[str, ...] = ()

    @property
    def key(self) -> ObjectKey:
        """Namespace and name."""
        return _new_key(ObjectKey, (self.namespace, self.name))  # half the time of the class

    @property
    def controller(self) -> OwnerReference | None:
        """The owner that manages this object, if one does."""
        return next((owner for owner in self.owner_references if owner.controller), None)


class HasMetadata(Protocol):
    """What every projection has."""

    @property
    def metadata(self) -> Metadata: ...


class PartialMetadata(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """Metadata and nothing else; with ``metadata_only`` nothing else is even sent."""

    metadata: Metadata


class WholeObject(msgspec.Struct, frozen=True, gc=False, rename="camel", omit_defaults=True):
    """An object kept whole, as copied JSON text, and decoded when asked for.

    What is large is kept compressed: ``document`` reads it, a JSON decoder does not. A field that
    the object does not have is an empty, false ``Raw`` (msgspec knows no optional one). Top-level
    fields that are not listed here are not kept.
    """

    metadata: Metadata
    api_version: str = ""
    kind: str = ""
    spec: Packed = _NOTHING
    status: msgspec.Raw = _NOTHING
    data: Packed = _NOTHING
    binary_data: Packed = _NOTHING
    immutable: msgspec.Raw = _NOTHING
    type: msgspec.Raw = _NOTHING
    rules: msgspec.Raw = _NOTHING
    subjects: msgspec.Raw = _NOTHING
    role_ref: msgspec.Raw = _NOTHING
    secrets: msgspec.Raw = _NOTHING
    image_pull_secrets: msgspec.Raw = _NOTHING
    automount_service_account_token: msgspec.Raw = _NOTHING
    address_type: msgspec.Raw = _NOTHING
    endpoints: msgspec.Raw = _NOTHING
    ports: msgspec.Raw = _NOTHING
    webhooks: msgspec.Raw = _NOTHING

    def document(self) -> dict[str, Any]:
        """The object as a fresh plain dict, without managed fields; the caller may change it.

        ``apiVersion`` and ``kind`` are there when the object came through an informer.
        """
        texts = {name: unpack(getattr(self, name)) for name in ("spec", "data", "binary_data")}
        whole = msgspec.structs.replace(self, **texts)
        document: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(whole))
        return document


def key_of(obj: HasMetadata) -> ObjectKey:
    """Namespace and name of an object."""
    return obj.metadata.key
