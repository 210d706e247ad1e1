"""The objects of the fake cluster and the rules by which an API server stores them."""

from __future__ import annotations

import copy
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ome.clock import SystemClock, rfc3339
from ome.errors import AlreadyExists, BadRequest, Conflict, Invalid, NotFound
from ome.kube.resource import ObjectKey, Resource
from ome.kube.resources import DEPLOYMENTS
from tests.support import fake_patches

if TYPE_CHECKING:
    from ome.clock import Clock

Document = dict[str, Any]

_SERVER_OWNED = ("uid", "creationTimestamp", "generation", "deletionTimestamp")
_NO_UID = "the provided object specified uid {}, and no existing object was found"


@dataclass(frozen=True)
class Change:
    """One step of history; ``new`` is the last state for a deletion."""

    version: int
    resource: Resource
    type: str
    old: Document | None
    new: Document


class FakeStore:
    """Objects by resource and key, one version counter, and the history that watches read."""

    def __init__(self, clock: Clock | None = None) -> None:
        self.clock = clock or SystemClock()
        self.version = 1
        self.oldest = 1
        self.history: list[Change] = []
        self._objects: dict[Resource, dict[ObjectKey, Document]] = {}
        self._made = 0

    def get(self, resource: Resource, key: ObjectKey) -> Document:
        try:
            return self._objects[resource][key]
        except KeyError:
            raise NotFound(
                f'{resource.group_resource} "{key.name}" not found', reason="NotFound"
            ) from None

    def find(self, resource: Resource, key: ObjectKey) -> Document | None:
        return self._objects.get(resource, {}).get(key)

    def all(self, resource: Resource, namespace: str = "") -> list[Document]:
        objects = self._objects.get(resource, {})
        return [objects[key] for key in sorted(objects) if namespace in ("", key.namespace)]

    def create(
        self, resource: Resource, body: Document, manager: str, dry: bool, status: bool = False
    ) -> Document:
        """Store a new object; its status is dropped unless asked for."""
        new = copy.deepcopy(body)
        metadata = new["metadata"]
        if metadata.pop("resourceVersion", ""):
            raise BadRequest("resourceVersion should not be set on objects to be created")
        if not metadata.get("name"):
            self._made += 1
            metadata["name"] = f"{metadata['generateName']}{self._made:05d}"
        key = key_of(resource, new)
        if self.find(resource, key) is not None:
            raise AlreadyExists(
                f'{resource.group_resource} "{key.name}" already exists', reason="AlreadyExists"
            )
        for name in _SERVER_OWNED:
            metadata.pop(name, None)
        metadata["uid"] = str(uuid.uuid5(uuid.NAMESPACE_OID, f"{self.version} {resource} {key}"))
        metadata["creationTimestamp"] = rfc3339(self.clock.wall())
        if "spec" in new:
            metadata["generation"] = 1
        if not status:
            new.pop("status", None)
        _default(resource, new)
        if manager:
            fake_patches.record_update(None, new, manager, "")
        return self._store(resource, None, new, dry)

    def update(
        self, resource: Resource, key: ObjectKey, body: Document, sub: str, manager: str, dry: bool
    ) -> Document:
        """Store a new state by the rules for updates; an unchanged one makes no new version."""
        old = self.get(resource, key)
        self._check(resource, key, old["metadata"], body["metadata"])
        new = self._merged(old, copy.deepcopy(body), sub)
        _default(resource, new)
        for name in (*_SERVER_OWNED, "resourceVersion"):
            new["metadata"].pop(name, None)
            if name in old["metadata"]:
                new["metadata"][name] = old["metadata"][name]
        if "generation" in old["metadata"] and _content(old) != _content(new):
            new["metadata"]["generation"] += 1
        if manager and _plain(old) != _plain(new):
            fake_patches.record_update(old, new, manager, sub)
        if old == new:
            return old
        if new["metadata"].get("deletionTimestamp") and not new["metadata"].get("finalizers"):
            return self._remove(resource, key, new, dry)
        return self._store(resource, old, new, dry)

    def apply(
        self,
        resource: Resource,
        key: ObjectKey,
        body: Document,
        sub: str,
        manager: str,
        force: bool,
        dry: bool,
    ) -> Document:
        """Server-side apply, creating when nothing is there."""
        old = self.find(resource, key)
        metadata = body["metadata"]
        if old is None:
            if metadata.get("uid"):
                raise Conflict(_NO_UID.format(metadata["uid"]), reason="Conflict")
            kept = {name: v for name, v in metadata.items() if name != "resourceVersion"}
            empty = {**body, "metadata": {"name": key.name, "namespace": key.namespace}}
            empty = {name: empty[name] for name in ("apiVersion", "kind", "metadata")}
            if not key.namespace:
                del empty["metadata"]["namespace"]
            wanted = {**body, "metadata": kept}
            new = fake_patches.apply_patch(empty, wanted, manager, force, sub)
            return self.create(resource, new, "", dry)
        if metadata.get("uid", old["metadata"]["uid"]) != old["metadata"]["uid"]:
            causes = [{"reason": "FieldValueInvalid", "field": "metadata.uid"}]
            raise Invalid("metadata.uid: field is immutable", details={"causes": causes})
        self._check(resource, key, old["metadata"], metadata)
        live = copy.deepcopy(old)
        new = fake_patches.apply_patch(live, body, manager, force, sub)
        return self.update(resource, key, new, sub, "", dry)

    def delete(self, resource: Resource, key: ObjectKey, wanted: Document, dry: bool) -> Document:
        """Delete, or mark while finalizers hold the object."""
        old = self.get(resource, key)
        self._check(resource, key, old["metadata"], wanted)
        if not old["metadata"].get("finalizers"):
            return self._remove(resource, key, old, dry)
        if old["metadata"].get("deletionTimestamp"):
            return old
        new = copy.deepcopy(old)
        new["metadata"]["deletionTimestamp"] = rfc3339(self.clock.wall())
        new["metadata"]["deletionGracePeriodSeconds"] = 0
        if "generation" in new["metadata"]:
            new["metadata"]["generation"] += 1
        return self._store(resource, old, new, dry)

    def collect_garbage(self) -> list[tuple[Resource, ObjectKey]]:
        """Delete what has owners of which none is left, until nothing more goes."""
        collected = []
        while orphans := self._orphans():
            for resource, key in orphans:
                self.delete(resource, key, {}, dry=False)
            collected += orphans
        return collected

    def compact(self) -> None:
        """Forget history: older watches and continue tokens get 410."""
        self.oldest = self.version
        self.history.clear()

    def _orphans(self) -> list[tuple[Resource, ObjectKey]]:
        uids = {
            o["metadata"]["uid"] for objects in self._objects.values() for o in objects.values()
        }
        return [
            (resource, key)
            for resource, objects in self._objects.items()
            for key, obj in objects.items()
            if not obj["metadata"].get("deletionTimestamp")
            and (owners := obj["metadata"].get("ownerReferences"))
            and not any(owner["uid"] in uids for owner in owners)
        ]

    def _merged(self, old: Document, body: Document, sub: str) -> Document:
        if sub == "status":
            new = {**copy.deepcopy(old), "status": body.get("status", {})}
            entries = body["metadata"].get("managedFields")
        else:
            new, entries = body, body["metadata"].get("managedFields")
            new.pop("status", None)
            if "status" in old:
                new["status"] = copy.deepcopy(old["status"])
        known = old["metadata"].get("managedFields")
        if entries is not None or known is not None:
            new["metadata"]["managedFields"] = known if entries is None else entries
        return new

    def _check(self, resource: Resource, key: ObjectKey, live: Document, given: Document) -> None:
        """The conditions that a write carries."""
        if given.get("uid") and given["uid"] != live["uid"]:
            raise Conflict(
                f"Precondition failed: UID in precondition: {given['uid']}, "
                f"UID in object meta: {live['uid']}",
                reason="Conflict",
            )
        version = given.get("resourceVersion")
        if version and version != live["resourceVersion"]:
            raise Conflict(
                f"Operation cannot be fulfilled on {resource.group_resource} "
                f'"{key.name}": the object has been modified',
                reason="Conflict",
            )

    def _store(
        self, resource: Resource, old: Document | None, new: Document, dry: bool
    ) -> Document:
        if dry:
            return new
        self.version += 1
        new["metadata"]["resourceVersion"] = str(self.version)
        self._objects.setdefault(resource, {})[key_of(resource, new)] = new
        kind = "ADDED" if old is None else "MODIFIED"
        self.history.append(Change(self.version, resource, kind, old, new))
        return new

    def _remove(self, resource: Resource, key: ObjectKey, last: Document, dry: bool) -> Document:
        if dry:
            return last
        self.version += 1
        old = self._objects[resource].pop(key)
        last = copy.deepcopy(last)
        last["metadata"]["resourceVersion"] = str(self.version)
        self.history.append(Change(self.version, resource, "DELETED", old, last))
        return last


def key_of(resource: Resource, obj: Document) -> ObjectKey:
    metadata = obj["metadata"]
    return ObjectKey(metadata.get("namespace", "") if resource.namespaced else "", metadata["name"])


def _content(obj: Document) -> Document:
    """What the generation counts: all but metadata and status."""
    return {name: value for name, value in obj.items() if name not in ("metadata", "status")}


def _plain(obj: Document) -> Document:
    metadata = {
        n: v for n, v in obj["metadata"].items() if n not in ("managedFields", "generation")
    }
    return {**obj, "metadata": metadata}


def _default(resource: Resource, obj: Document) -> None:
    """The one server default that reconcilers stumble over."""
    if resource == DEPLOYMENTS:
        obj["spec"].setdefault("replicas", 1)
