"""From bytes of a watch or a list to projections, once.

A line of a watch is decoded in one pass straight into the projection. Only what does not fit that
(a bookmark's empty object, an error's Status, an object with a wrong type in a field) is looked at
a second time.
"""

from __future__ import annotations

import sys
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

import msgspec
from msgspec.structs import force_setattr

from ome.errors import ApiError, api_error
from ome.informers.nesting import CUT, TOO_DEEP, shallow
from ome.informers.projection import HasMetadata, Metadata, PartialMetadata
from ome.informers.rawcopy import copy_raw, raw_plan
from ome.informers.sharing import Sharing

if TYPE_CHECKING:
    from ome.informers.rawcopy import Plan
    from ome.kube.resource import Resource

__all__ = ["Bookmark", "Change", "Decoder", "Page", "Undecodable"]

T = TypeVar("T", bound=HasMetadata)

_INITIAL_EVENTS_END = "k8s.io/initial-events-end"
_CHANGES = frozenset({"ADDED", "MODIFIED", "DELETED"})


class Change(msgspec.Struct, Generic[T], frozen=True, gc=False):
    """An object was added, modified or deleted."""

    type: str
    object: T


class Bookmark(msgspec.Struct, frozen=True, gc=False):
    """The server has told everything up to this version."""

    version: str
    initial_end: bool = False
    """All objects that existed when a streaming list began were told."""


class Undecodable(msgspec.Struct, frozen=True, gc=False):
    """A change (or an item of a list) whose object does not fit the projection."""

    type: str
    metadata: Metadata
    why: str


class Page(msgspec.Struct, frozen=True, gc=False):
    """One page of a list; the items are not decoded yet, but for those that cannot be."""

    version: str
    continue_: str
    items: list[msgspec.Raw | Undecodable]


class _ListMeta(msgspec.Struct, frozen=True, rename="camel"):
    resource_version: str = ""
    continue_: str = msgspec.field(default="", name="continue")


class _List(msgspec.Struct, frozen=True):
    metadata: _ListMeta
    items: list[msgspec.Raw] | None = None


class _Envelope(msgspec.Struct, frozen=True):
    type: str
    object: msgspec.Raw


class _Details(msgspec.Struct, frozen=True, rename="camel"):
    retry_after_seconds: float | None = None


class _Status(msgspec.Struct, frozen=True):
    code: int = 0
    reason: str = ""
    message: str = ""
    details: _Details | None = None


_envelope = msgspec.json.Decoder(_Envelope)
_list = msgspec.json.Decoder(_List)
_status = msgspec.json.Decoder(_Status)
_partial = msgspec.json.Decoder(PartialMetadata)


@lru_cache(maxsize=256)
def _machinery(projection: Any) -> tuple[Any, Any, Plan]:
    """What decodes objects and events of a projection, and what is to be copied of them.

    Made once for each: several resources, and informers that come and go, share projections.
    """
    envelope: Any = Change[projection]
    return msgspec.json.Decoder(projection), msgspec.json.Decoder(envelope), raw_plan(projection)


class Decoder(Generic[T]):
    """Decodes what the server sends about one resource into one projection."""

    def __init__(self, projection: type[T], resource: Resource) -> None:
        self._projection = projection
        self._object: msgspec.json.Decoder[T]
        self._change: msgspec.json.Decoder[Change[T]]
        self._object, self._change, self._raw = _machinery(projection)
        # Items of built-in lists carry neither: known from the resource.
        known = {"api_version": resource.api_version, "kind": resource.kind}
        declared = cast("type[msgspec.Struct]", projection).__struct_fields__
        self._known = tuple((name, value) for name, value in known.items() if name in declared)

    def line(self, line: bytes) -> Change[T] | Bookmark | Undecodable | ApiError:
        """One line of a watch.

        An ERROR event is given back as the exception that it stands for.
        Raises: msgspec.DecodeError for what is no event at all, by its form or its type.
        """
        try:
            change = self._change.decode(line)
        except msgspec.ValidationError as error:
            return self._second_look(line, str(error))
        except RecursionError:
            return self._second_look(shallow(line), TOO_DEEP)
        if change.type in _CHANGES:
            if not change.object.metadata.name:
                return Undecodable(change.type, change.object.metadata, "it has no name")
            self._finish(change.object)
            return change
        return self._second_look(line, "")

    def page(self, body: bytes) -> Page:
        """One page of a list. Raises: msgspec.DecodeError."""
        items: list[msgspec.Raw | Undecodable]
        try:
            page = _list.decode(body)
            items = [*(page.items or ())]
        except RecursionError:
            page = _list.decode(shallow(body))
            items = [_unless_cut(item) for item in page.items or ()]
        return Page(page.metadata.resource_version, page.metadata.continue_, items)

    def item(self, item: bytes | Undecodable) -> T | Undecodable:
        """One item of a list; never raises."""
        if isinstance(item, Undecodable):
            return item
        try:
            obj = self._object.decode(item)
        except msgspec.DecodeError as error:
            return Undecodable("ADDED", _metadata(item), str(error))
        except RecursionError:
            return Undecodable("ADDED", _metadata(shallow(bytes(item))), TOO_DEEP)
        if not obj.metadata.name:
            return Undecodable("ADDED", obj.metadata, "it has no name")
        self._finish(obj)
        return obj

    def sharing(self) -> Sharing:
        """What keeps equal strings of one list's objects once."""
        return Sharing(self._projection)

    def convert(self, document: Any) -> T:
        """A plain document as a projection. Raises: msgspec.DecodeError, TypeError."""
        obj = self._object.decode(msgspec.json.encode(document))
        self._finish(obj)
        return obj

    def _finish(self, obj: Any) -> None:
        metadata = obj.metadata
        if metadata.namespace:  # many objects, few namespaces: one string for all
            force_setattr(metadata, "namespace", sys.intern(metadata.namespace))
        if self._raw:
            copy_raw(obj, self._raw)
        for name, value in self._known:
            force_setattr(obj, name, value)

    def _second_look(self, line: bytes, why: str) -> Bookmark | Undecodable | ApiError:
        envelope = _envelope.decode(line)
        if envelope.type == "BOOKMARK":
            metadata = _metadata(envelope.object)
            end = metadata.annotations.get(_INITIAL_EVENTS_END) == "true"
            return Bookmark(metadata.resource_version, end)
        if envelope.type == "ERROR":
            return _error(envelope.object)
        if envelope.type in _CHANGES:
            return Undecodable(envelope.type, _metadata(envelope.object), why)
        raise msgspec.ValidationError(f"an event of type {envelope.type!r}")


def _unless_cut(item: msgspec.Raw) -> msgspec.Raw | Undecodable:
    return Undecodable("ADDED", _metadata(item), TOO_DEEP) if CUT in bytes(item) else item


def _metadata(raw: bytes) -> Metadata:
    """The metadata of anything, empty when there is none to be read."""
    try:
        return _partial.decode(raw).metadata
    except msgspec.DecodeError:
        return Metadata()


def _error(raw: bytes) -> ApiError:
    try:
        status = _status.decode(raw)
    except msgspec.DecodeError:
        status = _Status(code=500, message="the watch ended with an unreadable error")
    gone = status.reason in ("Expired", "Gone")
    return api_error(
        status.message or "the watch ended with an error",
        status=410 if gone else status.code or 500,
        reason=status.reason,
        retry_after=status.details.retry_after_seconds if status.details else None,
    )
