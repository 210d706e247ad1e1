"""StatefulSets: pods with numbers, made and replaced one after the other.

Volume claim templates are not acted on, and there are no ControllerRevisions: the sandbox has
neither volumes nor that kind.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ome.kube.resource import ObjectKey
from ome.kube.resources import PODS
from ome.sandbox.cluster.context import Component
from ome.sandbox.cluster.objects import reference
from ome.sandbox.cluster.podmaking import pod_from, safe_hash
from ome.sandbox.cluster.resources import STATEFUL_SETS
from ome.sandbox.refusal import Refused

if TYPE_CHECKING:
    from ome.sandbox.cluster.context import Context
    from ome.sandbox.cluster.pods import PodView
    from ome.sandbox.stored import Stored

__all__ = ["StatefulSets"]

_REVISION = "controller-revision-hash"
Document = dict[str, Any]


class StatefulSets(Component):
    """The StatefulSet controller."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._loop = context.loop("statefulsets", self._sync)
        self._events = context.events.teller("statefulset-controller")
        context.local.subscribe(STATEFUL_SETS, self._changed)
        context.pods.on_change(self._pod_changed)

    async def run(self) -> None:
        await self._loop.run()

    def _changed(self, _: Stored | None, new: Stored | None) -> None:
        if new is not None:
            self._loop.add(new.key)

    def _pod_changed(self, old: PodView | None, new: PodView | None) -> None:
        pod = new or old
        assert pod is not None
        if pod.owner is not None and pod.owner.kind == "StatefulSet":
            self._loop.add(ObjectKey(pod.key.namespace, pod.owner.name))

    async def _sync(self, key: ObjectKey) -> None:
        stored = self._context.local.get(STATEFUL_SETS, key)
        if stored is None:
            return
        document = stored.load()
        revision = f"{key.name}-{safe_hash(document['spec']['template'])}"
        problem = None
        if not document["metadata"].get("deletionTimestamp"):
            try:
                await self._move(document, revision)
            except Refused as refused:
                problem = refused
        await self._report(document, revision)
        if problem is not None:
            raise problem

    async def _move(self, document: Document, revision: str) -> None:
        """Do what comes next; with one pod after the other that is one step."""
        spec = document["spec"]
        one_by_one = spec.get("podManagementPolicy", "OrderedReady") == "OrderedReady"
        start = (spec.get("ordinals") or {}).get("start", 0)
        wanted = range(start, start + spec.get("replicas", 1))
        pods = self._pods(document)
        for number in wanted:
            pod = pods.get(number)
            if pod is not None and pod.finished and not pod.deleting:
                await self._delete(document, pod)
            elif pod is None:
                await self._create(document, number, revision)
            if one_by_one and (pod is None or not pod.ready or pod.deleting):
                return
        for number in sorted(set(pods) - set(wanted), reverse=True):
            pod = pods[number]
            if not pod.deleting:
                await self._delete(document, pod)
            if one_by_one:
                return
        await self._update(document, pods, revision)

    async def _update(self, document: Document, pods: dict[int, PodView], revision: str) -> None:
        strategy = document["spec"].get("updateStrategy") or {}
        if strategy.get("type") == "OnDelete":
            return
        partition = (strategy.get("rollingUpdate") or {}).get("partition", 0)
        for number in sorted(pods, reverse=True):
            pod = pods[number]
            if number < partition:
                return
            if pod.labels.get(_REVISION) != revision and not pod.deleting:
                await self._delete(document, pod)
                return
            if not pod.ready:
                return

    def _pods(self, document: Document) -> dict[int, PodView]:
        found = {}
        for pod in self._context.pods.owned_by(document["metadata"]["uid"]):
            number = pod.key.name.rpartition("-")[2]
            if number.isdigit():
                found[int(number)] = pod
        return found

    async def _create(self, document: Document, number: int, revision: str) -> None:
        name = f"{document['metadata']['name']}-{number}"
        pod = pod_from(document["spec"]["template"], document, name=name)
        labels = pod["metadata"].setdefault("labels", {})
        labels |= {
            _REVISION: revision,
            "statefulset.kubernetes.io/pod-name": name,
            "apps.kubernetes.io/pod-index": str(number),
        }
        pod["spec"]["hostname"] = name
        if document["spec"].get("serviceName"):
            pod["spec"]["subdomain"] = document["spec"]["serviceName"]
        try:
            await self._context.writer.create(PODS, pod)
        except Refused as refused:
            owner = document["metadata"]["name"]
            text = f"Create Pod {name} in StatefulSet {owner} failed error: {refused.message}"
            self._events.warning(reference(document), "FailedCreate", text)
            raise
        self._say(document, "SuccessfulCreate", "Create", name)

    async def _delete(self, document: Document, pod: PodView) -> None:
        if await self._context.writer.delete(PODS, pod.key, pod.uid):
            self._say(document, "SuccessfulDelete", "Delete", pod.key.name)

    def _say(self, document: Document, reason: str, verb: str, pod: str) -> None:
        name = document["metadata"]["name"]
        text = f"{verb} Pod {pod} in StatefulSet {name} successful"
        self._events.normal(reference(document), reason, text)

    async def _report(self, document: Document, revision: str) -> None:
        metadata, old = document["metadata"], document.get("status") or {}
        pods = [pod for pod in self._pods(document).values() if not pod.finished]
        updated = [pod for pod in pods if pod.labels.get(_REVISION) == revision]
        wait, wall = document["spec"].get("minReadySeconds", 0), self._context.clock.wall()
        current = old.get("currentRevision") or revision
        ready = sum(pod.ready for pod in pods)
        done = len(updated) == len(pods) == document["spec"].get("replicas", 1) == ready
        if done:
            current = revision
        numbers = {
            "readyReplicas": ready,
            "currentReplicas": sum(pod.labels.get(_REVISION) == current for pod in pods),
            "updatedReplicas": len(updated),
        }
        status = {
            "observedGeneration": metadata.get("generation", 0),
            "replicas": len(pods),
            "availableReplicas": sum(pod.available(wall, wait) for pod in pods),
            "currentRevision": current,
            "updateRevision": revision,
            "collisionCount": 0,
            **{name: value for name, value in numbers.items() if value},
        }
        key = ObjectKey(metadata["namespace"], metadata["name"])
        await self._context.writer.set_status(STATEFUL_SETS, key, metadata["uid"], status)
