"""The rules by which we write, all of them (design: "Write").

*Objects we make* are applied. The first write only creates (``ome.kube.creating``). Later writes
carry the uid of the object that was read: one that was just deleted is not made again from a stale
view, and another of the same name is not taken over. A write is skipped when nothing would change.

*Objects users own* are changed by JSON patches that test uid and resourceVersion.

*Status* is written with the uid and resourceVersion of what was read.

Races: between reading and writing anything may happen to the object. Every write here carries what
was read, so the loser gets ``Conflict``, and its key runs again with a newer view.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from ome.errors import (
    AlreadyExists,
    Conflict,
    Invalid,
    NotFound,
    NotOurs,
)
from ome.kube import documents, managed_fields
from ome.kube.changes import status_changes
from ome.kube.compare import contains, document_hash
from ome.kube.creating import MANAGER, NEVER
from ome.kube.documents import pointer
from ome.kube.request import key_of
from ome.kube.resource import ObjectKey, Resource
from ome.kube.resources import resource_for
from ome.telemetry.flights import decided

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from ome.kube.client import Client

__all__ = ["Applied", "Applier", "pointer"]

_RESULTS = {"created": "created", "updated": "changed", "unchanged": "skipped"}
_TRIES = 3


@dataclass(frozen=True, slots=True)
class Applied:
    """The object as stored and what was done about it."""

    object: dict[str, Any]
    action: Literal["created", "updated", "unchanged"]


class Applier:
    """Writes objects by the rules of this module; safe for many tasks, one per object at a time.

    ``hash_annotation`` names the annotation that remembers what was applied; ``predecessors`` are
    field managers of other operators of the same kinds, beside those that are recognised by the
    owner reference that they set. ``resources`` are kinds beyond the built-in ones.
    ``status_written`` is told the kind of each status that was written, ``applied`` kind and result
    of each apply: ``created``, ``changed``, ``skipped``, ``conflict`` or ``failed``.
    """

    def __init__(
        self,
        client: Client,
        manager: str = MANAGER,
        hash_annotation: str = "ome.io/applied-hash",
        *,
        predecessors: Collection[str] = (),
        resources: Collection[Resource] = (),
        status_written: Callable[[str], None] | None = None,
        applied: Callable[[str, str], None] | None = None,
    ) -> None:
        self._client = client
        self._status_written = status_written
        self._applied = applied
        self._manager = manager
        self._hash_annotation = hash_annotation
        self._predecessors = frozenset(predecessors)
        self._resources = {(known.api_version, known.kind): known for known in resources}

    async def apply(
        self,
        desired: Mapping[str, Any],
        live: Mapping[str, Any] | None,
        *,
        resource: Resource | None = None,
        replicas: int | None = None,
    ) -> Applied:
        """Make one object as desired; ``live`` is what the cache has of it.

        ``desired`` holds all fields that we have on the object: what an earlier call sent and this
        one does not is removed, except ``spec.replicas``, whose live value stays. ``replicas`` goes
        with this write, if one is needed for another reason, and is no part of what is desired.
        ``resource`` serves the object where that is not known from its kind.
        Raises ``NotOurs`` when the name belongs to somebody else, ``Conflict`` when the cache is
        behind (run the key again), and ``ApiError`` and ``TransportError`` as the client does.
        """
        resource = resource or self._resource(desired)
        with self._counted(resource.kind) as outcome:
            done = await self._apply(desired, live, resource, replicas)
            outcome.append(_RESULTS[done.action])
            return done

    @contextmanager
    def _counted(self, kind: str) -> Iterator[list[str]]:
        outcome: list[str] = []
        try:
            yield outcome
        except (Conflict, NotOurs):
            outcome.append("conflict")
            raise
        finally:
            if self._applied:
                self._applied(kind, *(outcome or ["failed"]))

    async def _apply(
        self,
        desired: Mapping[str, Any],
        live: Mapping[str, Any] | None,
        resource: Resource,
        replicas: int | None,
    ) -> Applied:
        document = self._stamped(desired)
        sent = documents.with_replicas(document, replicas)
        if live is None:
            created = await self._create(resource, sent)
            if created is not None:
                return Applied(created, "created")
            live = await self._read(resource, key_of(resource, desired))
        self._check_ours(resource, desired, live)
        if self._is_applied(document, live):
            return Applied(dict(live), "unchanged")
        live = await self._prepare(resource, sent, live)
        try:
            updated = await self._client.apply(
                resource, documents.guarded(sent, live["metadata"], "uid"), manager=self._manager
            )
        except Invalid as error:
            if not documents.is_other_uid(error):
                raise
            raise Conflict(
                f"{resource.kind} {key_of(resource, desired)} was made anew by somebody",
                reason="Conflict",
            ) from error
        same = updated["metadata"]["resourceVersion"] == live["metadata"].get("resourceVersion")
        return Applied(updated, "unchanged" if same else "updated")

    async def create(
        self, desired: Mapping[str, Any], resource: Resource, *, replicas: int | None = None
    ) -> dict[str, Any] | None:
        """Make an object that is not there, as ``apply`` does; None when one of the name exists."""
        with self._counted(resource.kind) as outcome:
            made = await self._create(
                resource, documents.with_replicas(self._stamped(desired), replicas)
            )
            outcome.append("conflict" if made is None else "created")
            return made

    async def could_create(self, desired: Mapping[str, Any], resource: Resource) -> bool:
        """Whether ``create`` would make the object, found out by a dry run; False where one is.

        Raises what keeps it from being made, as ``create`` does.
        """
        return await self._create(resource, self._stamped(desired), dry_run=True) is not None

    async def hand_over_replicas(
        self, resource: Resource, live: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Make ``spec.replicas`` independent of us at its live value; gives the object as stored.

        An autoscaler that takes over finds the number as it is: were it just left out of the next
        apply, the server would reset it to its default. ``apply`` does this by itself when
        ``desired`` has no replicas any more. Raises ``Conflict`` when ``live`` is old.
        """
        scaled = {
            "apiVersion": live["apiVersion"],
            "kind": live["kind"],
            "metadata": documents.place(key_of(resource, live)),
            "spec": {"replicas": live["spec"]["replicas"]},
        }
        guarded = documents.guarded(scaled, live["metadata"], "uid", "resourceVersion")
        return await self._client.apply(resource, guarded, manager=f"{self._manager}-replicas")

    async def delete_owned(self, resource: Resource, live: Mapping[str, Any]) -> bool:
        """Delete this very object; False when it is gone, or another one has its name now."""
        try:
            await self._client.delete(resource, key_of(resource, live), uid=live["metadata"]["uid"])
        except (NotFound, Conflict):
            return False
        return True

    async def patch_user_object(
        self,
        resource: Resource,
        live_metadata: Mapping[str, Any],
        ops: Sequence[Mapping[str, Any]],
        *,
        subresource: str = "",
        metadata_only: bool = False,
    ) -> dict[str, Any]:
        """Change an object of a user by JSON patch operations on what was read (its metadata).

        ``metadata_only``: the answer has no more than that. Raises ``Conflict`` when it is not at
        that uid and resourceVersion any more.
        """
        key = ObjectKey(
            live_metadata.get("namespace", "") if resource.namespaced else "",
            live_metadata["name"],
        )
        tests = [
            {"op": "test", "path": f"/metadata/{name}", "value": live_metadata[name]}
            for name in ("uid", "resourceVersion")
        ]
        try:
            return await self._client.json_patch(
                resource,
                key,
                [*tests, *ops],
                subresource=subresource,
                manager=self._manager,
                metadata_only=metadata_only,
            )
        except Invalid:
            # A failed test has the same answer as an operation that makes no sense, so look.
            now = (await self._client.get(resource, key, metadata_only=True))["metadata"]
            if all(now[name] == live_metadata[name] for name in ("uid", "resourceVersion")):
                raise
            raise Conflict(
                f"{resource.kind} {key} changed since resourceVersion "
                f"{live_metadata['resourceVersion']} was read",
                reason="Conflict",
            ) from None

    async def write_status(
        self, resource: Resource, live: Mapping[str, Any], status: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Put a status in the place of the one that was read; nothing is sent when it is equal.

        Gives what was read, with the status as it was sent and the metadata as they are then: a
        status may be long, and the server does not send it back. Raises ``Conflict`` when the
        object changed since (run the key again).
        """
        if live.get("status") == status:
            return dict(live)
        written = await self.patch_user_object(
            resource,
            live["metadata"],
            [{"op": "add", "path": "/status", "value": status}],
            subresource="status",
            metadata_only=True,
        )
        for change in status_changes(live.get("status") or {}, status):
            decided(change)
        if self._status_written is not None:
            self._status_written(resource.kind)
        return {**live, "metadata": written["metadata"], "status": status}

    def _resource(self, document: Mapping[str, Any]) -> Resource:
        named = (document["apiVersion"], document["kind"])
        return self._resources.get(named) or resource_for(*named)

    def _stamped(self, desired: Mapping[str, Any]) -> dict[str, Any]:
        metadata = desired["metadata"]
        annotations = {
            **(metadata.get("annotations") or {}),
            self._hash_annotation: document_hash(desired),
        }
        return {**desired, "metadata": {**metadata, "annotations": annotations}}

    async def _create(
        self, resource: Resource, document: Mapping[str, Any], *, dry_run: bool = False
    ) -> dict[str, Any] | None:
        """The new object; None when one of the name exists."""
        metadata = {**document["metadata"], "resourceVersion": NEVER}
        try:
            return await self._client.apply(
                resource,
                {**document, "metadata": metadata},
                manager=self._manager,
                dry_run=dry_run,
            )
        except (Conflict, AlreadyExists):  # the second when another create wins the race
            return None

    async def _read(self, resource: Resource, key: ObjectKey) -> dict[str, Any]:
        try:
            return await self._client.get(resource, key)
        except NotFound as error:
            raise Conflict(
                f"{resource.kind} {key} existed when we tried to create it and is gone now",
                reason="Conflict",
            ) from error

    def _check_ours(
        self, resource: Resource, desired: Mapping[str, Any], live: Mapping[str, Any]
    ) -> None:
        """Same controller owner; without one, the annotation that only we set."""
        wanted = managed_fields.owner_uid(desired["metadata"])
        metadata = live["metadata"]
        if wanted:
            ours = managed_fields.owner_uid(metadata) == wanted
        else:
            ours = self._hash_annotation in (metadata.get("annotations") or {})
        if not ours:
            key = key_of(resource, desired)
            raise NotOurs(resource.kind, key.namespace, key.name, documents.owner_text(desired))

    def _is_applied(self, document: Mapping[str, Any], live: Mapping[str, Any]) -> bool:
        return self._hash_of(live) == self._hash_of(document) and contains(live, document)

    def _hash_of(self, document: Mapping[str, Any]) -> str | None:
        annotations = document["metadata"].get("annotations") or {}
        return annotations.get(self._hash_annotation)

    async def _prepare(
        self, resource: Resource, document: Mapping[str, Any], live: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        """What has to be true of field ownership before we apply; gives the object as it is then.

        Ownership is not in the cache, so the object is read, but only when it matters.
        """
        first = self._hash_of(live) is None
        edited = self._hash_of(live) == self._hash_of(document)
        drops_replicas = documents.has_replicas(live) and not documents.has_replicas(document)
        if not (first or edited or drops_replicas):
            return live
        for _ in range(_TRIES - 1):
            try:
                return await self._move_ownership(resource, live, first, edited, drops_replicas)
            except Conflict:  # the status of a busy workload changes all the time
                continue
        return await self._move_ownership(resource, live, first, edited, drops_replicas)

    async def _move_ownership(
        self,
        resource: Resource,
        live: Mapping[str, Any],
        first: bool,
        edited: bool,
        drops_replicas: bool,
    ) -> Mapping[str, Any]:
        fresh = await self._client.get(resource, key_of(resource, live))
        if fresh["metadata"]["uid"] != live["metadata"]["uid"]:
            raise Conflict(f"{resource.kind} {key_of(resource, live)} was made anew by somebody")
        if first:
            fresh = await self._take_over(resource, fresh)
        elif edited:
            fresh = await self._reclaim(resource, fresh)
        ours = managed_fields.applied_by(documents.entries(fresh), self._manager)
        if drops_replicas and managed_fields.owns(ours, "spec", "replicas"):
            fresh = await self.hand_over_replicas(resource, fresh)
        return fresh

    async def _reclaim(self, resource: Resource, live: dict[str, Any]) -> dict[str, Any]:
        """Own what somebody edited by hand, so that the next apply can drop it."""
        entries = documents.entries(live)
        value = managed_fields.reclaimed(entries, self._manager)
        if value == entries:
            return live
        replace = {"op": "replace", "path": "/metadata/managedFields", "value": value}
        return await self.patch_user_object(resource, live["metadata"], [replace])

    async def _take_over(self, resource: Resource, live: dict[str, Any]) -> dict[str, Any]:
        entries = documents.entries(live)
        names = managed_fields.predecessors_of(
            entries, self._predecessors, managed_fields.owner_uid(live["metadata"])
        )
        if not names:
            return live
        value = managed_fields.moved(entries, names, self._manager)
        replace = {"op": "replace", "path": "/metadata/managedFields", "value": value}
        return await self.patch_user_object(resource, live["metadata"], [replace])
