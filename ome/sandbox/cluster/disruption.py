"""PodDisruptionBudgets: how many pods may be evicted now."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from ome.kube.resource import ObjectKey
from ome.kube.resources import DEPLOYMENTS, JOBS, PDBS, REPLICA_SETS
from ome.sandbox.cluster.context import Component
from ome.sandbox.cluster.objects import condition, controller_of, head_of, reference
from ome.sandbox.cluster.resources import STATEFUL_SETS
from ome.sandbox.cluster.selections import Selections
from ome.sandbox.selectors import selector_of

if TYPE_CHECKING:
    from ome.kube.resource import Resource
    from ome.sandbox.cluster.context import Context
    from ome.sandbox.cluster.objects import OwnerRef
    from ome.sandbox.cluster.pods import PodView
    from ome.sandbox.stored import Stored

__all__ = ["Disruption"]

_PAUSE = 0.25
_SCALED = (REPLICA_SETS, STATEFUL_SETS, DEPLOYMENTS)


class Disruption(Component):
    """The disruption controller."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._loop = context.loop("disruption", self._sync)
        self._events = context.events.teller("controllermanager")
        self._selections = Selections(context.pods, self._touched)
        context.local.subscribe(PDBS, self._changed)

    async def run(self) -> None:
        await self._loop.run()

    def _touched(self, key: ObjectKey) -> None:
        self._loop.add_debounced(key, _PAUSE)

    def _changed(self, old: Stored | None, new: Stored | None) -> None:
        present = new or old
        assert present is not None
        selector = (new.load().get("spec") or {}).get("selector") if new is not None else None
        self._selections.set(present.key, selector_of(selector) if selector is not None else None)
        self._loop.add(present.key)

    async def _sync(self, key: ObjectKey) -> None:
        stored = self._context.local.get(PDBS, key)
        if stored is None:
            return
        budget = stored.load()
        spec = budget.get("spec") or {}
        pods = [pod for pod in self._selections.pods_of(key) if not pod.finished]
        if not pods:
            self._events.normal(reference(budget), "NoPods", "No matching pods found")
        healthy = sum(pod.ready and not pod.deleting for pod in pods)
        expected, wanted = self._wanted(spec, pods)
        allowed = max(healthy - wanted, 0) if expected else 0
        status = {
            "observedGeneration": budget["metadata"].get("generation", 0),
            "currentHealthy": healthy,
            "desiredHealthy": wanted,
            "expectedPods": expected,
            "disruptionsAllowed": allowed,
            "conditions": self._conditions(budget, allowed),
        }
        await self._context.writer.set_status(PDBS, key, stored.uid, status)

    def _wanted(self, spec: dict[str, Any], pods: list[PodView]) -> tuple[int, int]:
        """How many pods are expected, and how many of them must stay healthy."""
        most = spec.get("maxUnavailable")
        if most is not None:
            expected = self._expected(pods)
            return expected, max(expected - _part(most, expected), 0)
        fewest = spec.get("minAvailable", 1)
        if isinstance(fewest, str):
            expected = self._expected(pods)
            return expected, _part(fewest, expected)
        return len(pods), fewest

    def _expected(self, pods: list[PodView]) -> int:
        """The sum of what the controllers of the pods are scaled to."""
        found: dict[str, int] = {}
        for pod in pods:
            if pod.owner is not None and pod.owner.uid not in found:
                found[pod.owner.uid] = self._scale(pod.key.namespace, pod.owner)
        return sum(found.values())

    def _scale(self, namespace: str, owner: OwnerRef) -> int:
        resource: Resource | None = next(
            (entry for entry in _SCALED if (entry.group, entry.kind) == (owner.group, owner.kind)),
            None,
        )
        if resource is None and (owner.group, owner.kind) != (JOBS.group, JOBS.kind):
            resource = self._context.local.served(owner.group, owner.kind)
        if resource is None:
            return 0
        stored = self._context.local.get(resource, ObjectKey(namespace, owner.name))
        if stored is None or stored.uid != owner.uid:
            return 0
        above = controller_of(head_of(stored).ownerReferences)
        if resource == REPLICA_SETS and above is not None and above.kind == "Deployment":
            return self._scale(namespace, above)
        replicas: int = (stored.load().get("spec") or {}).get("replicas", 1)
        return replicas

    def _conditions(self, budget: dict[str, Any], allowed: int) -> list[dict[str, Any]]:
        held = condition(budget.get("status") or {}, "DisruptionAllowed")
        value = "True" if allowed > 0 else "False"
        same = held is not None and held["status"] == value
        return [
            {
                "type": "DisruptionAllowed",
                "status": value,
                "reason": "SufficientPods" if allowed > 0 else "InsufficientPods",
                "message": "",
                "observedGeneration": budget["metadata"].get("generation", 0),
                "lastTransitionTime": held["lastTransitionTime"]
                if held is not None and same
                else self._context.now,
            }
        ]


def _part(value: int | str, total: int) -> int:
    if isinstance(value, int):
        return value
    return math.ceil(int(value.rstrip("%")) * total / 100)
