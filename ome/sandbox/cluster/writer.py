"""Writes of the cluster's own components, with what each of them would otherwise repeat."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ome.sandbox.refusal import Refused

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ome.kube.resource import ObjectKey, Resource
    from ome.sandbox.local import LocalApi
    from ome.sandbox.stored import Stored

__all__ = ["Writer"]

_ATTEMPTS = 20


class Writer:
    """Writes under one name."""

    def __init__(self, local: LocalApi, user: str) -> None:
        self._local = local
        self._user = user

    async def create(self, resource: Resource, document: Mapping[str, Any]) -> Stored:
        """Create. Raises ``Refused``."""
        full = {"apiVersion": resource.api_version, "kind": resource.kind, **document}
        return await self._local.create(resource, full, user=self._user)

    async def change(
        self,
        resource: Resource,
        key: ObjectKey,
        uid: str,
        change: Callable[[dict[str, Any]], object],
        subresource: str = "",
    ) -> Stored | None:
        """Read, change in place and write, again while others write meanwhile.

        Nothing is written when nothing changed. None when the object is gone, was made anew under
        another uid, or ``change`` gave False.
        """
        for _ in range(_ATTEMPTS):
            stored = self._local.get(resource, key)
            if stored is None or (uid and stored.uid != uid):
                return None
            document = stored.load()
            if change(document) is False:
                return None
            if document == stored.load():
                return stored
            try:
                return await self._local.update(
                    resource, document, user=self._user, subresource=subresource
                )
            except Refused as refused:
                if refused.code == 404:
                    return None
                if refused.code != 409:
                    raise
        raise Refused(409, "Conflict", f"{resource.plural} {key}: {_ATTEMPTS} writes came between")

    async def set_status(
        self, resource: Resource, key: ObjectKey, uid: str, status: Mapping[str, Any]
    ) -> Stored | None:
        """Replace the status if it is another; see ``change``."""

        def change(document: dict[str, Any]) -> None:
            document["status"] = dict(status)

        return await self.change(resource, key, uid, change, "status")

    async def delete(
        self,
        resource: Resource,
        key: ObjectKey,
        uid: str = "",
        *,
        grace: int | None = None,
        propagation: str = "Background",
    ) -> bool:
        """Delete; False when it is gone already, or another of that name is there."""
        try:
            await self._local.delete(
                resource,
                key,
                user=self._user,
                uid=uid,
                grace=grace,
                propagation=propagation,
            )
        except Refused as refused:
            if refused.code in (404, 409):
                return False
            raise
        return True
