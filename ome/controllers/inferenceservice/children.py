"""The objects made for a service: written when they differ, pruned when no longer planned.

Races that this module lives with: the cache may lack a child that exists (then the server is asked
before anything is created), may hold one that is gone (then the uid in the write makes it fail and
the key runs again), and a stranger may own the name (then nothing is written at all).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ome.api import names
from ome.errors import NotFound, NotOurs, RetryAfter
from ome.kube.resource import ObjectKey

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ome.informers.informer import Informer
    from ome.informers.projection import WholeObject
    from ome.kube.apply import Applier
    from ome.kube.client import Client
    from ome.kube.resource import Resource

__all__ = ["BY_SERVICE", "Children", "controller_of"]

BY_SERVICE = "service"
"""Index of child stores: the key of the service that their label names."""

_TERMINATING_RETRY = 2.0


def controller_of(metadata: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The controller owner reference of an object, or None."""
    for reference in metadata.get("ownerReferences") or ():
        if reference.get("controller"):
            return reference  # type: ignore[no-any-return]
    return None


def service_of(stored: WholeObject) -> Iterable[ObjectKey]:
    """Index function: the service that an object's label names."""
    name = stored.metadata.labels.get(names.LABEL_INFERENCE_SERVICE)
    return (ObjectKey(stored.metadata.namespace, name),) if name else ()


class Children:
    """All child kinds of services, one informer for each."""

    def __init__(
        self,
        client: Client,
        applier: Applier,
        informers: Mapping[Resource, Informer[WholeObject]],
    ) -> None:
        self._client = client
        self._applier = applier
        self._informers = {
            (resource.api_version, resource.kind): (resource, informer)
            for resource, informer in informers.items()
        }
        for informer in informers.values():
            informer.store.add_index(BY_SERVICE, service_of)

    def cached(self, api_version: str, kind: str, key: ObjectKey) -> dict[str, Any] | None:
        """The child as the cache has it (own writes included), or None."""
        stored = self._informers[api_version, kind][1].store.get(key)
        return None if stored is None else stored.document()

    def documents(self, api_version: str, kind: str) -> list[dict[str, Any]]:
        """Every cached child of one kind."""
        store = self._informers[api_version, kind][1].store
        return [stored.document() for stored in store.values()]

    async def apply(self, desired: Mapping[str, Any]) -> dict[str, Any]:
        """Make one object true and give it as stored.

        Raises ``NotOurs`` when the name belongs to somebody else and ``RetryAfter`` while an older
        object of the name is still being deleted.
        """
        resource, informer = self._informers[desired["apiVersion"], desired["kind"]]
        metadata = desired["metadata"]
        key = ObjectKey(metadata["namespace"], metadata["name"])
        live = await self._live(resource, informer, key)
        if live is not None:
            self._check(live, desired)
        applied = await self._applier.apply(dict(desired), live)
        if applied.action != "unchanged":
            informer.observed(applied.object)
        return applied.object

    async def _live(
        self, resource: Resource, informer: Informer[WholeObject], key: ObjectKey
    ) -> dict[str, Any] | None:
        stored = informer.store.get(key)
        if stored is not None:
            return stored.document()
        try:
            return await self._client.get(resource, key)
        except NotFound:
            return None

    def _check(self, live: Mapping[str, Any], desired: Mapping[str, Any]) -> None:
        wanted = controller_of(desired["metadata"])
        owner = controller_of(live["metadata"])
        if wanted is None or owner is None or owner.get("uid") != wanted["uid"]:
            metadata = desired["metadata"]
            raise NotOurs(
                desired["kind"],
                metadata["namespace"],
                metadata["name"],
                f"{wanted['kind']} {wanted['name']}" if wanted else "us",
            )
        if live["metadata"].get("deletionTimestamp"):
            raise RetryAfter(
                _TERMINATING_RETRY,
                f"{desired['kind']} {desired['metadata']['name']} is terminating",
            )

    async def prune(
        self, service: ObjectKey, uid: str, planned: Sequence[Mapping[str, Any]]
    ) -> list[str]:
        """Delete children of the service that are not planned; gives what was deleted.

        Only objects that the service controls and that carry a component label count: the model
        ConfigMap and everything of strangers stays.
        """
        kept = {
            (entry["apiVersion"], entry["kind"], entry["metadata"]["name"]) for entry in planned
        }
        deleted: list[str] = []
        for (api_version, kind), (resource, informer) in self._informers.items():
            for stored in informer.store.by_index(BY_SERVICE, service):
                metadata = stored.metadata
                if (api_version, kind, metadata.name) in kept:
                    continue
                if not metadata.labels.get(names.LABEL_COMPONENT) or metadata.deletion_timestamp:
                    continue
                if not any(
                    reference.controller and reference.uid == uid
                    for reference in metadata.owner_references
                ):
                    continue
                await self._delete(resource, informer, stored)
                deleted.append(f"{kind} {metadata.name}")
        return deleted

    async def _delete(
        self, resource: Resource, informer: Informer[WholeObject], stored: WholeObject
    ) -> None:
        key = ObjectKey(stored.metadata.namespace, stored.metadata.name)
        try:
            await self._client.delete(resource, key, uid=stored.metadata.uid)
        except NotFound:
            pass
        informer.observed_deleted(key, stored.metadata.uid)
