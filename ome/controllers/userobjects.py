"""What we write into the objects of users: finalizers, a few fields, and the status.

The response of each write is shown in the store at once, so that the next pass does not act on what
was before it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from ome.errors import NotFound
from ome.informers.projection import Metadata
from ome.kube.request import key_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ome.informers.informer import Informer
    from ome.informers.projection import WholeObject
    from ome.kube.apply import Applier
    from ome.kube.resource import ObjectKey

__all__ = ["UserObjects"]


class UserObjects:
    """The objects of one kind; ``finalizer`` is ours on them, where we have one.

    Every method takes an object as it was read and raises ``Conflict`` when it changed since, and
    what else the server refuses.
    """

    def __init__(
        self, applier: Applier, objects: Informer[WholeObject], finalizer: str = ""
    ) -> None:
        self._applier = applier
        self._objects = objects
        self._finalizer = finalizer
        self._sent: dict[ObjectKey, Mapping[str, Any] | str] = {}
        """Statuses whose echo is to come; once the server answered, the version that it made."""

    async def patch(
        self, document: Mapping[str, Any], ops: Sequence[Mapping[str, Any]]
    ) -> dict[str, Any]:
        """Change it by JSON patch operations; the object as it is then."""
        resource = self._objects.resource
        written = await self._applier.patch_user_object(resource, document["metadata"], ops)
        metadata = written["metadata"]
        if metadata.get("deletionTimestamp") and not metadata.get("finalizers"):
            # The last finalizer is gone, and with it the object.
            self._objects.observed_deleted(key_of(resource, written), metadata["uid"])
        else:
            self._objects.observed(written)
        return written

    async def write_status(
        self, document: Mapping[str, Any], status: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Put a status in the place of the one that was read; the object as it is then."""
        written = await self._applier.write_status(self._objects.resource, document, status)
        self._objects.observed(self._as_stored(document["metadata"], written))
        return written

    def _as_stored(
        self, read: Mapping[str, Any], written: dict[str, Any]
    ) -> WholeObject | dict[str, Any]:
        """What the store is to show: all but metadata and status is there, and not made again."""
        stored = self._objects.store.get(key_of(self._objects.resource, written))
        if stored is None or stored.metadata.resource_version != read["resourceVersion"]:
            return written
        return msgspec.structs.replace(
            stored,
            metadata=msgspec.convert(written["metadata"], Metadata),
            status=msgspec.Raw(msgspec.json.encode(written["status"])),
        )

    async def write_last_status(
        self, document: Mapping[str, Any], status: Mapping[str, Any]
    ) -> dict[str, Any]:
        """As ``write_status``, by a pass that has nothing to do once the server has the status.

        ``changed_by_others`` tells its echo in the watch from a change that wants a pass.
        """
        key = key_of(self._objects.resource, document)
        self._sent[key] = status
        try:
            written = await self.write_status(document, status)
        except BaseException:
            self._sent.pop(key, None)
            raise
        if key in self._sent:
            self._sent[key] = written["metadata"]["resourceVersion"]
        return written

    def changed_by_others(self, old: WholeObject | None, new: WholeObject | None) -> bool:
        """Whether a change is more than the echo of a status that a pass wrote last.

        The predicate of a controller's watch of its own kind; each status is recognised once.
        """
        if old is None or new is None:
            self._sent.pop((new or old).metadata.key, None)  # type: ignore[union-attr]
            return True
        sent = self._sent.get(new.metadata.key)
        if sent is None or not _only_status_differs(old, new) or not _is(new, sent):
            return True
        del self._sent[new.metadata.key]
        return False

    async def hold(self, document: dict[str, Any]) -> dict[str, Any]:
        """Put our finalizer on it unless it is there; the object as it is then."""
        held = _finalizers(document)
        if self._finalizer in held:
            return document
        return await self.patch(document, [_replaced([*held, self._finalizer])])

    async def release(self, document: dict[str, Any]) -> dict[str, Any]:
        """Take our finalizer off it if it is there; the object as it is, or was, then."""
        held = _finalizers(document)
        if self._finalizer not in held:
            return document
        kept = [entry for entry in held if entry != self._finalizer]
        try:
            return await self.patch(document, [_replaced(kept)])
        except NotFound:
            key = key_of(self._objects.resource, document)
            self._objects.observed_deleted(key, document["metadata"]["uid"])
            return document

    def holds(self, stored: WholeObject) -> bool:
        """Whether our finalizer is on it: cheaper than to ask for its document."""
        return self._finalizer in stored.metadata.finalizers


def _only_status_differs(old: WholeObject, new: WholeObject) -> bool:
    version = new.metadata.resource_version
    return (
        old.spec == new.spec
        and msgspec.structs.replace(old.metadata, resource_version=version) == new.metadata
    )


def _is(new: WholeObject, sent: Mapping[str, Any] | str) -> bool:
    if isinstance(sent, str):
        return new.metadata.resource_version == sent
    return bool(new.status) and msgspec.json.decode(new.status) == sent


def _finalizers(document: Mapping[str, Any]) -> list[str]:
    return document["metadata"].get("finalizers") or []


def _replaced(finalizers: list[str]) -> dict[str, Any]:
    return {"op": "add", "path": "/metadata/finalizers", "value": finalizers}
