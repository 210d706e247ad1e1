"""The status of a Deployment: counts, and conditions that tell how its rollout goes. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ome.sandbox.cluster.deployments.rolling import bounds_of
from ome.sandbox.cluster.objects import condition, seconds_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = [
    "Moment",
    "complete",
    "counts",
    "deadline_in",
    "paused_condition",
    "rollout_conditions",
    "set_condition",
]

_COUNTS = ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas")
_DONE = "NewReplicaSetAvailable"
_LATE = "ProgressDeadlineExceeded"
_PAUSED = ("DeploymentPaused", "DeploymentResumed")


@dataclass(frozen=True, slots=True)
class Moment:
    """Now, as a stamp and as a number."""

    stamp: str
    wall: float


def counts(
    deployment: Mapping[str, Any],
    new: Mapping[str, Any] | None,
    all_sets: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:
    """The numbers of the status, summed up over the ReplicaSets."""
    old = deployment.get("status") or {}
    total = _sum(all_sets, "replicas")
    available = _sum(all_sets, "availableReplicas")
    status = {
        "observedGeneration": deployment["metadata"].get("generation", 0),
        "replicas": total,
        "updatedReplicas": _sum([new] if new else [], "replicas"),
        "readyReplicas": _sum(all_sets, "readyReplicas"),
        "availableReplicas": available,
        "unavailableReplicas": max(_wanted(all_sets) - available, 0),
    }
    status = {name: value for name, value in status.items() if value}
    status["terminatingReplicas"] = _sum(all_sets, "terminatingReplicas")
    if old.get("collisionCount"):
        status["collisionCount"] = old["collisionCount"]
    return status


def complete(deployment: Mapping[str, Any], status: Mapping[str, Any]) -> bool:
    """Whether all pods are of the newest template and available."""
    replicas = deployment["spec"].get("replicas", 1)
    return bool(
        status.get("updatedReplicas", 0) == replicas
        and status.get("replicas", 0) == replicas
        and status.get("availableReplicas", 0) == replicas
        and status.get("observedGeneration", 0) >= deployment["metadata"].get("generation", 0)
    )


def rollout_conditions(
    deployment: Mapping[str, Any],
    status: Mapping[str, Any],
    new: Mapping[str, Any] | None,
    failures: Sequence[Mapping[str, Any]],
    now: Moment,
) -> list[dict[str, Any]]:
    """Available, Progressing and ReplicaFailure."""
    old = deployment.get("status") or {}
    conditions = list(old.get("conditions") or ())
    if status.get("availableReplicas", 0) >= bounds_of(deployment["spec"]).fewest:
        entry = ("Available", "True", "MinimumReplicasAvailable",
                 "Deployment has minimum availability.")  # fmt: skip
    else:
        entry = ("Available", "False", "MinimumReplicasUnavailable",
                 "Deployment does not have minimum availability.")  # fmt: skip
    conditions = set_condition(conditions, *entry, now.stamp)
    held = condition({"conditions": conditions}, "Progressing")
    was_complete = (
        status.get("replicas", 0) == status.get("updatedReplicas", 0)
        and held is not None
        and held["reason"] == _DONE
    )
    resting = deployment["spec"].get("paused", False)
    if _has_deadline(deployment) and not was_complete and not resting:
        conditions = _progress(deployment, old, status, new, conditions, now)
    conditions = [entry for entry in conditions if entry["type"] != "ReplicaFailure"]
    if failures:
        failure = failures[0]
        conditions = set_condition(
            conditions, "ReplicaFailure", failure["status"], failure["reason"],
            failure["message"], now.stamp,
        )  # fmt: skip
    return conditions


def paused_condition(
    deployment: Mapping[str, Any], conditions: list[dict[str, Any]], now: str
) -> list[dict[str, Any]]:
    """With what Progressing says when the rollout is paused or goes on."""
    held = condition({"conditions": conditions}, "Progressing")
    if not _has_deadline(deployment) or (held is not None and held["reason"] == _LATE):
        return conditions
    paused = deployment["spec"].get("paused", False)
    was = held is not None and held["reason"] == "DeploymentPaused"
    if paused and not was:
        entry = ("DeploymentPaused", "Deployment is paused")
    elif not paused and was:
        entry = ("DeploymentResumed", "Deployment is resumed")
    else:
        return conditions
    return set_condition(conditions, "Progressing", "Unknown", *entry, now)


def deadline_in(
    deployment: Mapping[str, Any], status: Mapping[str, Any], wall: float
) -> float | None:
    """Seconds until a rollout that makes no progress is late; None when there is nothing to wait
    for."""
    held = condition(status, "Progressing")
    if held is None or not _has_deadline(deployment) or complete(deployment, status):
        return None
    if held["reason"] in (_LATE, _DONE, "DeploymentPaused"):
        return None
    due = seconds_of(held.get("lastUpdateTime")) + _deadline(deployment)
    return max(due - wall, 0.0) + 1.0


def set_condition(
    conditions: list[dict[str, Any]], type_: str, status: str, reason: str, message: str, now: str
) -> list[dict[str, Any]]:
    """The conditions with this one; what says the same already stays as it is."""
    old = condition({"conditions": conditions}, type_)
    if old is not None and (old["status"], old["reason"]) == (status, reason):
        return conditions
    same = old is not None and old["status"] == status
    entry = {
        "type": type_,
        "status": status,
        "lastUpdateTime": now,
        "lastTransitionTime": old["lastTransitionTime"] if old is not None and same else now,
        "reason": reason,
        "message": message,
    }
    return [held for held in conditions if held["type"] != type_] + [entry]


def _progress(
    deployment: Mapping[str, Any],
    old: Mapping[str, Any],
    status: Mapping[str, Any],
    new: Mapping[str, Any] | None,
    conditions: list[dict[str, Any]],
    now: Moment,
) -> list[dict[str, Any]]:
    name = deployment["metadata"]["name"]
    what = f'ReplicaSet "{new["metadata"]["name"]}"' if new else f'Deployment "{name}"'
    if complete(deployment, status):
        said = ("True", _DONE, f"{what} has successfully progressed.")
        return set_condition(conditions, "Progressing", *said, now.stamp)
    if _moved(old, status):
        said = ("True", "ReplicaSetUpdated", f"{what} is progressing.")
        # Its update time counts for the deadline, so it is written anew each time.
        held = condition({"conditions": conditions}, "Progressing")
        others = [entry for entry in conditions if entry["type"] != "Progressing"]
        fresh = set_condition([], "Progressing", *said, now.stamp)
        if held is not None and held["status"] == "True":
            fresh[0]["lastTransitionTime"] = held["lastTransitionTime"]
        return others + fresh
    if _late(deployment, old, status, conditions, now):
        said = ("False", _LATE, f"{what} has timed out progressing.")
        return set_condition(conditions, "Progressing", *said, now.stamp)
    return conditions


def _moved(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Whether there are more new pods or fewer old ones than before."""

    def older(status: Mapping[str, Any]) -> int:
        replicas: int = status.get("replicas", 0) - status.get("updatedReplicas", 0)
        return replicas

    return any(new.get(name, 0) > old.get(name, 0) for name in _COUNTS[1:]) or older(new) < older(
        old
    )


def _late(
    deployment: Mapping[str, Any],
    old: Mapping[str, Any],
    status: Mapping[str, Any],
    conditions: list[dict[str, Any]],
    now: Moment,
) -> bool:
    held = condition({"conditions": conditions}, "Progressing")
    if held is None or held["reason"] in (_DONE, *_PAUSED[:1]):
        return False
    if held["reason"] == _LATE:
        return True
    return now.wall > seconds_of(held.get("lastUpdateTime")) + _deadline(deployment)


def _deadline(deployment: Mapping[str, Any]) -> float:
    return float(deployment["spec"]["progressDeadlineSeconds"])


def _has_deadline(deployment: Mapping[str, Any]) -> bool:
    return "progressDeadlineSeconds" in deployment["spec"] and (
        deployment["spec"]["progressDeadlineSeconds"] != 2**31 - 1
    )


def _sum(sets: Sequence[Mapping[str, Any]], name: str) -> int:
    return sum((entry.get("status") or {}).get(name, 0) for entry in sets)


def _wanted(sets: Sequence[Mapping[str, Any]]) -> int:
    return sum(entry["spec"].get("replicas", 1) for entry in sets)
