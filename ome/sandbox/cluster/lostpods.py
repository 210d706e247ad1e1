"""Pods that cannot stay where they are: their node is gone, or a taint of it is not for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ome.kube.resource import ObjectKey
from ome.kube.resources import NODES, PODS
from ome.sandbox.cluster.context import Component
from ome.sandbox.cluster.nodes import NOT_READY, UNREACHABLE
from ome.sandbox.cluster.objects import reference, seconds_of

if TYPE_CHECKING:
    from ome.sandbox.cluster.context import Context
    from ome.sandbox.cluster.pods import PodView
    from ome.sandbox.stored import Stored

__all__ = ["LostPods"]

_PATIENCE = 300
"""Seconds that a pod stays on a node that is not ready when it says nothing of it."""
_WORKERS = 2


class LostPods(Component):
    """The pod garbage collector and the taint eviction controller, by node name."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._loop = context.loop("lostpods", self._sync, _WORKERS)
        self._events = context.events.teller("taint-eviction-controller")
        self._missing: dict[str, float] = {}
        self._tainted: set[str] = set()
        context.local.subscribe(NODES, self._node_changed)
        context.pods.on_change(self._pod_changed)

    async def run(self) -> None:
        await self._loop.run()

    def _node_changed(self, old: Stored | None, new: Stored | None) -> None:
        if new is None:
            assert old is not None
            self._tainted.discard(old.key.name)
            self._loop.add(old.key.name)
            return
        name = new.key.name
        self._missing.pop(name, None)
        if b"NoExecute" in new.raw:
            self._tainted.add(name)
            self._loop.add(name)
        else:
            self._tainted.discard(name)

    def _pod_changed(self, old: PodView | None, new: PodView | None) -> None:
        if new is None or not new.node or (old is not None and old.node == new.node):
            return
        if new.node in self._tainted or not self._exists(new.node):
            self._loop.add(new.node)

    def _exists(self, node: str) -> bool:
        return self._context.local.get(NODES, ObjectKey("", node)) is not None

    async def _sync(self, name: str) -> float | None:
        stored = self._context.local.get(NODES, ObjectKey("", name))
        pods = self._context.pods.on_node(name)
        if not pods:
            self._missing.pop(name, None)
            return None
        if stored is None:
            return await self._after_node(name, pods)
        taints = [
            taint
            for taint in (stored.load().get("spec") or {}).get("taints") or ()
            if taint["effect"] == "NoExecute"
        ]
        waits = [await self._evict(pod, taints) for pod in pods if taints and pod.active]
        left = [wait for wait in waits if wait is not None]
        return min(left) if left else None

    async def _after_node(self, name: str, pods: list[PodView]) -> float | None:
        """The node is gone; when it stays so its pods are failed and removed."""
        now = self._context.clock.monotonic()
        since = self._missing.setdefault(name, now)
        left = since + self._context.options.node_lost_seconds - now
        if left > 0:
            return left
        stamp = self._context.now
        for pod in pods:

            def fail(document: dict[str, Any]) -> None:
                status = document.setdefault("status", {})
                if status.get("phase") not in ("Succeeded", "Failed"):
                    status["phase"] = "Failed"
                entry = {
                    "type": "DisruptionTarget",
                    "status": "True",
                    "reason": "DeletionByPodGC",
                    "message": "PodGC: node no longer exists",
                    "lastProbeTime": None,
                    "lastTransitionTime": stamp,
                }
                others = [
                    held
                    for held in status.get("conditions") or ()
                    if held["type"] != "DisruptionTarget"
                ]
                status["conditions"] = [*others, entry]

            await self._context.writer.change(PODS, pod.key, pod.uid, fail, "status")
            await self._context.writer.delete(PODS, pod.key, pod.uid, grace=0)
        self._missing.pop(name, None)
        return None

    async def _evict(self, pod: PodView, taints: list[dict[str, Any]]) -> float | None:
        """Delete a pod that does not bear the taints; seconds that it still does."""
        stored = self._context.local.get(PODS, pod.key)
        if stored is None:
            return None
        document = stored.load()
        tolerations = document["spec"].get("tolerations") or []
        left: float | None = None
        for taint in taints:
            borne = _borne_for(tolerations, taint)
            if borne is None:
                continue
            added = seconds_of(taint.get("timeAdded")) or self._context.clock.wall()
            rest = added + borne - self._context.clock.wall()
            left = rest if left is None else min(left, rest)
        if left is None or left > 0:
            return left
        self._events.normal(
            reference(document), "TaintManagerEviction", f"Marking for deletion Pod {pod.key}"
        )
        await self._context.writer.delete(PODS, pod.key, pod.uid)
        return None


def _borne_for(tolerations: list[dict[str, Any]], taint: dict[str, Any]) -> float | None:
    """Seconds that a taint is tolerated; None for ever."""
    fitting = [
        entry
        for entry in tolerations
        if entry.get("effect", "") in ("", taint["effect"])
        and entry.get("key", "") in ("", taint["key"])
        and (entry.get("operator") == "Exists" or entry.get("value", "") == taint.get("value", ""))
    ]
    if not fitting:
        return float(_PATIENCE) if taint["key"] in (NOT_READY, UNREACHABLE) else 0.0
    limits = [entry["tolerationSeconds"] for entry in fitting if "tolerationSeconds" in entry]
    return float(max(min(limits), 0)) if limits else None
