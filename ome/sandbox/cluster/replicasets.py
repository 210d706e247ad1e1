"""ReplicaSets: as many pods of a template as are wanted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ome.kube.resource import ObjectKey
from ome.kube.resources import PODS, REPLICA_SETS
from ome.sandbox.cluster.context import Component
from ome.sandbox.cluster.objects import merged_conditions, reference
from ome.sandbox.cluster.podmaking import adopted, first_to_go, pod_from, released
from ome.sandbox.cluster.selections import Selections
from ome.sandbox.refusal import Refused
from ome.sandbox.selectors import selector_of

if TYPE_CHECKING:
    from ome.sandbox.cluster.context import Context
    from ome.sandbox.cluster.pods import PodView
    from ome.sandbox.selectors import LabelSelector
    from ome.sandbox.stored import Stored

__all__ = ["ReplicaSets"]

_WORKERS = 4
_MOST_AT_ONCE = 500
_PAUSE_PER_POD, _LONGEST_PAUSE = 0.001, 0.5


class ReplicaSets(Component):
    """The ReplicaSet controller."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._loop = context.loop("replicasets", self._sync, _WORKERS)
        self._events = context.events.teller("replicaset-controller")
        self._selections = Selections(context.pods, lambda _: None)
        context.pods.on_change(self._pod_changed)
        context.local.subscribe(REPLICA_SETS, self._changed)

    async def run(self) -> None:
        await self._loop.run()

    def _changed(self, old: Stored | None, new: Stored | None) -> None:
        present = new or old
        assert present is not None
        self._loop.add(present.key)

    def _pod_changed(self, old: PodView | None, new: PodView | None) -> None:
        for pod in (old, new):
            if pod is None:
                continue
            if pod.owner is None:
                if pod.active:
                    for key in self._selections.selecting(pod.key.namespace, pod.labels):
                        self._loop.add(key)
            elif pod.owner.kind == "ReplicaSet":
                # A look costs the number of its pods: with many, not after each change of one.
                pause = self._context.pods.count(pod.owner.uid) * _PAUSE_PER_POD
                key = ObjectKey(pod.key.namespace, pod.owner.name)
                self._loop.add_debounced(key, min(pause, _LONGEST_PAUSE))

    async def _sync(self, key: ObjectKey) -> float | None:
        stored = self._context.local.get(REPLICA_SETS, key)
        if stored is None:
            self._selections.set(key, None)
            return None
        replica_set = stored.load()
        selector = selector_of(replica_set["spec"]["selector"])
        self._selections.set(key, selector)
        going = bool(replica_set["metadata"].get("deletionTimestamp"))
        if not going:
            await self._claim(replica_set, selector)
        problem = None
        if not going:
            problem = await self._manage(replica_set)
        pods = [pod for pod in self._context.pods.owned_by(stored.uid) if not pod.finished]
        again = await self._report(replica_set, pods, problem)
        if problem is not None:
            raise problem
        return again

    async def _claim(self, replica_set: dict[str, Any], selector: LabelSelector) -> None:
        uid = replica_set["metadata"]["uid"]
        await adopted(self._context, replica_set, selector)
        for pod in self._context.pods.owned_by(uid):
            if not selector.matches(pod.labels):
                await released(self._context, uid, pod)

    async def _manage(self, replica_set: dict[str, Any]) -> Refused | None:
        """Make or end pods; what the server said when it did not want one."""
        uid, about = replica_set["metadata"]["uid"], reference(replica_set)
        pods = [pod for pod in self._context.pods.owned_by(uid) if pod.active]
        missing = replica_set["spec"].get("replicas", 1) - len(pods)
        for _ in range(min(missing, _MOST_AT_ONCE)):
            try:
                document = pod_from(replica_set["spec"]["template"], replica_set)
                made = await self._context.writer.create(PODS, document)
            except Refused as refused:
                self._events.warning(about, "FailedCreate", f"Error creating: {refused.message}")
                return refused
            self._events.normal(about, "SuccessfulCreate", f"Created pod: {made.key.name}")
        for pod in first_to_go(pods)[: max(-missing, 0)]:
            if await self._context.writer.delete(PODS, pod.key, pod.uid):
                self._events.normal(about, "SuccessfulDelete", f"Deleted pod: {pod.key.name}")
        return None

    async def _report(
        self, replica_set: dict[str, Any], pods: list[PodView], problem: Refused | None
    ) -> float | None:
        metadata, spec = replica_set["metadata"], replica_set["spec"]
        wait, wall = spec.get("minReadySeconds", 0), self._context.clock.wall()
        present = [pod for pod in pods if not pod.deleting]
        labels = ((spec.get("template") or {}).get("metadata") or {}).get("labels") or {}
        ready = [pod for pod in present if pod.ready]
        available = [pod for pod in ready if pod.available(wall, wait)]
        status: dict[str, Any] = {
            "replicas": len(present),
            "fullyLabeledReplicas": sum(labels.items() <= pod.labels.items() for pod in present),
            "readyReplicas": len(ready),
            "availableReplicas": len(available),
            "observedGeneration": metadata.get("generation", 0),
        }
        for name in ("fullyLabeledReplicas", "readyReplicas", "availableReplicas"):
            if not status[name]:
                del status[name]
        status["terminatingReplicas"] = len(pods) - len(present)
        conditions = self._conditions(replica_set, problem, len(present))
        if conditions:
            status["conditions"] = conditions
        key = ObjectKey(metadata["namespace"], metadata["name"])
        await self._context.writer.set_status(REPLICA_SETS, key, metadata["uid"], status)
        waiting = [pod.ready_since + wait - wall for pod in ready if not pod.available(wall, wait)]
        return max(min(waiting), 0.01) if waiting else None

    def _conditions(
        self, replica_set: dict[str, Any], problem: Refused | None, present: int
    ) -> list[dict[str, Any]]:
        old = (replica_set.get("status") or {}).get("conditions") or []
        if problem is None:
            return [entry for entry in old if entry["type"] != "ReplicaFailure"]
        short = present < replica_set["spec"].get("replicas", 1)
        failure = {
            "type": "ReplicaFailure",
            "status": "True",
            "reason": "FailedCreate" if short else "FailedDelete",
            "message": problem.message,
        }
        return merged_conditions(old, [failure], self._context.now)
