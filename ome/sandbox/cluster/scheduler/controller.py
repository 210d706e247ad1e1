"""Pods without a node wait here, by what they ask; one change may let the first of a kind try.

Pods that ask the same fail the same: when one of a kind fits nowhere the others of the kind wait
behind it, and a change of a node wakes one of them, whose success wakes the next. So a full cluster
with thousands of waiting pods costs a look at each waiting kind for each change, not at each pod.

A node is taken in the books before the server is told; when the server refuses it is given back.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from typing import TYPE_CHECKING, Any

from ome.kube.resources import NODES, PODS
from ome.sandbox.cluster.context import Component
from ome.sandbox.cluster.objects import condition
from ome.sandbox.cluster.scheduler.choosing import Chooser
from ome.sandbox.cluster.scheduler.demand import Demand, demand_of
from ome.sandbox.cluster.scheduler.fitting import misfit
from ome.sandbox.cluster.scheduler.machines import Machines
from ome.sandbox.cluster.scheduler.neighbours import Neighbours
from ome.sandbox.cluster.writer import Writer
from ome.sandbox.refusal import Refused

if TYPE_CHECKING:
    from ome.kube.resource import ObjectKey
    from ome.sandbox.cluster.context import Context
    from ome.sandbox.cluster.pods import PodView
    from ome.sandbox.cluster.scheduler.machines import Machine
    from ome.sandbox.stored import Stored

__all__ = ["Scheduler"]

_KINDS = 4096


class _Kind:
    """Pods that ask the same and fit nowhere at present."""

    __slots__ = ("demand", "message", "pods")

    def __init__(self, demand: Demand, message: str) -> None:
        self.demand = demand
        self.message = message
        self.pods: deque[ObjectKey] = deque()


class Scheduler(Component):
    """Gives pods their nodes."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._loop = context.loop("scheduler", self._schedule)
        self._writer = Writer(context.local, "kube-scheduler")
        self._events = context.events.teller(
            "default-scheduler", "default-scheduler-sandbox", new_style=True
        )
        self._machines = Machines()
        self._neighbours = Neighbours(self._machines)
        self._chooser = Chooser(self._machines, self._neighbours)
        self._demands: OrderedDict[bytes, Demand] = OrderedDict()
        self._placed: dict[ObjectKey, tuple[str, str]] = {}
        """Uid and node of each pod that the books count."""
        self._waiting: dict[ObjectKey, _Kind] = {}
        self._kinds: dict[bytes, _Kind] = {}
        context.local.subscribe(NODES, self._node_changed)
        context.pods.on_change(self._pod_changed)

    async def run(self) -> None:
        await self._loop.run()

    # What changed

    def _node_changed(self, old: Stored | None, new: Stored | None) -> None:
        if new is None:
            assert old is not None
            self._machines.gone(old.key.name)
            return
        machine = self._machines.changed(new)
        if machine is not None:
            self._better(machine)

    def _pod_changed(self, old: PodView | None, new: PodView | None) -> None:
        present = new or old
        assert present is not None
        placed = self._placed.get(present.key)
        if new is None or new.finished or (placed is not None and placed[0] != new.uid):
            self._give_back(present.key)
            placed = None
        if new is None or new.finished or (new.deleting and not new.node):
            self._unpark(present.key)
            return
        if new.node:
            self._unpark(new.key)
            if placed is None or placed[1] != new.node:
                self._give_back(new.key)
                self._book(new, self._demand(new), new.node)
            elif old is not None and old.labels != new.labels:
                self._machines.named(new.node).renew(new)
        elif placed is None and (old is None or _differ(old, new)):
            self._unpark(new.key)
            self._loop.add(new.key)

    def _book(self, pod: PodView, demand: Demand, node: str) -> None:
        self._machines.named(node).take(pod, demand)
        self._neighbours.note(pod.key, demand, node)
        self._placed[pod.key] = (pod.uid, node)
        for kind in list(self._kinds.values()):
            if kind.demand.affinity:
                # Perhaps this is the company that a pod waits for.
                self._wake(kind)

    def _give_back(self, key: ObjectKey) -> None:
        placed = self._placed.pop(key, None)
        if placed is None:
            return
        machine = self._machines.named(placed[1])
        machine.give_back(key)
        self._neighbours.drop(key)
        self._better(machine)

    def _better(self, machine: Machine) -> None:
        """A node changed for the better, perhaps: whoever fits it now may try."""
        self._chooser.better(machine)
        if not machine.exists:
            return
        for kind in list(self._kinds.values()):
            if misfit(kind.demand, machine) is None:
                self._wake(kind)

    def _wake(self, kind: _Kind) -> None:
        if kind.pods:
            self._loop.add(kind.pods[0])

    def _unpark(self, key: ObjectKey) -> None:
        kind = self._waiting.pop(key, None)
        if kind is None:
            return
        kind.pods.remove(key)
        if kind.pods:
            self._wake(kind)
        else:
            self._kinds.pop(kind.demand.signature, None)

    def _demand(self, pod: PodView) -> Demand:
        stored = self._context.local.get(PODS, pod.key)
        assert stored is not None
        demand = demand_of(stored, self._demands)
        self._demands.move_to_end(demand.signature)
        while len(self._demands) > _KINDS:
            self._demands.popitem(last=False)
        return demand

    # One pod

    async def _schedule(self, key: ObjectKey) -> None:
        pod = self._context.pods.get(key)
        if pod is None or pod.node or pod.deleting or pod.finished:
            return
        demand = self._demand(pod)
        if demand.gated or not demand.mine:
            return
        kind = self._kinds.get(demand.signature)
        behind = kind is not None and self._waiting.get(key) is not kind
        if kind is not None and behind:
            await self._park(pod, kind)
            return
        machine = self._chooser.choose(pod, demand)
        if machine is None:
            message = self._chooser.why_not(pod, demand)
            if kind is None:
                kind = self._kinds[demand.signature] = _Kind(demand, message)
            kind.message = message
            await self._park(pod, kind)
            return
        await self._place(pod, demand, machine)

    async def _place(self, pod: PodView, demand: Demand, machine: Machine) -> None:
        self._book(pod, demand, machine.name)
        # Out of line before the server is told: its answer is already an event of the index.
        kind = self._waiting.pop(pod.key, None)
        if kind is not None:
            kind.pods.remove(pod.key)
            if not kind.pods:
                self._kinds.pop(demand.signature, None)
        try:
            await self._context.local.bind(pod.key, machine.name)
        except Refused as refused:
            present = self._context.pods.get(pod.key)
            if present is None or not present.node:
                self._give_back(pod.key)
            if refused.code not in (404, 409):
                raise
            return
        finally:
            if kind is not None:
                self._wake(kind)
        text = f"Successfully assigned {pod.key} to {machine.name}"
        self._events.normal(self._about(pod), "Scheduled", text, "Binding")

    async def _park(self, pod: PodView, kind: _Kind) -> None:
        if self._waiting.get(pod.key) is not kind:
            self._waiting[pod.key] = kind
            kind.pods.append(pod.key)
        now, generation = self._context.now, pod.generation

        def report(document: dict[str, Any]) -> bool:
            if document["spec"].get("nodeName"):
                return False
            status = document.setdefault("status", {})
            held = condition(status, "PodScheduled")
            if held is not None and held.get("message") == kind.message:
                return False
            entry = {
                "type": "PodScheduled",
                "status": "False",
                "reason": "Unschedulable",
                "message": kind.message,
                "observedGeneration": generation,
                "lastProbeTime": None,
                "lastTransitionTime": held["lastTransitionTime"]
                if held is not None and held["status"] == "False"
                else now,
            }
            others = [c for c in status.get("conditions") or () if c["type"] != "PodScheduled"]
            status["conditions"] = [*others, entry]
            return True

        about = self._about(pod)
        if await self._writer.change(PODS, pod.key, pod.uid, report, "status") is not None:
            self._events.warning(about, "FailedScheduling", kind.message, "Scheduling")

    def _about(self, pod: PodView) -> dict[str, Any]:
        stored = self._context.local.get(PODS, pod.key)
        return {
            "kind": "Pod",
            "namespace": pod.key.namespace,
            "name": pod.key.name,
            "uid": pod.uid,
            "apiVersion": "v1",
            "resourceVersion": str(stored.version if stored is not None else 0),
        }


def _differ(old: PodView, new: PodView) -> bool:
    """Whether a pod that waits may now be judged otherwise."""
    return old.uid != new.uid or old.generation != new.generation or old.labels != new.labels
