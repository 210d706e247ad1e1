"""Rows of what makes pods, and of what scales and guards it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ome.sandbox.tables.ages import age, duration, seconds_of
from ome.sandbox.tables.shared import NONE, UNSET, containers, count_more, name, selector

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["autoscaler", "budget", "deployment", "job", "replica_set", "stateful_set"]


def deployment(document: Mapping[str, Any], now: float) -> list[Any]:
    """The cells of a Deployment."""
    spec, status = document["spec"], document.get("status") or {}
    return [
        name(document),
        f"{status.get('readyReplicas', 0)}/{spec.get('replicas', 0)}",
        status.get("updatedReplicas", 0),
        status.get("availableReplicas", 0),
        _age(document, now),
        *containers(document),
        selector(spec.get("selector")),
    ]


def replica_set(document: Mapping[str, Any], now: float) -> list[Any]:
    """The cells of a ReplicaSet."""
    spec, status = document["spec"], document.get("status") or {}
    return [
        name(document),
        spec.get("replicas", 0),
        status.get("replicas", 0),
        status.get("readyReplicas", 0),
        _age(document, now),
        *containers(document),
        selector(spec.get("selector")),
    ]


def stateful_set(document: Mapping[str, Any], now: float) -> list[Any]:
    """The cells of a StatefulSet."""
    spec, status = document["spec"], document.get("status") or {}
    ready = f"{status.get('readyReplicas', 0)}/{spec.get('replicas', 0)}"
    return [name(document), ready, _age(document, now), *containers(document)]


def job(document: Mapping[str, Any], now: float) -> list[Any]:
    """The cells of a Job."""
    spec, status = document["spec"], document.get("status") or {}
    return [
        name(document),
        _job_state(document),
        _completions(spec, status),
        _job_duration(status, now),
        _age(document, now),
        *containers(document),
        selector(spec.get("selector")),
    ]


def budget(document: Mapping[str, Any], now: float) -> list[Any]:
    """The cells of a PodDisruptionBudget."""
    spec, status = document["spec"], document.get("status") or {}
    return [
        name(document),
        str(spec.get("minAvailable", "N/A")),
        str(spec.get("maxUnavailable", "N/A")),
        status.get("disruptionsAllowed", 0),
        _age(document, now),
    ]


def autoscaler(document: Mapping[str, Any], now: float) -> list[Any]:
    """The cells of a HorizontalPodAutoscaler."""
    spec, status = document["spec"], document.get("status") or {}
    target = spec.get("scaleTargetRef") or {}
    return [
        name(document),
        f"{target.get('kind', '')}/{target.get('name', '')}",
        _metrics(spec.get("metrics") or [], status.get("currentMetrics") or []),
        str(spec.get("minReplicas", UNSET)),
        spec.get("maxReplicas", 0),
        status.get("currentReplicas", 0),
        _age(document, now),
    ]


def _age(document: Mapping[str, Any], now: float) -> str:
    return age(document["metadata"].get("creationTimestamp"), now)


def _completions(spec: Mapping[str, Any], status: Mapping[str, Any]) -> str:
    succeeded, parallelism = status.get("succeeded", 0), spec.get("parallelism", 0)
    if "completions" in spec:
        return f"{succeeded}/{spec['completions']}"
    return f"{succeeded}/1 of {parallelism}" if parallelism > 1 else f"{succeeded}/1"


def _job_state(document: Mapping[str, Any]) -> str:
    conditions = (document.get("status") or {}).get("conditions") or ()
    true = {one.get("type") for one in conditions if one.get("status") == "True"}
    if "Complete" in true:
        return "Complete"
    if "Failed" in true:
        return "Failed"
    if document["metadata"].get("deletionTimestamp"):
        return "Terminating"
    for type_ in ("Suspended", "FailureTarget", "SuccessCriteriaMet"):
        if type_ in true:
            return type_
    return "Running"


def _job_duration(status: Mapping[str, Any], now: float) -> str:
    start, end = status.get("startTime"), status.get("completionTime")
    if not start:
        return ""
    return duration((seconds_of(end) if end else now) - seconds_of(start))


def _metrics(wanted: list[dict[str, Any]], current: list[dict[str, Any]]) -> str:
    if not wanted:
        return NONE
    shown = [
        _metric(one, current[index] if index < len(current) else {})
        for index, one in enumerate(wanted)
    ]
    return count_more(shown, 2, ", ")


def _metric(wanted: Mapping[str, Any], measured: Mapping[str, Any]) -> str:
    type_ = str(wanted.get("type", ""))
    if type_ not in ("External", "Pods", "Object", "Resource", "ContainerResource"):
        return "<unknown type>"
    key = type_[0].lower() + type_[1:]
    source, found = wanted.get(key) or {}, (measured.get(key) or {}).get("current") or {}
    target = source.get("target") or {}
    if key in ("resource", "containerResource"):
        return f"{source.get('name', '')}: {_resource(target, found)}"
    if key == "pods":
        return f"{found.get('averageValue', '<unknown>')}/{target.get('averageValue', '0')}"
    if "averageValue" in target:
        return f"{found.get('averageValue', '<unknown>')}/{target['averageValue']} (avg)"
    return f"{found.get('value', '<unknown>')}/{target.get('value', '0')}"


def _resource(target: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    if "averageValue" in target:
        return f"{found.get('averageValue', '<unknown>')}/{target['averageValue']}"
    used, wanted = found.get("averageUtilization"), target.get("averageUtilization")
    return (
        f"{'<unknown>' if used is None else f'{used}%'}"
        f"/{'<auto>' if wanted is None else f'{wanted}%'}"
    )
