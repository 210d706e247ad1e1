"""The status of a pod in each state that a kubelet reports. Pure: a pod goes in, a status out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ome.sandbox.cluster.kubelets.programs import Ended
from ome.sandbox.cluster.objects import condition

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = [
    "completed",
    "crashing",
    "creating",
    "failed",
    "image_error",
    "not_ready",
    "running",
]

State = dict[str, Any]
_WELL, _BADLY = Ended(0), Ended(1)


def creating(pod: Mapping[str, Any], now: str) -> dict[str, Any]:
    """Pending, its containers are made."""
    waits = "PodInitializing" if pod["spec"].get("initContainers") else "ContainerCreating"
    status = _status(pod, "Pending", now)
    unready = ("False", "ContainersNotReady", _unready(pod))
    done = not pod["spec"].get("initContainers")
    _conditions(
        status,
        now,
        Initialized=("True", "", "") if done else ("False", "ContainersNotInitialized", ""),
        Ready=unready,
        ContainersReady=unready,
    )
    status["containerStatuses"] = [
        _container(entry, {"waiting": {"reason": waits}}) for entry in pod["spec"]["containers"]
    ]
    _initial(status, pod, lambda _: {"waiting": {"reason": waits}}, ready=False)
    return status


def running(pod: Mapping[str, Any], now: str, addresses: Mapping[str, Any]) -> dict[str, Any]:
    """Running and ready."""
    status = _status(pod, "Running", now)
    gates = [gate["conditionType"] for gate in pod["spec"].get("readinessGates") or ()]
    yes = ("True", "", "")
    _conditions(status, now, Initialized=yes, Ready=yes, ContainersReady=yes,
                **dict.fromkeys(gates, yes))  # fmt: skip
    status["containerStatuses"] = [
        {
            **_container(entry, {"running": {"startedAt": now}}, ready=True),
            "restartCount": _restarts(pod, entry["name"]),
        }
        for entry in pod["spec"]["containers"]
    ]
    _initialized(status, pod, now)
    return {**status, **addresses}


def completed(pod: Mapping[str, Any], now: str, ended: Ended = _WELL) -> dict[str, Any]:
    """Its containers have done what they had to do."""
    status = _status(pod, "Succeeded", now)
    _conditions(
        status,
        now,
        Initialized=("True", "PodCompleted", ""),
        Ready=("False", "PodCompleted", ""),
        ContainersReady=("False", "PodCompleted", ""),
    )
    old = {entry["name"]: entry for entry in status.get("containerStatuses") or ()}
    status["containerStatuses"] = []
    for entry in pod["spec"]["containers"]:
        held = (old.get(entry["name"]) or {}).get("state") or {}
        started = (held.get("running") or {}).get("startedAt", now)
        state = {"terminated": _terminated(ended, started, now)}
        status["containerStatuses"].append(_container(entry, state))
    return status


def failed(pod: Mapping[str, Any], now: str, ended: Ended = _BADLY) -> dict[str, Any]:
    """Its containers ended with another exit code than 0, and the pod with them."""
    status = _status(pod, "Failed", now)
    _broken(status, now, "PodFailed", "")
    state = {"terminated": _terminated(ended, now, now)}
    status["containerStatuses"] = [_container(entry, state) for entry in pod["spec"]["containers"]]
    _initialized(status, pod, now)
    return status


def image_error(pod: Mapping[str, Any], now: str) -> dict[str, Any]:
    """Pending, its images cannot be pulled."""
    status = _status(pod, "Pending", now)
    _broken(status, now, "ContainersNotReady", _unready(pod))
    status["containerStatuses"] = [
        _container(
            entry,
            {
                "waiting": {
                    "reason": "ImagePullBackOff",
                    "message": f'Back-off pulling image "{entry["image"]}"',
                }
            },
        )
        for entry in pod["spec"]["containers"]
    ]
    _initialized(status, pod, now)
    return status


def crashing(pod: Mapping[str, Any], now: str) -> dict[str, Any]:
    """Running, its containers ended once more with exit code 1."""
    status = _status(pod, "Running", now)
    _broken(status, now, "ContainersNotReady", _unready(pod))
    ended = _terminated(_BADLY, now, now)
    status["containerStatuses"] = [
        {
            **_container(
                entry,
                {
                    "waiting": {
                        "reason": "CrashLoopBackOff",
                        "message": f"back-off restarting failed container {entry['name']}",
                    }
                },
            ),
            "restartCount": _restarts(pod, entry["name"]) + 1,
            "lastState": {"terminated": ended},
        }
        for entry in pod["spec"]["containers"]
    ]
    _initialized(status, pod, now)
    return status


def not_ready(pod: Mapping[str, Any], now: str, reason: str) -> dict[str, Any]:
    """As it was, but not ready: nobody hears of it."""
    status = dict(pod.get("status") or {})
    ready = condition(status, "Ready")
    if ready is not None and ready["status"] == "True":
        _conditions(status, now, Ready=("False", reason, ""))
    return status


def _status(pod: Mapping[str, Any], phase: str, now: str) -> dict[str, Any]:
    status = dict(pod.get("status") or {})
    status["phase"] = phase
    status.setdefault("startTime", now)
    return status


def _conditions(status: dict[str, Any], now: str, **wanted: tuple[str, str, str]) -> None:
    """Set conditions, each stamped when its status changes, in place."""
    held = {entry["type"]: entry for entry in status.get("conditions") or ()}
    for type_, (value, reason, message) in wanted.items():
        old = held.get(type_)
        same = old is not None and old["status"] == value
        stamp = old["lastTransitionTime"] if old is not None and same else now
        entry = {
            "type": type_,
            "status": value,
            "lastProbeTime": None,
            "lastTransitionTime": stamp,
            "reason": reason,
            "message": message,
        }
        held[type_] = {name: item for name, item in entry.items() if item != ""}
    # The scheduler's comes last, as people are used to see it.
    order = sorted(held.values(), key=lambda entry: entry["type"] == "PodScheduled")
    status["conditions"] = order


def _broken(status: dict[str, Any], now: str, reason: str, message: str) -> None:
    no = ("False", reason, message)
    _conditions(status, now, Initialized=("True", "", ""), Ready=no, ContainersReady=no)


def _unready(pod: Mapping[str, Any]) -> str:
    names = " ".join(entry["name"] for entry in pod["spec"]["containers"])
    return f"containers with unready status: [{names}]"


def _container(spec: Mapping[str, Any], state: State, *, ready: bool = False) -> dict[str, Any]:
    return {
        "name": spec["name"],
        "image": spec.get("image", ""),
        "imageID": "",
        "ready": ready,
        "started": ready,
        "restartCount": 0,
        "state": state,
        "lastState": {},
    }


def _terminated(ended: Ended, started: str, at: str) -> dict[str, Any]:
    reason = ended.reason or ("Error" if ended.code else "Completed")
    told = {"message": ended.message} if ended.message else {}
    return {"exitCode": ended.code, "reason": reason, **told, "startedAt": started,
            "finishedAt": at}  # fmt: skip


def _initialized(status: dict[str, Any], pod: Mapping[str, Any], now: str) -> None:
    """Init containers are over; those that are restarted always run on."""

    def state(entry: Mapping[str, Any]) -> State:
        if entry.get("restartPolicy") == "Always":
            return {"running": {"startedAt": now}}
        return {"terminated": _terminated(_WELL, now, now)}

    _initial(status, pod, state, ready=True)


def _initial(
    status: dict[str, Any],
    pod: Mapping[str, Any],
    state: Callable[[Mapping[str, Any]], State],
    *,
    ready: bool,
) -> None:
    containers = pod["spec"].get("initContainers") or ()
    if containers:
        status["initContainerStatuses"] = [
            {
                **_container(entry, state(entry), ready=ready),
                "started": ready and entry.get("restartPolicy") == "Always",
            }
            for entry in containers
        ]


def _restarts(pod: Mapping[str, Any], name: str) -> int:
    for entry in (pod.get("status") or {}).get("containerStatuses") or ():
        if entry["name"] == name:
            return int(entry.get("restartCount", 0))
    return 0
