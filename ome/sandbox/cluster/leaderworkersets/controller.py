"""The LeaderWorkerSet controller."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ome.kube.resource import ObjectKey, Resource
from ome.kube.resources import PODS, SERVICES
from ome.sandbox.cluster.context import Component
from ome.sandbox.cluster.leaderworkersets.groups import (
    GROUP,
    INDEX,
    NAME,
    Group,
    conditions,
    leader,
    revision_of,
    size_of,
    to_replace,
    worker,
)
from ome.sandbox.cluster.objects import condition, owner_reference, reference
from ome.sandbox.cluster.resources import LWS_GROUP
from ome.sandbox.refusal import Refused

if TYPE_CHECKING:
    from ome.sandbox.cluster.context import Context
    from ome.sandbox.cluster.pods import PodView
    from ome.sandbox.stored import Stored

__all__ = ["LeaderWorkerSets"]

_KIND = "LeaderWorkerSet"
_RESOURCE = Resource(LWS_GROUP, "v1", _KIND, "leaderworkersets")
Document = dict[str, Any]


class LeaderWorkerSets(Component):
    """Makes groups of pods that live and die together."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._loop = context.loop("leaderworkersets", self._sync)
        self._events = context.events.teller("leaderworkerset")
        context.local.subscribe(_RESOURCE, self._changed)
        context.pods.on_change(self._pod_changed)

    async def run(self) -> None:
        await self._loop.run()

    def _changed(self, _: Stored | None, new: Stored | None) -> None:
        if new is not None:
            self._loop.add(new.key)

    def _pod_changed(self, old: PodView | None, new: PodView | None) -> None:
        pod = new or old
        assert pod is not None
        name = pod.labels.get(NAME)
        if name and pod.owner is not None and pod.owner.kind in (_KIND, "Pod"):
            self._loop.add(ObjectKey(pod.key.namespace, name))

    async def _sync(self, key: ObjectKey) -> None:
        resource = self._context.local.served(LWS_GROUP, _KIND)
        stored = self._context.local.get(resource, key) if resource is not None else None
        if resource is None or stored is None:
            return
        lws = stored.load()
        revision = revision_of(lws)
        if not lws["metadata"].get("deletionTimestamp"):
            await self._service(lws)
            await self._restart_broken(lws, self._groups(stored.uid))
            await self._scale_down(lws, self._groups(stored.uid))
            await self._roll(lws, self._groups(stored.uid), revision)
            await self._complete(lws, self._groups(stored.uid), revision)
        await self._report(resource, lws, self._groups(stored.uid), revision)

    def _groups(self, uid: str) -> dict[int, Group]:
        found = {}
        for pod in self._context.pods.owned_by(uid):
            number = pod.labels.get(GROUP, "")
            if number.isdigit():
                group = found[int(number)] = Group(pod)
                for other in self._context.pods.owned_by(pod.uid):
                    index = other.labels.get(INDEX, "")
                    if index.isdigit():
                        group.workers[int(index)] = other
        return found

    async def _service(self, lws: Document) -> None:
        """The headless Service by which the pods of a group find each other."""
        metadata = lws["metadata"]
        key = ObjectKey(metadata["namespace"], metadata["name"])
        if self._context.local.get(SERVICES, key) is not None:
            return
        service = {
            "metadata": {
                "name": key.name,
                "namespace": key.namespace,
                "ownerReferences": [owner_reference(lws)],
            },
            "spec": {
                "clusterIP": "None",
                "selector": {NAME: key.name},
                "publishNotReadyAddresses": True,
            },
        }
        await self._context.writer.create(SERVICES, service)

    async def _restart_broken(self, lws: Document, groups: dict[int, Group]) -> None:
        policy = lws["spec"]["leaderWorkerTemplate"].get(
            "restartPolicy", "RecreateGroupOnPodRestart"
        )
        if policy not in ("RecreateGroupOnPodRestart", "Default"):
            return
        for group in groups.values():
            if group.broken() and not group.leader.deleting:
                await self._delete(group)
                self._events.normal(
                    reference(lws),
                    "RecreateGroupOnPodRestart",
                    f"Worker pod in group of leader {group.leader.key.name} failed, deleted the"
                    " leader pod to recreate the group",
                )

    async def _scale_down(self, lws: Document, groups: dict[int, Group]) -> None:
        for number in sorted(groups, reverse=True):
            if number >= lws["spec"].get("replicas", 1) and not groups[number].leader.deleting:
                await self._delete(groups[number])

    async def _roll(self, lws: Document, groups: dict[int, Group], revision: str) -> None:
        for number in to_replace(groups, lws, revision):
            await self._delete(groups[number])

    async def _delete(self, group: Group) -> None:
        pod = group.leader
        # In the foreground: the next leader must not meet the workers of the last.
        await self._context.writer.delete(PODS, pod.key, pod.uid, propagation="Foreground")

    async def _complete(self, lws: Document, groups: dict[int, Group], revision: str) -> None:
        """Make the leaders and workers that are missing."""
        waits = lws["spec"].get("startupPolicy") == "LeaderReady"
        for number in range(lws["spec"].get("replicas", 1)):
            group = groups.get(number)
            if group is None:
                await self._create(leader(lws, number, revision))
                continue
            if group.leader.deleting or (waits and not group.leader.ready):
                continue
            # A group that is not replaced yet cannot be completed with another template.
            if group.revision() != revision:
                continue
            stored = self._context.local.get(PODS, group.leader.key)
            for index in range(1, size_of(lws)):
                if index not in group.workers and stored is not None:
                    await self._create(worker(lws, stored.load(), number, index, revision))

    async def _create(self, pod: Document) -> None:
        try:
            await self._context.writer.create(PODS, pod)
        except Refused as refused:
            # One of that name is still going.
            if refused.reason != "AlreadyExists":
                raise

    async def _report(
        self, resource: Resource, lws: Document, groups: dict[int, Group], revision: str
    ) -> None:
        metadata, old = lws["metadata"], lws.get("status") or {}
        size, replicas = size_of(lws), lws["spec"].get("replicas", 1)
        living = [group for group in groups.values() if not group.leader.deleting]
        updated = [group for group in living if group.revision() == revision]
        ready = sum(group.ready(size) for group in living)
        before = old.get("conditions") or []
        fresh = conditions(
            before,
            ready,
            len(updated),
            sum(group.ready(size) for group in updated),
            replicas,
            self._context.now,
        )
        status = {
            "replicas": len(living),
            "readyReplicas": ready,
            "updatedReplicas": len(updated),
            "hpaPodSelector": f"{NAME}={metadata['name']},{INDEX}=0",
            "observedGeneration": metadata.get("generation", 0),
            "conditions": fresh,
        }
        key = ObjectKey(metadata["namespace"], metadata["name"])
        written = await self._context.writer.set_status(resource, key, metadata["uid"], status)
        for entry in fresh:
            held = condition(old, entry["type"])
            if written and entry["status"] == "True" and (held or {}).get("status") != "True":
                text = f"{entry['message']}, with {ready} groups ready of total {replicas} groups"
                self._events.normal(reference(lws), entry["reason"], text)
