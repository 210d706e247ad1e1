"""The objects made for a service: written when they differ, pruned when no longer planned.

Races that this module lives with: the cache may lack a child that exists (a first write only
creates, so the server refuses it and is asked), may hold one that is gone (then the uid in the
write makes it fail and the key runs again), and a stranger may own the name (then nothing is
written at all).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ome.api import names
from ome.controllers.inferenceservice.replicas import once
from ome.controllers.inferenceservice.workload import WORKLOADS, is_rolling
from ome.controllers.resources import KNATIVE_SERVICES, SCALED_OBJECTS
from ome.errors import Conflict, NotFound, NotOurs, RetryAfter
from ome.kube.apply import Applied
from ome.kube.resource import ObjectKey
from ome.kube.resources import HPAS, SERVICES
from ome.workloads import is_left_behind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from ome.informers.informer import Informer
    from ome.informers.optional import OptionalKinds
    from ome.informers.projection import WholeObject
    from ome.kube.apply import Applier
    from ome.kube.client import Client
    from ome.kube.resource import Resource

__all__ = ["BY_SERVICE", "Children", "controller_of", "is_controlled"]

BY_SERVICE = "service"
"""Index of child stores: the key of the service that their label names."""

_ROLLING = "rolling"
"""Index of the stores of workloads: whether they are replacing pods."""

_TERMINATING_RETRY = 2.0
_RIVALS = {
    (one.api_version, one.kind): other
    for one, other in (
        (SERVICES, KNATIVE_SERVICES),
        (KNATIVE_SERVICES, SERVICES),
        (HPAS, SCALED_OBJECTS),
        (SCALED_OBJECTS, HPAS),
    )
}
"""Of each kind the one that a component cannot have beside it."""


def controller_of(metadata: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The controller owner reference of an object, or None."""
    for reference in metadata.get("ownerReferences") or ():
        if reference.get("controller"):
            return reference  # type: ignore[no-any-return]
    return None


def is_controlled(document: Mapping[str, Any], uid: str) -> bool:
    """Whether the object with this uid is the controller of another one."""
    owner = controller_of(document["metadata"])
    return owner is not None and owner.get("uid") == uid


def service_of(stored: WholeObject) -> Iterable[ObjectKey]:
    """Index function: the service that an object's label names."""
    name = stored.metadata.labels.get(names.LABEL_INFERENCE_SERVICE)
    return (ObjectKey(stored.metadata.namespace, name),) if name else ()


