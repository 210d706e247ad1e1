"""The status of an accelerator class, from its nodes: pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ome.selection import memory_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ome.api import AcceleratorClassSpec
    from ome.controllers.acceleratorclass.aggregate import ClassNodes

__all__ = ["NODES_FOUND", "compute_status", "same_but_time"]

NODES_FOUND = "NodesFound"
"""True while a node has the accelerator; False says what was looked for."""

_COUNTED = ("nodes", "availableNodes", "totalAccelerators", "availableAccelerators")
_STAMP = "lastUpdated"


def compute_status(
    stored: Mapping[str, Any], spec: AcceleratorClassSpec, found: ClassNodes, *, wall: str
) -> dict[str, Any]:
    """The status to store; zero values are left out. ``wall`` is the time of a change."""
    counted: dict[str, Any] = {
        "nodes": sorted(found.nodes),
        "availableNodes": len(found.nodes),
        "totalAccelerators": found.total,
        "availableAccelerators": found.available,
    }
    status = {key: value for key, value in stored.items() if key not in _COUNTED}
    status |= {key: value for key, value in counted.items() if value}
    status["conditions"] = _conditions(stored.get("conditions") or (), spec, found, wall)
    if not same_but_time(stored, status):
        status[_STAMP] = wall
    return status


def same_but_time(left: Mapping[str, Any], right: Mapping[str, Any]) -> bool:
    """Whether two statuses say the same, ``lastUpdated`` left aside."""
    return {**left, _STAMP: ""} == {**right, _STAMP: ""}


def _conditions(
    stored: Any, spec: AcceleratorClassSpec, found: ClassNodes, wall: str
) -> list[dict[str, Any]]:
    held: dict[str, dict[str, Any]] = {item["type"]: item for item in stored if item.get("type")}
    status = "True" if found.nodes else "False"
    before = held.get(NODES_FOUND, {})
    same = before.get("status") == status
    held[NODES_FOUND] = {
        "type": NODES_FOUND,
        "status": status,
        "reason": "NodesFound" if found.nodes else "NoNodes",
        "message": _found(found) if found.nodes else _sought(spec),
        "lastTransitionTime": before.get("lastTransitionTime") if same else wall,
    }
    return [held[type_] for type_ in sorted(held)]


def _found(found: ClassNodes) -> str:
    nodes = len(found.nodes)
    text = f"{nodes} node{'' if nodes == 1 else 's'} with {found.total} accelerators"
    if found.total != found.available:
        text += f", {found.available} of them allocatable"
    if not found.total:
        text += "; do their device plugins run, and does spec.resources name what they offer?"
    return text


def _sought(spec: AcceleratorClassSpec) -> str:
    selector = spec.discovery.node_selector or {}
    wanted = [f"label {key}={value}" for key, value in sorted(selector.items())]
    if memory_bytes(spec) is not None:
        memory = spec.capabilities.memory_gb
        wanted.append(f"memory of at least {memory} (capabilities.memoryGB)")
    if not wanted:
        return "the cluster has no nodes"
    sought = " and ".join(wanted)
    return f"no node has {sought}; label nodes, or correct spec.discovery.nodeSelector"
