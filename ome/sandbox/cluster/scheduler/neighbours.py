"""Pods that seek or avoid each other: required affinity and anti-affinity between pods.

Few pods have such terms. Those on nodes are kept here, so that a pod without any costs a look at
an empty table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ome.sandbox.cluster.scheduler.demand import HOSTNAME
from ome.sandbox.cluster.scheduler.fitting import Misfit

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ome.kube.resource import ObjectKey
    from ome.sandbox.cluster.pods import PodView
    from ome.sandbox.cluster.scheduler.demand import Demand, Term
    from ome.sandbox.cluster.scheduler.machines import Machine, Machines

__all__ = ["Neighbours"]

_AFFINITY = Misfit(("node(s) didn't match pod affinity rules",), True)
_ANTI = Misfit(("node(s) didn't match pod anti-affinity rules",), False)
_EXISTING = Misfit(("node(s) didn't satisfy existing pods anti-affinity rules",), False)


class Neighbours:
    """Which domains a pod may not or must be in, from the pods that are on nodes."""

    def __init__(self, machines: Machines) -> None:
        self._machines = machines
        self._avoiding: dict[bytes, tuple[Demand, dict[ObjectKey, str]]] = {}
        self._filed: dict[ObjectKey, bytes] = {}

    def note(self, key: ObjectKey, demand: Demand, node: str) -> None:
        """A pod is on a node."""
        if demand.anti_affinity:
            self._avoiding.setdefault(demand.signature, (demand, {}))[1][key] = node
            self._filed[key] = demand.signature

    def drop(self, key: ObjectKey) -> None:
        """A pod is on no node any more."""
        signature = self._filed.pop(key, None)
        if signature is not None:
            nodes = self._avoiding[signature][1]
            del nodes[key]
            if not nodes:
                del self._avoiding[signature]

    def concern(self, pod: PodView, demand: Demand) -> bool:
        """Whether others have a say in where this pod may go."""
        return bool(demand.affinity or demand.anti_affinity) or any(
            term.matches(pod.key.namespace, pod.labels)
            for avoiding, _ in self._avoiding.values()
            for term in avoiding.anti_affinity
        )

    def judge(self, pod: PodView, demand: Demand) -> Judge:
        """Prepare to ask of many nodes whether the neighbours agree."""
        existing = {
            (term.key, value)
            for avoiding, nodes in self._avoiding.values()
            for term in avoiding.anti_affinity
            if term.matches(pod.key.namespace, pod.labels)
            for node in nodes.values()
            if (value := _domain(self._machines.named(node), term)) is not None
        }
        own = {
            (term.key, value)
            for term in demand.anti_affinity
            for machine in self._with(term)
            if (value := _domain(machine, term)) is not None
        }
        wanted = []
        for term in demand.affinity:
            domains = {_domain(machine, term) for machine in self._with(term)}
            # The first of a group has nobody to be near to.
            alone = not domains and term.matches(pod.key.namespace, pod.labels)
            wanted.append((term, None if alone else domains))
        return Judge(existing, own, wanted)

    def _with(self, term: Term) -> Iterator[Machine]:
        for machine in self._machines.all():
            if any(term.matches(pod.key.namespace, pod.labels) for _, pod in machine.pods.values()):
                yield machine


class Judge:
    """What the neighbours of one pod say of nodes."""

    def __init__(
        self,
        existing: set[tuple[str, str]],
        own: set[tuple[str, str]],
        wanted: list[tuple[Term, set[str | None] | None]],
    ) -> None:
        self._existing = existing
        self._own = own
        self._wanted = wanted

    def misfit(self, machine: Machine) -> Misfit | None:
        """Why the pod may not be on the node; None when it may."""
        for term, domains in self._wanted:
            value = _domain(machine, term)
            if value is None or (domains is not None and value not in domains):
                return _AFFINITY
        if self._own and _in(machine.labels, self._own):
            return _ANTI
        if self._existing and _in(machine.labels, self._existing):
            return _EXISTING
        return None


def _domain(machine: Machine, term: Term) -> str | None:
    if term.key == HOSTNAME:
        return machine.labels.get(HOSTNAME, machine.name)
    return machine.labels.get(term.key)


def _in(labels: Mapping[str, str], pairs: set[tuple[str, str]]) -> bool:
    return any(labels.get(key) == value for key, value in pairs)