class Children:
    """All child kinds of services, an informer for each; ``optional`` knows what may be missing."""

    def __init__(
        self,
        client: Client,
        applier: Applier,
        informers: Mapping[Resource, Informer[WholeObject]],
        optional: OptionalKinds,
    ) -> None:
        self._client = client
        self._applier = applier
        self._optional = optional
        self._informers = {
            (resource.api_version, resource.kind): (resource, informer)
            for resource, informer in informers.items()
        }
        for resource, informer in informers.items():
            informer.store.add_index(BY_SERVICE, service_of)
            if resource in WORKLOADS:
                informer.store.add_index(_ROLLING, _rolls)

    def resource(self, api_version: str, kind: str) -> Resource:
        """The resource of a child kind."""
        return self._informers[api_version, kind][0]

    def missing(self, resource: Resource) -> str:
        """Why the cluster cannot have children of an optional kind; empty when it can."""
        return self._optional.missing(resource)

    def installed(self, resource: Resource) -> bool:
        """Whether the cluster has the definition of an optional kind."""
        return self._optional.installed(resource)

    def cached(self, api_version: str, kind: str, key: ObjectKey) -> dict[str, Any] | None:
        """The child as the cache has it (own writes included), or None."""
        stored = self._informers[api_version, kind][1].store.get(key)
        return None if stored is None else stored.document()

    def rolling(self) -> Iterator[dict[str, Any]]:
        """Every workload that is replacing pods, by the index: many wait for few."""
        for resource in WORKLOADS:
            store = self._informers[resource.api_version, resource.kind][1].store
            for stored in store.by_index(_ROLLING, True):
                yield stored.document()

    def workloads_of(self, service: ObjectKey, uid: str) -> Iterator[dict[str, Any]]:
        """The objects of a service that run its pods."""
        for resource in WORKLOADS:
            store = self._informers[resource.api_version, resource.kind][1].store
            for stored in store.by_index(BY_SERVICE, service):
                if _controlled(stored, uid):
                    yield stored.document()

    def owned(self, resource: Resource, service: ObjectKey, uid: str) -> list[WholeObject]:
        """The objects of one kind that a service controls and that are not going already."""
        store = self._informers[resource.api_version, resource.kind][1].store
        return [
            stored
            for stored in store.by_index(BY_SERVICE, service)
            if _controlled(stored, uid) and not stored.metadata.deletion_timestamp
        ]

    async def delete(self, resource: Resource, stored: WholeObject) -> None:
        """Delete this very object; it is fine when it is gone."""
        informer = self._informers[resource.api_version, resource.kind][1]
        await self._delete(resource, informer, stored)

    async def apply(self, desired: Mapping[str, Any]) -> Applied:
        """Make one object true; says what was done about it.

        Raises ``NotOurs`` when the name belongs to somebody else and ``RetryAfter`` while an older
        object of the name is still being deleted.
        """
        resource, informer = self._informers[desired["apiVersion"], desired["kind"]]
        metadata = desired["metadata"]
        key = ObjectKey(metadata["namespace"], metadata["name"])
        stored = informer.store.get(key)
        live = None if stored is None else stored.document()
        document, replicas = once(desired, live)
        if live is None:
            made = await self._applier.create(document, resource, replicas=replicas)
            if made is not None:
                informer.observed(made)
                return Applied(made, "created")
            live = await self._read(resource, key)
            if is_left_behind(live, desired):
                live = await self._adopt(resource, live, desired)
        self._check(live, desired)
        document, replicas = once(desired, live)
        applied = await self._applier.apply(document, live, resource=resource, replicas=replicas)
        if applied.action != "unchanged":
            informer.observed(applied.object)
        return applied

    async def _read(self, resource: Resource, key: ObjectKey) -> dict[str, Any]:
        """What has the name of an object that could not be made."""
        try:
            return await self._client.get(resource, key)
        except NotFound as error:
            gone = f"{resource.kind} {key} existed when it was to be made and is gone now"
            raise Conflict(gone, reason="Conflict") from error

    async def _adopt(
        self, resource: Resource, live: Mapping[str, Any], desired: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Become the owner of an object that has none; no other field changes yet."""
        owners = desired["metadata"]["ownerReferences"]
        add = {"op": "add", "path": "/metadata/ownerReferences", "value": owners}
        return await self._applier.patch_user_object(resource, live["metadata"], [add])

    def _check(self, live: Mapping[str, Any], desired: Mapping[str, Any]) -> None:
        wanted = controller_of(desired["metadata"])
        owner = controller_of(live["metadata"])
        named = f"{desired['kind']} {desired['metadata']['name']}"
        if wanted is None or owner is None or owner.get("uid") != wanted["uid"]:
            if owner is not None and self._is_leaving(owner, live):
                raise RetryAfter(_TERMINATING_RETRY, f"{named} of Knative is not gone yet")
            if owner is not None and wanted is not None and _is_former(owner, wanted):
                text = f"{named} of a former {wanted['kind']} {wanted['name']} is not gone yet"
                raise RetryAfter(_TERMINATING_RETRY, text)
            metadata = desired["metadata"]
            raise NotOurs(
                desired["kind"],
                metadata["namespace"],
                metadata["name"],
                f"{wanted['kind']} {wanted['name']}" if wanted else "us",
            )
        if live["metadata"].get("deletionTimestamp"):
            raise RetryAfter(_TERMINATING_RETRY, f"{named} is terminating")

    @staticmethod
    def _is_leaving(owner: Mapping[str, Any], live: Mapping[str, Any]) -> bool:
        """Whether a Service was made by Knative for a service of ours that was serverless."""
        group = str(owner.get("apiVersion")).partition("/")[0]
        return (
            live["kind"] == SERVICES.kind
            and group == KNATIVE_SERVICES.group
            and owner.get("name") == live["metadata"]["name"]
            and bool((live["metadata"].get("labels") or {}).get(names.LABEL_INFERENCE_SERVICE))
        )

    async def make_way(self, desired: Mapping[str, Any], service: ObjectKey, uid: str) -> list[str]:
        """Delete own objects of the component that cannot stand beside this one; says which.

        Knative makes a Service of the name of its own, and two autoscalers would pull one workload
        to and fro: what the component had in another mode goes first. But not what serves, before
        it is known that the cluster takes what comes in its place (raises what it says otherwise).
        """
        rival = _RIVALS.get((desired["apiVersion"], desired["kind"]))
        if rival is None:
            return []
        component = desired["metadata"]["labels"].get(names.LABEL_COMPONENT)
        held = [
            stored
            for stored in self.owned(rival, service, uid)
            if component and stored.metadata.labels.get(names.LABEL_COMPONENT) == component
        ]
        if held and rival == SERVICES and not await self._takes(desired, uid):
            return []
        for stored in held:
            await self.delete(rival, stored)
        return [f"{rival.kind} {stored.metadata.name}" for stored in held]

    async def _takes(self, desired: Mapping[str, Any], uid: str) -> bool:
        """Whether an object is the service's already, and stays, or the cluster would make it."""
        api_version, kind, metadata = desired["apiVersion"], desired["kind"], desired["metadata"]
        live = self.cached(api_version, kind, ObjectKey(metadata["namespace"], metadata["name"]))
        if live is not None:
            return is_controlled(live, uid) and not live["metadata"].get("deletionTimestamp")
        return await self._applier.could_create(desired, self.resource(api_version, kind))

    def observed(self, document: Mapping[str, Any]) -> None:
        """Show the answer of a write of our own until the watch has caught up."""
        self._informers[document["apiVersion"], document["kind"]][1].observed(document)

    async def prune(
        self,
        service: ObjectKey,
        uid: str,
        planned: Sequence[Mapping[str, Any]],
        kept_components: frozenset[str] = frozenset(),
    ) -> list[str]:
        """Delete children of the service that are not planned; gives what was deleted.

        Only objects that the service controls and that carry a component label count, and not
        those of ``kept_components``: the model ConfigMap and everything of strangers stays.
        """
        kept = {
            (entry["apiVersion"], entry["kind"], entry["metadata"]["name"]) for entry in planned
        }
        deleted: list[str] = []
        for (api_version, kind), (resource, informer) in self._informers.items():
            for stored in informer.store.by_index(BY_SERVICE, service):
                metadata = stored.metadata
                if (api_version, kind, metadata.name) in kept or metadata.deletion_timestamp:
                    continue
                component = metadata.labels.get(names.LABEL_COMPONENT)
                if not component or component in kept_components or not _controlled(stored, uid):
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


def _is_former(owner: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Whether an owner is a deleted service of the name, whose objects are being collected."""
    return all(owner.get(part) == wanted[part] for part in ("apiVersion", "kind", "name"))


def _rolls(stored: WholeObject) -> Iterable[bool]:
    return (True,) if is_rolling(stored.document()) else ()


def _controlled(stored: WholeObject, uid: str) -> bool:
    owner = stored.metadata.controller
    return owner is not None and owner.uid == uid
