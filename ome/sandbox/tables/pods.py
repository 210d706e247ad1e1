"""Rows of pods: one word for the state of all containers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ome.sandbox.tables.ages import age
from ome.sandbox.tables.shared import NONE, name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["pod"]


def pod(document: Mapping[str, Any], now: float) -> list[Any]:
    """The cells of a Pod."""
    spec, status = document["spec"], document.get("status") or {}
    sidecars = _sidecars(spec)
    reason = _initializing(spec, status, sidecars)
    begun = reason is None or _is_true(status, "Initialized")
    ready, shown = _main(status, reason or _phase(status)) if begun else (0, reason)
    ready += _ready_sidecars(status, sidecars)
    total = len(spec.get("containers") or ()) + len(sidecars)
    return [
        name(document),
        f"{ready}/{total}",
        _ending(document, shown or ""),
        _restarts(status, sidecars, now, begun=begun),
        age(document["metadata"].get("creationTimestamp"), now),
        status.get("podIP") or NONE,
        spec.get("nodeName") or NONE,
        status.get("nominatedNodeName") or NONE,
        _gates(spec, status),
    ]


def _phase(status: Mapping[str, Any]) -> str:
    for condition in status.get("conditions") or ():
        if (condition.get("type"), condition.get("reason")) == ("PodScheduled", "SchedulingGated"):
            return "SchedulingGated"
    return str(status.get("reason") or status.get("phase") or "")


def _sidecars(spec: Mapping[str, Any]) -> frozenset[str]:
    return frozenset(
        container.get("name", "")
        for container in spec.get("initContainers") or ()
        if container.get("restartPolicy") == "Always"
    )


def _initializing(
    spec: Mapping[str, Any], status: Mapping[str, Any], sidecars: frozenset[str]
) -> str | None:
    """How far the init containers are; None when nothing waits for them any more."""
    for index, container in enumerate(status.get("initContainerStatuses") or ()):
        if _is_past(container, sidecars):
            continue
        state = container.get("state") or {}
        if "terminated" in state:
            return f"Init:{_end(state['terminated'])}"
        waiting = (state.get("waiting") or {}).get("reason", "")
        if waiting not in ("", "PodInitializing"):
            return f"Init:{waiting}"
        return f"Init:{index}/{len(spec.get('initContainers') or ())}"
    return None


def _is_past(container: Mapping[str, Any], sidecars: frozenset[str]) -> bool:
    """Whether an init container lets the next one begin."""
    terminated = (container.get("state") or {}).get("terminated")
    if terminated is not None and not terminated.get("exitCode"):
        return True
    return container.get("name") in sidecars and bool(container.get("started"))


def _ready_sidecars(status: Mapping[str, Any], sidecars: frozenset[str]) -> int:
    ready = 0
    for container in status.get("initContainerStatuses") or ():
        if not _is_past(container, sidecars):
            break
        started = container.get("name") in sidecars and container.get("started")
        ended = (container.get("state") or {}).get("terminated")
        ready += bool(started and container.get("ready") and ended is None)
    return ready


def _main(status: Mapping[str, Any], reason: str) -> tuple[int, str]:
    """How many containers are ready, and the word: the first container's trouble counts."""
    ready = 0
    for container in reversed(status.get("containerStatuses") or ()):
        state = container.get("state") or {}
        if waiting := (state.get("waiting") or {}).get("reason"):
            reason = waiting
        elif "terminated" in state:
            reason = _end(state["terminated"])
        elif container.get("ready") and "running" in state:
            ready += 1
    if reason == "Completed" and ready:
        reason = "Running" if _is_true(status, "Ready") else "NotReady"
    return ready, reason


def _end(terminated: Mapping[str, Any]) -> str:
    if reason := terminated.get("reason"):
        return str(reason)
    if signal := terminated.get("signal"):
        return f"Signal:{signal}"
    return f"ExitCode:{terminated.get('exitCode', 0)}"


def _ending(document: Mapping[str, Any], reason: str) -> str:
    status = document.get("status") or {}
    if not document["metadata"].get("deletionTimestamp"):
        return reason
    if status.get("reason") == "NodeLost":
        return "Unknown"
    return reason if status.get("phase") in ("Succeeded", "Failed") else "Terminating"


def _restarts(
    status: Mapping[str, Any], sidecars: frozenset[str], now: float, *, begun: bool
) -> str:
    """How often and when last; init containers count only until the others begin."""
    counted = [
        container
        for container in status.get("initContainerStatuses") or ()
        if not begun or container.get("name") in sidecars
    ]
    if begun:
        counted += status.get("containerStatuses") or ()
    total = sum(container.get("restartCount", 0) for container in counted)
    last = max(_ends(counted), default="")
    return f"{total} ({age(last, now)} ago)" if total and last else str(total)


def _ends(counted: Iterable[Mapping[str, Any]]) -> list[str]:
    ends = [(container.get("lastState") or {}).get("terminated") for container in counted]
    return [end.get("finishedAt") or "" for end in ends if end]


def _gates(spec: Mapping[str, Any], status: Mapping[str, Any]) -> str:
    gates = spec.get("readinessGates")
    if not gates:
        return NONE
    passed = sum(_is_true(status, gate.get("conditionType", "")) for gate in gates)
    return f"{passed}/{len(gates)}"


def _is_true(status: Mapping[str, Any], type_: str) -> bool:
    return any(
        condition.get("type") == type_ and condition.get("status") == "True"
        for condition in status.get("conditions") or ()
    )
