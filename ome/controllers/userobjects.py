"""What we write into the objects of users: finalizers, a few fields, and the status.

The response of each write is shown in the store at once, so that the next pass does not act on what
was before it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ome.errors import NotFound
from ome.kube.request import key_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ome.informers.informer import Informer
    from ome.informers.projection import WholeObject
    from ome.kube.apply import Applier

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
        self._objects.observed(written)
        return written

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


def _finalizers(document: Mapping[str, Any]) -> list[str]:
    return document["metadata"].get("finalizers") or []


def _replaced(finalizers: list[str]) -> dict[str, Any]:
    return {"op": "add", "path": "/metadata/finalizers", "value": finalizers}
