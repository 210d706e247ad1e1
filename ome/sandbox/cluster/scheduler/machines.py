"""Nodes as the scheduler counts them: what each has and what is taken of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from ome.sandbox.cluster.scheduler.demand import amount

if TYPE_CHECKING:
    from ome.kube.resource import ObjectKey
    from ome.sandbox.cluster.pods import PodView
    from ome.sandbox.cluster.scheduler.demand import Demand
    from ome.sandbox.stored import Stored

__all__ = ["Machine", "Machines", "Taint"]


class Taint(msgspec.Struct, frozen=True):
    key: str
    effect: str
    value: str = ""

    def __str__(self) -> str:
        return f"{self.key}: {self.value}"


class _Spec(msgspec.Struct):
    unschedulable: bool = False
    taints: tuple[Taint, ...] | None = None


class _Status(msgspec.Struct):
    allocatable: dict[str, str | int | float] | None = None


class _Node(msgspec.Struct):
    spec: _Spec = msgspec.field(default_factory=_Spec)
    status: _Status = msgspec.field(default_factory=_Status)


_decode = msgspec.json.Decoder(_Node).decode


class Machine:
    """One node."""

    __slots__ = (
        "allocatable",
        "change",
        "exists",
        "labels",
        "name",
        "number",
        "pods",
        "ports",
        "taints",
        "unschedulable",
        "used",
    )

    def __init__(self, name: str, number: int) -> None:
        self.name = name
        self.number = number
        """In the order in which nodes came: among equals the first is taken."""
        self.exists = False
        self.labels: dict[str, str] = {}
        self.taints: tuple[Taint, ...] = ()
        self.unschedulable = False
        self.allocatable: dict[str, int] = {}
        self.used: dict[str, int] = {}
        self.ports: dict[tuple[str, int], int] = {}
        self.pods: dict[ObjectKey, tuple[Demand, PodView]] = {}
        self.change = 0
        """Counts changes: what was computed before is not true any more."""

    def take(self, pod: PodView, demand: Demand) -> None:
        """A pod is on the node."""
        self.pods[pod.key] = (demand, pod)
        self._count(demand, 1)

    def give_back(self, key: ObjectKey) -> bool:
        """A pod is not on the node any more; False when it was not."""
        held = self.pods.pop(key, None)
        if held is None:
            return False
        self._count(held[0], -1)
        return True

    def renew(self, pod: PodView) -> None:
        """A pod on the node has other labels."""
        held = self.pods.get(pod.key)
        if held is not None:
            self.pods[pod.key] = (held[0], pod)

    def _count(self, demand: Demand, sign: int) -> None:
        for name, value in demand.requests.items():
            self.used[name] = self.used.get(name, 0) + sign * value
        for port in demand.ports:
            self.ports[port] = self.ports.get(port, 0) + sign
        self.change += 1

    def describe(self, stored: Stored) -> bool:
        """Take in what is said of the node; False when nothing of it matters here."""
        node = _decode(stored.raw)
        allocatable = {
            name: amount(name, value) for name, value in (node.status.allocatable or {}).items()
        }
        taints = node.spec.taints or ()
        labels = dict(stored.labels)
        fresh = (True, labels, taints, node.spec.unschedulable, allocatable)
        present = (self.exists, self.labels, self.taints, self.unschedulable, self.allocatable)
        if fresh == present:
            return False
        self.exists, self.labels, self.taints, self.unschedulable, self.allocatable = fresh
        self.change += 1
        return True


class Machines:
    """All nodes by name."""

    def __init__(self) -> None:
        self._machines: dict[str, Machine] = {}
        self._count = 0
        self.existing = 0

    def named(self, name: str) -> Machine:
        """The node of a name, which need not exist (yet)."""
        found = self._machines.get(name)
        if found is None:
            found = self._machines[name] = Machine(name, self._count)
            self._count += 1
        return found

    def find(self, name: str) -> Machine | None:
        """The node of a name, if anything is known of it."""
        return self._machines.get(name)

    def all(self) -> list[Machine]:
        """Those that exist, in their order."""
        return [machine for machine in self._machines.values() if machine.exists]

    def changed(self, stored: Stored) -> Machine | None:
        """A node is there or changed; None when nothing of it matters."""
        machine = self.named(stored.key.name)
        was = machine.exists
        changed = machine.describe(stored)
        self.existing += not was
        return machine if changed else None

    def gone(self, name: str) -> Machine:
        """A node does not exist any more; its pods are still counted on it."""
        machine = self.named(name)
        self.existing -= machine.exists
        machine.exists = False
        machine.change += 1
        if not machine.pods:
            del self._machines[name]
        return machine
