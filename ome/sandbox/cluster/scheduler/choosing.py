"""The best node for pods of one kind, without looking at all nodes for each of them.

For each demand there is a heap of nodes by score. Scores only fall while pods come, so the top is
looked at again before it is believed, and put back lower when it fell. A node that does not fit is
left out until something changes on it. So the pods of a large Deployment cost a few looks each,
and only the first of them a look at every node.
"""

from __future__ import annotations

import heapq
from collections import OrderedDict
from typing import TYPE_CHECKING

from ome.sandbox.cluster.scheduler.fitting import explained, misfit, score

if TYPE_CHECKING:
    from ome.sandbox.cluster.pods import PodView
    from ome.sandbox.cluster.scheduler.demand import Demand
    from ome.sandbox.cluster.scheduler.machines import Machine, Machines
    from ome.sandbox.cluster.scheduler.neighbours import Neighbours

__all__ = ["Chooser"]

_HEAPS = 16
"""Kinds of pods whose nodes are kept in order; each costs some 100 bytes for each node."""


class Chooser:
    """Chooses nodes; told of every node that may have become better."""

    def __init__(self, machines: Machines, neighbours: Neighbours) -> None:
        self._machines = machines
        self._neighbours = neighbours
        self._heaps: OrderedDict[bytes, tuple[Demand, list[tuple[float, int, str]]]] = OrderedDict()

    def choose(self, pod: PodView, demand: Demand) -> Machine | None:
        """The node that is best for a pod, or None when it fits nowhere."""
        if self._neighbours.concern(pod, demand):
            return self._look_everywhere(pod, demand)
        heap = self._heap(demand)
        while heap:
            negative, number, name = heap[0]
            machine = self._machines.find(name)
            if machine is None or not machine.exists or misfit(demand, machine) is not None:
                heapq.heappop(heap)
                continue
            now = -score(demand, machine)
            if now <= negative:
                return machine
            heapq.heapreplace(heap, (now, number, name))
        return None

    def why_not(self, pod: PodView, demand: Demand) -> str:
        """The message for a pod that ``choose`` had no node for."""
        judge = self._neighbours.judge(pod, demand)
        found = []
        for machine in self._machines.all():
            wrong = misfit(demand, machine) or judge.misfit(machine)
            if wrong is not None:
                found.append(wrong)
        return explained(found)

    def better(self, machine: Machine) -> None:
        """Something was given back on a node, or it changed."""
        if not machine.exists:
            return
        for demand, heap in self._heaps.values():
            if misfit(demand, machine) is None:
                heapq.heappush(heap, (-score(demand, machine), machine.number, machine.name))
                if len(heap) > 4 * self._machines.existing + 64:
                    heap[:] = self._ordered(demand)

    def _heap(self, demand: Demand) -> list[tuple[float, int, str]]:
        held = self._heaps.get(demand.signature)
        if held is None:
            held = self._heaps[demand.signature] = (demand, self._ordered(demand))
            if len(self._heaps) > _HEAPS:
                self._heaps.popitem(last=False)
        self._heaps.move_to_end(demand.signature)
        return held[1]

    def _ordered(self, demand: Demand) -> list[tuple[float, int, str]]:
        heap = [
            (-score(demand, machine), machine.number, machine.name)
            for machine in self._machines.all()
            if misfit(demand, machine) is None
        ]
        heapq.heapify(heap)
        return heap

    def _look_everywhere(self, pod: PodView, demand: Demand) -> Machine | None:
        judge = self._neighbours.judge(pod, demand)
        best: tuple[float, int, Machine] | None = None
        for machine in self._machines.all():
            if misfit(demand, machine) is not None or judge.misfit(machine) is not None:
                continue
            entry = (-score(demand, machine), machine.number, machine)
            if best is None or entry[:2] < best[:2]:
                best = entry
        return best[2] if best else None
