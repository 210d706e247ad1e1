"""A model's status, computed from the reports of its nodes: pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ome.agent.protocol import FAILED, READY, UPDATING
from ome.controllers.basemodel.problems import in_one, nodes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ome.controllers.basemodel.aggregate import ModelReports
    from ome.controllers.basemodel.problems import Problem

__all__ = [
    "DEGRADED",
    "DISABLED",
    "NOBODY",
    "compute_status",
    "condition",
    "same_status",
    "state_of",
    "write_interval",
]

DEGRADED = "Degraded"
"""True while something is wrong on any node, also when the model is ready on others."""

NOBODY = (
    "no node has reported yet; is an agent running on nodes that match storage.nodeSelector and"
    " storage.nodeAffinity?"
)

DISABLED = (
    "spec.disabled is true, so no node fetches it and services that name it are not Ready; set it"
    " to false to have it fetched"
)


def write_interval(status: Mapping[str, Any]) -> float:
    """Seconds between two writes of a status: one for each 1,000 names, at least one."""
    count = len(status.get("nodesReady") or ()) + len(status.get("nodesFailed") or ())
    return max(1.0, count / 1000)


def state_of(reports: ModelReports) -> str:
    """Ready when one node is, else Failed when one failed, else on its way."""
    if reports.count(READY):
        return "Ready"
    return "Failed" if reports.count(FAILED) else "In_Transit"


def compute_status(
    stored: Mapping[str, Any],
    reports: ModelReports,
    found: Sequence[Problem],
    *,
    wall: str,
    disabled: bool = False,
) -> dict[str, Any]:
    """The status to store; equal to ``stored`` when nothing that it says changed.

    ``found`` is what is wrong, the worst first. Members that are not ours stay as they are.
    ``disabled``: nodes are not to fetch it.
    """
    ready, failed = reports.nodes(READY), reports.nodes(FAILED)
    status = {
        key: value for key, value in stored.items() if key not in ("nodesReady", "nodesFailed")
    }
    status["state"] = state_of(reports)
    if ready:
        status["nodesReady"] = ready
    if failed:
        status["nodesFailed"] = failed
    status["nodesReadyCount"] = len(ready)
    status["nodesFailedCount"] = len(failed)
    status["nodesUpdatingCount"] = reports.count(UPDATING)
    reason, message = _readiness(status, found, DISABLED if disabled else NOBODY)
    wanted = {
        "Ready": (bool(ready), reason, message),
        DEGRADED: (bool(found), found[0].reason if found else "NoProblem", in_one(found)),
    }
    status["conditions"] = _conditions(stored.get("conditions") or (), wanted, wall)
    return status


def _readiness(status: Mapping[str, Any], found: Sequence[Problem], nobody: str) -> tuple[str, str]:
    """Reason and message of ``Ready``; ``nobody`` is said while no node says anything."""
    counts = {
        "ready on": status["nodesReadyCount"],
        "failed on": status["nodesFailedCount"],
        "updating on": status["nodesUpdatingCount"],
    }
    counted = ", ".join(f"{words} {nodes(count)}" for words, count in counts.items() if count)
    if status["state"] == "Ready":
        return "NodesReady", counted
    fatal = next((problem for problem in found if problem.fails), None)
    if fatal is not None:
        return fatal.reason, fatal.text
    if counted:
        return "InTransit", f"{counted}; {nobody}" if nobody == DISABLED else counted
    return "InTransit", nobody


def _conditions(
    stored: Any, wanted: Mapping[str, tuple[bool, str, str]], wall: str
) -> list[dict[str, Any]]:
    held: dict[str, dict[str, Any]] = {
        entry["type"]: entry for entry in stored if entry.get("type")
    }
    for type_, (value, reason, message) in wanted.items():
        status = "True" if value else "False"
        before = held.get(type_, {})
        since = before.get("lastTransitionTime") if before.get("status") == status else None
        held[type_] = {
            "type": type_,
            "status": status,
            "reason": reason,
            "message": message,
            "lastTransitionTime": since or wall,
        }
    return [held[type_] for type_ in sorted(held)]


def condition(status: Mapping[str, Any], type_: str) -> dict[str, Any] | None:
    """A condition of a status, by its type."""
    held = status.get("conditions") or ()
    return next((entry for entry in held if entry.get("type") == type_), None)


def same_status(left: Mapping[str, Any], right: Mapping[str, Any]) -> bool:
    """Whether two statuses say the same; an empty list is an absent one."""
    return {key: value for key, value in left.items() if value != []} == {
        key: value for key, value in right.items() if value != []
    }
