"""Whether a pod fits on a node, how well, and if not, why. Pure but for what it is given."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ome.sandbox.cluster.scheduler.demand import Demand, Expression, NodeTerm, Toleration
    from ome.sandbox.cluster.scheduler.machines import Machine, Taint

__all__ = ["Misfit", "explained", "matches_node", "misfit", "score", "tolerates"]

_UNSCHEDULABLE = "node.kubernetes.io/unschedulable"


class Misfit(NamedTuple):
    """Why a node cannot have a pod, and whether no eviction could change that."""

    reasons: tuple[str, ...]
    hopeless: bool


def misfit(demand: Demand, machine: Machine) -> Misfit | None:
    """Why the node cannot have the pod, as the scheduler words it; None when it can.

    As there, the first kind of reason hides the later ones.
    """
    if machine.unschedulable and not _tolerates_key(demand.tolerations, _UNSCHEDULABLE):
        return Misfit(("node(s) were unschedulable",), True)
    for taint in machine.taints:
        if taint.effect != "PreferNoSchedule" and not tolerates(demand.tolerations, taint):
            return Misfit(("node(s) had untolerated taint(s)",), True)
    if not matches_node(demand, machine):
        return Misfit(("node(s) didn't match Pod's node affinity/selector",), True)
    if any(machine.ports.get(port) for port in demand.ports):
        return Misfit(("node(s) didn't have free ports for the requested pod ports",), False)
    return _lacking(demand, machine)


def matches_node(demand: Demand, machine: Machine) -> bool:
    """Whether the node is one of those that the pod asks for."""
    labels = machine.labels
    if any(labels.get(name) != value for name, value in demand.node_selector.items()):
        return False
    if demand.required is None:
        return True
    return any(_term(term, machine) for term in demand.required)


def tolerates(tolerations: Iterable[Toleration], taint: Taint) -> bool:
    """Whether one of the tolerations is of this taint."""
    return any(
        (not toleration.effect or toleration.effect == taint.effect)
        and (not toleration.key or toleration.key == taint.key)
        and (toleration.operator == "Exists" or toleration.value == taint.value)
        for toleration in tolerations
    )


def score(demand: Demand, machine: Machine) -> float:
    """How well a node that fits does: higher is better.

    First what the pod prefers, then how little of what it asks for is taken, pods counted with it.
    """
    preferred = sum(entry.weight for entry in demand.preferred if _term(entry.preference, machine))
    free = 0.0
    for name, value in demand.counted.items():
        total = machine.allocatable.get(name, 0)
        if total:
            free += max(total - machine.used.get(name, 0) - value, 0) / total
    pods = machine.allocatable.get("pods", 1) or 1
    free += max(pods - len(machine.pods), 0) / pods
    return preferred * 100.0 + free / (len(demand.counted) + 1)


def explained(all_misfits: Iterable[Misfit]) -> str:
    """The message of a pod that fits nowhere, from what each node said."""
    reasons: Counter[str] = Counter()
    nodes = hopeless = 0
    for found in all_misfits:
        reasons.update(found.reasons)
        nodes += 1
        hopeless += found.hopeless
    if not nodes:
        return "no nodes available to schedule pods"
    head = f"0/{nodes} nodes are available"
    evictions = {
        "No preemption victims found for incoming pod": nodes - hopeless,
        "Preemption is not helpful for scheduling": hopeless,
    }
    said, helps = _listed(reasons), _listed(evictions)
    return f"{head}: {said}. no new claims to deallocate, preemption: {head}: {helps}."


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(sorted(f"{count} {reason}" for reason, count in counts.items() if count))


def _lacking(demand: Demand, machine: Machine) -> Misfit | None:
    lacking = []
    hopeless = False
    if len(machine.pods) + 1 > machine.allocatable.get("pods", 0):
        lacking.append("Too many pods")
    for name, value in demand.requests.items():
        total = machine.allocatable.get(name, 0)
        if value > total - machine.used.get(name, 0):
            lacking.append(f"Insufficient {name}")
            hopeless = hopeless or value > total
    return Misfit(tuple(lacking), hopeless) if lacking else None


def _term(term: NodeTerm, machine: Machine) -> bool:
    expressions, fields = term.matchExpressions or (), term.matchFields or ()
    if not expressions and not fields:
        return False
    name = {"metadata.name": machine.name}
    return all(_holds(entry, machine.labels) for entry in expressions) and all(
        _holds(entry, name) for entry in fields
    )


def _holds(expression: Expression, labels: Mapping[str, str]) -> bool:
    value = labels.get(expression.key)
    match expression.operator:
        case "In":
            return value in expression.values
        case "NotIn":
            return value not in expression.values
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
        case _:
            try:
                left, right = int(value or ""), int(expression.values[0])
            except ValueError:
                return False
            return left > right if expression.operator == "Gt" else left < right


def _tolerates_key(tolerations: Iterable[Toleration], key: str) -> bool:
    return any(
        toleration.operator == "Exists"
        and toleration.key in ("", key)
        and toleration.effect in ("", "NoSchedule")
        for toleration in tolerations
    )
