"""Which nodes have which accelerator class, kept up to date by differences.

A node event that changes nothing that classes look at (a heartbeat) costs one comparison; one that
does costs the classes, never the nodes. Only a class that is new or whose spec changed looks at all
nodes. Sums are kept as sums. The whole always equals a recomputation.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ome.selection import accelerator_resource, memory_bytes
from ome.selection.capabilities import number

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from decimal import Decimal

    from ome.api import AcceleratorClassSpec

__all__ = ["Aggregate", "ClassNodes", "NodeFacts", "counts"]

_PLAIN = frozenset({"nvidia.com/gpu", "amd.com/gpu"})
_MIG = "nvidia.com/mig-"
_INTEL = "gpu.intel.com/"


@dataclass(frozen=True, slots=True)
class NodeFacts:
    """What classes look at in a node: labels, memory, and the extended resources it has."""

    labels: Mapping[str, str]
    memory: str = ""
    capacity: Mapping[str, str] = field(default_factory=dict)
    allocatable: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class ClassNodes:
    """The nodes of one class with the accelerators of each, and their sums."""

    nodes: dict[str, tuple[int, int]] = field(default_factory=dict)
    total: int = 0
    available: int = 0

    def put(self, node: str, found: tuple[int, int] | None) -> bool:
        """Replace what a node adds; whether anything changed."""
        before = self.nodes.get(node)
        if before == found:
            return False
        for sign, pair in ((-1, before), (1, found)):
            if pair is not None:
                self.total += sign * pair[0]
                self.available += sign * pair[1]
        if found is None:
            del self.nodes[node]
        else:
            self.nodes[node] = found
        return True


class Aggregate:
    """All nodes under all classes."""

    def __init__(self) -> None:
        self._nodes: dict[str, NodeFacts] = {}
        self._classes: dict[str, tuple[AcceleratorClassSpec, Decimal | None, ClassNodes]] = {}

    def nodes(self, name: str) -> ClassNodes:
        """The nodes of a class; none when the class is not known. Not to be changed."""
        held = self._classes.get(name)
        return ClassNodes() if held is None else held[2]

    def node(self, name: str, facts: NodeFacts | None) -> set[str]:
        """A node is now this, or gone (None); gives the classes whose nodes or sums changed."""
        if self._nodes.get(name) == facts:
            return set()
        if facts is None:
            del self._nodes[name]
        else:
            self._nodes[name] = facts
        return {
            class_name
            for class_name, (spec, memory, held) in self._classes.items()
            if held.put(name, None if facts is None else _found(spec, memory, facts))
        }

    def accelerator_class(self, name: str, spec: AcceleratorClassSpec | None) -> None:
        """A class is now this, or gone (None)."""
        before = self._classes.get(name)
        if spec is None:
            self._classes.pop(name, None)
            return
        if before is not None and before[0] == spec:
            return
        held, memory = ClassNodes(), memory_bytes(spec)
        for node, facts in self._nodes.items():
            held.put(node, _found(spec, memory, facts))
        self._classes[name] = (spec, memory, held)


def _found(
    spec: AcceleratorClassSpec, memory: Decimal | None, facts: NodeFacts
) -> tuple[int, int] | None:
    """The accelerators of a node, in all and allocatable; None when the class has it not."""
    labels = facts.labels
    for key, value in (spec.discovery.node_selector or {}).items():
        if labels.get(key, "") != value:
            return None
    if memory is not None and (number(facts.memory or "0") or 0) < memory:
        return None
    return counts(spec, facts.capacity), counts(spec, facts.allocatable)


def counts(spec: AcceleratorClassSpec, resources: Mapping[str, str]) -> int:
    """How many accelerators a list of resources holds, by the class's resource of a device."""
    return sum(int(number(resources[name]) or 0) for name in _counted(spec, resources))


def _counted(spec: AcceleratorClassSpec, resources: Mapping[str, str]) -> Iterator[str]:
    wanted = accelerator_resource(spec)
    if wanted:
        if wanted in resources:
            yield wanted
        return
    for name in resources:
        intel = name.startswith(_INTEL) and "memory" not in name.removeprefix(_INTEL)
        if name in _PLAIN or name.startswith(_MIG) or intel:
            yield name
