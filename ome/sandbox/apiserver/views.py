"""The form in which an object is asked for: at a version, whole, as metadata, as a table row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from ome.sandbox.apiserver.calls import encode
from ome.sandbox.builtin import event_from_events_v1, event_to_events_v1
from ome.sandbox.refusal import Refused
from ome.sandbox.tables import cells, columns, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ome.clock import Clock
    from ome.sandbox.apiserver.calls import Call
    from ome.sandbox.apiserver.kinds import Kind, Kinds
    from ome.sandbox.stored import Stored

__all__ = ["View", "as_served", "as_stored", "view_of"]

_META = "meta.k8s.io"
_META_VERSIONS = ("v1", "v1beta1")


class _OnlyMetadata(msgspec.Struct):
    metadata: msgspec.Raw = msgspec.Raw()


_decode_metadata = msgspec.json.Decoder(_OnlyMetadata).decode


def as_served(stored: Stored, kind: Kind) -> bytes:
    """The stored bytes as an object of this kind and version."""
    if kind.preferred and not kind.is_event_view:
        return stored.raw
    return encode(document_as_served(stored.load(), kind))


def document_as_served(document: dict[str, Any], kind: Kind) -> dict[str, Any]:
    """A stored document as an object of this kind and version."""
    if kind.is_event_view:
        return event_to_events_v1(document)
    if not kind.preferred:
        return {**document, "apiVersion": kind.resource.api_version}
    return document


def as_stored(document: dict[str, Any], kind: Kind, kinds: Kinds) -> dict[str, Any]:
    """A document of this kind and version as it is stored."""
    if kind.is_event_view:
        return event_from_events_v1(document)
    if not kind.preferred:
        return {**document, "apiVersion": kinds.stored_as(kind).resource.api_version}
    return document


class View:
    """Whole objects."""

    def __init__(self, kind: Kind) -> None:
        self.kind = kind
        resource = kind.resource
        says = encode({"apiVersion": resource.api_version, "kind": resource.kind})
        self._head = says[:-1] + b"," if kind.custom is None else b""

    def one(self, stored: Stored) -> bytes:
        """A single object."""
        return as_served(stored, self.kind)

    def event(self, stored: Stored) -> bytes:
        """An object in a watch."""
        return self.one(stored)

    def bookmark(self, metadata: dict[str, Any]) -> bytes:
        """The object of a bookmark."""
        resource = self.kind.resource
        return encode(
            {"kind": resource.kind, "apiVersion": resource.api_version, "metadata": metadata}
        )

    def many(self, items: Sequence[Stored], metadata: dict[str, Any]) -> bytes:
        """A list."""
        return self._list(self.kind.list_kind, self.kind.resource.api_version, items, metadata)

    def _list(
        self, kind: str, api_version: str, items: Sequence[Stored], metadata: dict[str, Any]
    ) -> bytes:
        head = encode({"kind": kind, "apiVersion": api_version, "metadata": metadata})
        body = b",".join([self._item(stored) for stored in items])
        return b"".join([head[:-1], b',"items":[', body, b"]}"])

    def _item(self, stored: Stored) -> bytes:
        """An object in a list; of built-in kinds it does not say again what it is."""
        raw = self.one(stored)
        head = self._head
        return b"{" + raw[len(head) :] if head and raw.startswith(head) else raw


class MetadataView(View):
    """``PartialObjectMetadata``: what watchers of many large objects ask for."""

    def one(self, stored: Stored) -> bytes:
        metadata = bytes(_decode_metadata(stored.raw).metadata)
        head = b'{"kind":"PartialObjectMetadata","apiVersion":"meta.k8s.io/v1","metadata":'
        return b"".join([head, metadata, b"}"])

    def bookmark(self, metadata: dict[str, Any]) -> bytes:
        return encode(
            {
                "kind": "PartialObjectMetadata",
                "apiVersion": "meta.k8s.io/v1",
                "metadata": metadata,
            }
        )

    def many(self, items: Sequence[Stored], metadata: dict[str, Any]) -> bytes:
        kind, api_version = "PartialObjectMetadataList", "meta.k8s.io/v1"
        if not items:  # the server's own word for none of them
            return encode(
                {"kind": kind, "apiVersion": api_version, "metadata": metadata, "items": None}
            )
        return self._list(kind, api_version, items, metadata)


class TableView(View):
    """``Table``: what ``kubectl get`` prints."""

    def __init__(self, kind: Kind, clock: Clock, include: str) -> None:
        super().__init__(kind)
        self._clock = clock
        self._include = include
        self._columns = columns(kind.gk, kind.columns)
        self._told = False

    def one(self, stored: Stored) -> bytes:
        return self._table([stored], {"resourceVersion": str(stored.version)})

    def event(self, stored: Stored) -> bytes:
        # Only the first event of a watch names the columns.
        with_columns, self._told = not self._told, True
        metadata = {"resourceVersion": str(stored.version)}
        return self._table([stored], metadata, with_columns=with_columns)

    def bookmark(self, metadata: dict[str, Any]) -> bytes:
        return encode(table([], [], metadata, self._include))

    def many(self, items: Sequence[Stored], metadata: dict[str, Any]) -> bytes:
        return self._table(items, metadata)

    def _table(
        self, items: Sequence[Stored], metadata: dict[str, Any], *, with_columns: bool = True
    ) -> bytes:
        now = self._clock.wall()
        rows = []
        for stored in items:
            document = document_as_served(stored.load(), self.kind)
            rows.append((cells(self.kind.gk, document, now, self.kind.columns), document))
        shown = self._columns if with_columns else []
        return encode(table(shown, rows, metadata, self._include))


def view_of(call: Call, kind: Kind, clock: Clock) -> View:
    """The form that ``Accept`` asks for first among those that are served.

    Raises ``Refused`` 406 when none is (protobuf only, YAML only).
    """
    accept = call.headers.get("accept") or "*/*"
    for entry in accept.split(","):
        media, *parameters = (part.strip() for part in entry.split(";"))
        if media not in ("application/json", "*/*", "application/*"):
            continue
        given = dict(part.split("=", 1) for part in parameters if "=" in part)
        wanted = given.get("as", "")
        if wanted and (given.get("g") != _META or given.get("v") not in _META_VERSIONS):
            continue
        if wanted == "Table":
            return TableView(kind, clock, call.query.get("includeObject", "Metadata"))
        if wanted in ("PartialObjectMetadata", "PartialObjectMetadataList"):
            return MetadataView(kind)
        if not wanted:
            return View(kind)
    raise Refused(
        406,
        "NotAcceptable",
        "only the following media types are accepted: application/json; the sandbox's API server"
        " speaks JSON only",
    )
