"""A model's status, computed from the reports of its nodes: pure."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from ome.agent.protocol import FAILED, READY, UPDATING
from ome.api import names

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ome.controllers.basemodel.aggregate import ModelReports

__all__ = [
    "DEGRADED",
    "compute_status",
    "problem_of_uri",
    "same_status",
    "state_of",
    "write_interval",
]

DEGRADED = "Degraded"
_SCHEMES = ("oci", "pvc", "vendor", "hf", "s3", "az", "gs", "github", "local")


def problem_of_uri(uri: str) -> str:
    """Why a storage URI cannot be used; empty when its scheme is known."""
    scheme, found, rest = uri.partition("://")
    if found and scheme in _SCHEMES and rest:
        return ""
    known = ", ".join(f"{scheme}://" for scheme in _SCHEMES)
    return f"spec.storage.storageUri {uri!r} is no storage URI; it must begin with one of {known}"


def write_interval(status: Mapping[str, Any]) -> float:
    """Seconds between two writes of a status: one for each 1,000 names, at least one."""
    count = len(status.get("nodesReady") or ()) + len(status.get("nodesFailed") or ())
    return max(1.0, count / 1000)


def state_of(reports: ModelReports) -> str:
    """Ready when one node is, else Failed when one failed, else on its way."""
    if reports.nodes(READY):
        return "Ready"
    return "Failed" if reports.nodes(FAILED) else "In_Transit"


def compute_status(
    stored: Mapping[str, Any], reports: ModelReports, uri: str, *, wall: str
) -> dict[str, Any]:
    """The status to store; equal to ``stored`` when nothing that it says changed."""
    ready, failed = sorted(reports.nodes(READY)), sorted(reports.nodes(FAILED))
    updating = len(reports.nodes(UPDATING))
    state = state_of(reports)
    status = {
        key: value for key, value in stored.items() if key not in ("nodesReady", "nodesFailed")
    }
    status["state"] = state
    if ready:
        status["nodesReady"] = ready
    if failed:
        status["nodesFailed"] = failed
    status["nodesReadyCount"] = len(ready)
    status["nodesFailedCount"] = len(failed)
    status["nodesUpdatingCount"] = updating
    reason, problem = _problem(reports, uri)
    status["conditions"] = _conditions(
        stored.get("conditions") or (),
        {
            "Ready": (
                state == "Ready",
                _ready_reason(state, reason),
                _ready_message(ready, failed, updating, problem),
            ),
            DEGRADED: (bool(problem), reason or "NoProblem", problem),
        },
        wall,
    )
    return status


def _ready_reason(state: str, problem: str) -> str:
    if state == "Ready":
        return "NodesReady"
    if state == "Failed":
        return problem or names.REASON_DOWNLOAD_FAILED
    return problem or "InTransit"


def _ready_message(ready: list[str], failed: list[str], updating: int, problem: str) -> str:
    if ready:
        parts = [f"ready on {_nodes(len(ready))}"]
        if failed:
            parts.append(f"failed on {_nodes(len(failed))}")
        if updating:
            parts.append(f"updating on {_nodes(updating)}")
        return ", ".join(parts)
    if problem:
        return problem
    if updating:
        return f"updating on {_nodes(updating)}"
    return (
        "no node has reported yet; is an agent running on nodes that match storage.nodeSelector"
        " and storage.nodeAffinity?"
    )


def _nodes(count: int) -> str:
    return f"{count} node" if count == 1 else f"{count} nodes"


def _problem(reports: ModelReports, uri: str) -> tuple[str, str]:
    """The reason and one line of what is wrong: how many nodes, the first and its text."""
    invalid = problem_of_uri(uri)
    if invalid:
        return names.REASON_INVALID_STORAGE_URI, invalid
    by_reason: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for node, report in reports.reports.items():
        entry = report.entry
        if entry is None:
            continue
        if entry.error is not None and entry.error.reason:
            reason = entry.error.reason
            if reason not in (
                names.REASON_CREDENTIALS_NOT_FOUND,
                names.REASON_CONFIG_PARSE_FAILED,
            ):
                reason = names.REASON_DOWNLOAD_FAILED
            by_reason[reason].append((node, entry.error.message or entry.error.reason))
        elif entry.status == FAILED:
            text = "the agent gave no reason; see its log on that node"
            by_reason[names.REASON_DOWNLOAD_FAILED].append((node, text))
    if not by_reason:
        return "", ""
    reason = max(sorted(by_reason), key=lambda name: len(by_reason[name]))
    node, text = min(by_reason[reason])
    return reason, f"{_nodes(len(by_reason[reason]))} failed, first {node}: {text}"


def _conditions(
    stored: Any, wanted: Mapping[str, tuple[bool, str, str]], wall: str
) -> list[dict[str, Any]]:
    held = {entry["type"]: entry for entry in stored if entry.get("type")}
    for type_, (value, reason, message) in wanted.items():
        status = "True" if value else "False"
        before = held.get(type_)
        same = before is not None and before.get("status") == status
        changed = before["lastTransitionTime"] if same and before is not None else wall
        held[type_] = {
            "type": type_,
            "status": status,
            "reason": reason,
            "message": message,
            "lastTransitionTime": changed,
        }
    return [held[type_] for type_ in sorted(held)]


def same_status(left: Mapping[str, Any], right: Mapping[str, Any]) -> bool:
    """Whether two statuses say the same; an empty list is an absent one."""
    return {key: value for key, value in left.items() if value != []} == {
        key: value for key, value in right.items() if value != []
    }
