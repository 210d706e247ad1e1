"""The Deployment controller."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ome.kube.resource import ObjectKey
from ome.kube.resources import DEPLOYMENTS, REPLICA_SETS
from ome.sandbox.cluster.context import Component
from ome.sandbox.cluster.deployments import revisions, rolling, status
from ome.sandbox.cluster.objects import (
    condition,
    controller_of,
    head_of,
    owner_reference,
    reference,
)
from ome.sandbox.cluster.owned import Owned
from ome.sandbox.refusal import Refused
from ome.sandbox.selectors import selector_of

if TYPE_CHECKING:
    from ome.sandbox.cluster.context import Context
    from ome.sandbox.cluster.pods import PodView
    from ome.sandbox.stored import Stored

__all__ = ["Deployments"]

_WORKERS = 4
Document = dict[str, Any]


class Deployments(Component):
    """Keeps the ReplicaSets of each Deployment on their way to its newest template."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._loop = context.loop("deployments", self._sync, _WORKERS)
        self._events = context.events.teller("deployment-controller")
        self._sets = Owned(context.local, REPLICA_SETS, "Deployment", self._loop.add)
        context.local.subscribe(DEPLOYMENTS, self._changed)
        context.pods.on_change(self._pod_changed)

    async def run(self) -> None:
        await self._loop.run()

    # What changed

    def _changed(self, _: Stored | None, new: Stored | None) -> None:
        if new is not None:
            self._loop.add(new.key)

    def _pod_changed(self, old: PodView | None, new: PodView | None) -> None:
        """A Deployment that is recreated waits for its old pods to be gone."""
        if old is None or new is not None or old.owner is None or old.owner.kind != "ReplicaSet":
            return
        key = ObjectKey(old.key.namespace, old.owner.name)
        stored = self._context.local.get(REPLICA_SETS, key)
        owner = controller_of(head_of(stored).ownerReferences) if stored is not None else None
        if owner is not None and owner.kind == "Deployment":
            self._loop.add(ObjectKey(old.key.namespace, owner.name))

    # One Deployment

    async def _sync(self, key: ObjectKey) -> float | None:
        stored = self._context.local.get(DEPLOYMENTS, key)
        if stored is None:
            return None
        deployment = stored.load()
        sets = self._owned(stored.uid)
        new = revisions.newest(deployment, sets)
        if new is None and not deployment["metadata"].get("deletionTimestamp"):
            sets += await self._adopted(deployment)
            new = revisions.newest(deployment, sets)
        if deployment["metadata"].get("deletionTimestamp"):
            return await self._report(deployment, new, sets)
        self._pause_or_resume(deployment)
        if not deployment["spec"].get("paused") and not self._was_scaled(deployment, sets):
            new = await self._new(deployment, new, sets)
            if new is None:
                return 0.0
            old = [entry for entry in self._owned(stored.uid) if _uid(entry) != _uid(new)]
            if (deployment["spec"].get("strategy") or {}).get("type") == "Recreate":
                await self._recreate(deployment, new, old)
            else:
                await self._roll(deployment, new, old)
        else:
            if not deployment["spec"].get("paused"):
                new = await self._new(deployment, new, sets) or new
            await self._scale(deployment, new, self._owned(stored.uid))
        sets = self._owned(stored.uid)
        new = revisions.newest(deployment, sets)
        await self._forget_old(deployment, new, sets)
        return await self._report(deployment, new, sets)

    def _owned(self, uid: str) -> list[Document]:
        return [stored.load() for stored in self._sets.of(uid)]

    async def _adopted(self, deployment: Document) -> list[Document]:
        """ReplicaSets that nobody controls and the Deployment selects become its own.

        Looked for only before one is made: until then there is nothing that they could be.
        """
        selector = selector_of(deployment["spec"]["selector"])
        found = []
        for stored in self._context.local.list(REPLICA_SETS, deployment["metadata"]["namespace"]):
            meta = head_of(stored)
            if meta.deletionTimestamp or controller_of(meta.ownerReferences) is not None:
                continue
            if not selector.matches(stored.labels):
                continue

            def adopt(document: Document) -> None:
                held = document["metadata"].setdefault("ownerReferences", [])
                held.append(owner_reference(deployment))

            writer = self._context.writer
            adopted = await writer.change(REPLICA_SETS, stored.key, stored.uid, adopt)
            if adopted is not None:
                found.append(adopted.load())
        return found

    def _pause_or_resume(self, deployment: Document) -> None:
        """Progressing says that the rollout rests, or goes on; written with the rest."""
        held = deployment.setdefault("status", {})
        before = held.get("conditions") or []
        held["conditions"] = status.paused_condition(deployment, before, self._context.now)

    def _was_scaled(self, deployment: Document, sets: list[Document]) -> bool:
        """Whether the Deployment's size changed since its ReplicaSets were sized."""
        wanted = str(deployment["spec"].get("replicas", 1))
        for entry in sets:
            annotations = entry["metadata"].get("annotations") or {}
            sized = annotations.get(revisions.DESIRED)
            if entry["spec"].get("replicas", 1) > 0 and sized not in (None, wanted):
                return True
        return False

    async def _new(
        self, deployment: Document, new: Document | None, sets: list[Document]
    ) -> Document | None:
        """The ReplicaSet of the present template, made if need be; None to begin again."""
        bounds = rolling.bounds_of(deployment["spec"])
        old = [entry for entry in sets if new is None or _uid(entry) != _uid(new)]
        if new is not None:
            revision = revisions.next_revision(old)

            def mark(document: Document) -> None:
                revisions.annotated(document, deployment, revision)
                wait = deployment["spec"].get("minReadySeconds", 0)
                if document["spec"].get("minReadySeconds", 0) != wait:
                    document["spec"]["minReadySeconds"] = wait

            marked = await self._context.writer.change(REPLICA_SETS, _key(new), _uid(new), mark)
            if condition(deployment.get("status") or {}, "Progressing") is None:
                self._say_progress(deployment, "FoundNewReplicaSet", "Found new replica set", new)
            return marked.load() if marked is not None else None
        size = self._first_size(deployment, bounds, old)
        document = revisions.made(deployment, sets, bounds, size)
        try:
            made = (await self._context.writer.create(REPLICA_SETS, document)).load()
        except Refused as refused:
            if refused.reason != "AlreadyExists":
                self._say_failed(deployment, refused)
                await self._report(deployment, None, sets)
                raise
            await self._another_name(deployment)
            return None
        if size:
            self._told(deployment, made, 0, size)
        self._say_progress(deployment, "NewReplicaSetCreated", "Created new replica set", made)
        return made

    def _first_size(self, deployment: Document, bounds: rolling.Bounds, old: list[Document]) -> int:
        if (deployment["spec"].get("strategy") or {}).get("type") == "Recreate":
            busy = any(self._context.pods.owned_by(_uid(entry)) for entry in old)
            return 0 if busy or any(map(_wanted, old)) else bounds.replicas
        return rolling.grown(bounds, 0, sum(map(_wanted, old)))

    def _say_progress(self, deployment: Document, reason: str, text: str, new: Document) -> None:
        held = deployment["status"].get("conditions") or []
        message = f'{text} "{new["metadata"]["name"]}"'
        deployment["status"]["conditions"] = status.set_condition(
            held, "Progressing", "True", reason, message, self._context.now
        )

    def _say_failed(self, deployment: Document, refused: Refused) -> None:
        held = deployment["status"].get("conditions") or []
        message = f"Failed to create new replica set: {refused.message}"
        deployment["status"]["conditions"] = status.set_condition(
            held, "Progressing", "False", "ReplicaSetCreateError", message, self._context.now
        )
        self._events.warning(reference(deployment), "ReplicaSetCreateError", message)

    async def _another_name(self, deployment: Document) -> None:
        """The name is taken by a ReplicaSet of another template: hash again."""

        def count(document: Document) -> None:
            held = document.setdefault("status", {})
            held["collisionCount"] = held.get("collisionCount", 0) + 1

        key = _key(deployment)
        await self._context.writer.change(DEPLOYMENTS, key, _uid(deployment), count, "status")

    # Moving pods from the old to the new

    async def _roll(self, deployment: Document, new: Document, old: list[Document]) -> None:
        bounds = rolling.bounds_of(deployment["spec"])
        total = _wanted(new) + sum(map(_wanted, old))
        size = rolling.grown(bounds, _wanted(new), total)
        if size != _wanted(new):
            await self._resize(deployment, new, size)
            return
        old = sorted(old, key=lambda entry: entry["metadata"]["creationTimestamp"])
        sizes = rolling.shrunk(bounds, _size(new), [_size(entry) for entry in old])
        for entry, size in zip(old, sizes, strict=True):
            if size != _wanted(entry):
                await self._resize(deployment, entry, size)

    async def _recreate(self, deployment: Document, new: Document, old: list[Document]) -> None:
        active = [entry for entry in old if _wanted(entry)]
        for entry in active:
            await self._resize(deployment, entry, 0)
        left = [pod for entry in old for pod in self._context.pods.owned_by(_uid(entry))]
        if active or any(not pod.finished for pod in left):
            return
        await self._resize(deployment, new, deployment["spec"].get("replicas", 1))

    async def _scale(
        self, deployment: Document, new: Document | None, sets: list[Document]
    ) -> None:
        """Bring ReplicaSets to the Deployment's size without going on with a rollout."""
        bounds = rolling.bounds_of(deployment["spec"])
        order = sorted(sets, key=lambda entry: entry["metadata"]["creationTimestamp"], reverse=True)
        active = [entry for entry in order if _wanted(entry)]
        if len(active) <= 1:
            only = active[0] if active else new or (order[0] if order else None)
            if only is not None:
                await self._resize(deployment, only, bounds.replicas)
            return
        if new is not None and _saturated(deployment, new):
            for entry in active:
                if _uid(entry) != _uid(new):
                    await self._resize(deployment, entry, 0)
            return
        before = revisions.most_before(active[0], bounds.most)
        sizes = rolling.proportional(bounds, [_wanted(entry) for entry in active], before)
        for entry, size in zip(active, sizes, strict=True):
            await self._resize(deployment, entry, size)

    async def _resize(self, deployment: Document, entry: Document, size: int) -> None:
        before = _wanted(entry)
        bounds = rolling.bounds_of(deployment["spec"])

        def resize(document: Document) -> None:
            document["spec"]["replicas"] = size
            revisions.sized(document, bounds)

        if size == 0 and before == 0:
            return
        stored = await self._context.writer.change(REPLICA_SETS, _key(entry), _uid(entry), resize)
        if stored is not None and size != before:
            self._told(deployment, entry, before, size)

    def _told(self, deployment: Document, entry: Document, before: int, size: int) -> None:
        way = "up" if size > before else "down"
        text = f"Scaled {way} replica set {entry['metadata']['name']} from {before} to {size}"
        self._events.normal(reference(deployment), "ScalingReplicaSet", text)

    # What is left and what is told

    async def _forget_old(
        self, deployment: Document, new: Document | None, sets: list[Document]
    ) -> None:
        """Delete the oldest ReplicaSets beyond the history that is kept."""
        limit = deployment["spec"].get("revisionHistoryLimit")
        now = status.counts(deployment, new, sets)
        if limit is None or not (
            deployment["spec"].get("paused") or status.complete(deployment, now)
        ):
            return
        old = [
            entry
            for entry in sets
            if (new is None or _uid(entry) != _uid(new))
            and not entry["metadata"].get("deletionTimestamp")
        ]
        old.sort(key=revisions.revision_of)
        for entry in old[: max(len(old) - limit, 0)]:
            if _wanted(entry) == 0 and not (entry.get("status") or {}).get("replicas"):
                await self._context.writer.delete(REPLICA_SETS, _key(entry), _uid(entry))

    async def _report(
        self, deployment: Document, new: Document | None, sets: list[Document]
    ) -> float | None:
        now = status.Moment(self._context.now, self._context.clock.wall())
        fresh = status.counts(deployment, new, sets)
        failures = [
            failure
            for entry in sets
            if (failure := condition(entry.get("status") or {}, "ReplicaFailure")) is not None
        ]
        fresh["conditions"] = status.rollout_conditions(deployment, fresh, new, failures, now)

        def write(document: Document) -> None:
            document["status"] = fresh
            if new is not None:
                annotations = document["metadata"].setdefault("annotations", {})
                annotations[revisions.REVISION] = str(revisions.revision_of(new))

        key = _key(deployment)
        await self._context.writer.change(DEPLOYMENTS, key, _uid(deployment), write, "status")
        return status.deadline_in(deployment, fresh, now.wall)


def _key(document: Document) -> ObjectKey:
    return ObjectKey(document["metadata"]["namespace"], document["metadata"]["name"])


def _uid(document: Document) -> str:
    return str(document["metadata"]["uid"])


def _wanted(document: Document) -> int:
    return int(document["spec"].get("replicas", 1))


def _size(document: Document) -> rolling.Size:
    return rolling.Size(
        _wanted(document), (document.get("status") or {}).get("availableReplicas", 0)
    )


def _saturated(deployment: Document, new: Document) -> bool:
    replicas = deployment["spec"].get("replicas", 1)
    annotations = new["metadata"].get("annotations") or {}
    return (
        annotations.get(revisions.DESIRED) == str(replicas)
        and _wanted(new) == replicas
        and (new.get("status") or {}).get("availableReplicas", 0) == replicas
    )
