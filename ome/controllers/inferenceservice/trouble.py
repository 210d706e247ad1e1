"""What keeps the pods of a component from running, in a line that a user can act on.

Texts name the pod, and hold no time, so that they stay the same while the trouble does.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ome.kube.quantity import whole

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ome.controllers.inferenceservice.pods import ContainerStatus, PodView

__all__ = ["is_unscheduled", "not_made", "pod_problem"]

_INSUFFICIENT = re.compile(r"Insufficient ([\w.-]+/[\w.-]*\w)")
_POD_NAME = re.compile(r'pods "[^"]*" is\b')
_ON_THE_WAY = frozenset({"", "ContainerCreating", "PodInitializing"})
_CRASH_LOOP = "CrashLoopBackOff"
_PULLING = frozenset({"ErrImagePull", "ImagePullBackOff"})


def not_made(said: str) -> str:
    """Why pods cannot be made, without the name of the one that was tried last."""
    return f"pods cannot be made: {_POD_NAME.sub('pods are', said)}"


def pod_problem(pods: Sequence[PodView]) -> str:
    """One line about what keeps pods from running; empty when nothing does.

    A shortage of devices counts all pods that wait for them. Else the newest pod speaks.
    """
    short = _shortage(pods)
    if short:
        return short
    newest_first = sorted(
        pods,
        key=lambda pod: (pod.metadata.creation_timestamp or "", pod.metadata.name),
        reverse=True,
    )
    for pod in newest_first:
        said = "" if pod.ended else _unscheduled(pod) or _unstarted(pod)
        if said:
            return said
    return _given_up(newest_first)


def _given_up(newest_first: Sequence[PodView]) -> str:
    """Why a node gave up a pod, until containers of another one run.

    Of several for one reason the oldest is named: others follow it as fast as they are made.
    """
    ended = [pod for pod in newest_first if pod.ended]
    if not ended or any(_runs(pod) for pod in newest_first if not pod.ended):
        return ""
    first = [pod for pod in ended if pod.status.reason == ended[0].status.reason][-1]
    text = ": ".join(filter(None, (first.status.reason, first.status.message)))
    return f"pod {first.metadata.name}: {text}"


def _runs(pod: PodView) -> bool:
    return any(status.state.running is not None for status in pod.status.container_statuses)


def _shortage(pods: Iterable[PodView]) -> str:
    """How many devices are missing for the pods that no node has room for."""
    waiting: dict[str, list[int]] = {}
    for pod in pods:
        message = _scheduling(pod)[1]
        for device in dict.fromkeys(_INSUFFICIENT.findall(message)):
            wanted = _wants(pod, device)
            if wanted:
                waiting.setdefault(device, []).append(wanted)
    parts = [
        f"{sum(wanted)} {device} missing for {len(wanted)} pod{'s' * (len(wanted) > 1)}"
        for device, wanted in sorted(waiting.items())
    ]
    if not parts:
        return ""
    return f"{', '.join(parts)} that no node has room for; free some, add nodes, or ask for fewer"


def _wants(pod: PodView, device: str) -> int:
    wanted = 0
    for container in pod.spec.containers:
        resources = container.resources
        text = resources.requests.get(device) or resources.limits.get(device)
        wanted += 0 if text is None else whole(text)
    return wanted


def _scheduling(pod: PodView) -> tuple[str, str]:
    """Reason and message of a pod that has no node; both empty for one that has."""
    for condition in pod.status.conditions:
        if condition.type == "PodScheduled" and condition.status == "False":
            return condition.reason, condition.message
    return "", ""


def is_unscheduled(pod: PodView) -> bool:
    """Whether the scheduler has found no node for a pod."""
    return any(_scheduling(pod))


def _unscheduled(pod: PodView) -> str:
    reason, message = _scheduling(pod)
    return f"pod {pod.metadata.name}: {reason}: {message}" if reason or message else ""


def _unstarted(pod: PodView) -> str:
    for status in (*pod.status.init_container_statuses, *pod.status.container_statuses):
        text = _crashes(status) or _waits(status)
        if text:
            return f"pod {pod.metadata.name}, container {status.name}: {text}"
    return ""


def _crashes(status: ContainerStatus) -> str:
    """How a container that does not stay up ended last.

    The same while it pauses, of which the kubelet tells only for how long, and while it tries anew.
    """
    last = status.state.terminated or status.last_state.terminated
    if status.ready or last is None or not last.exit_code:
        return ""
    said = (last.message or last.reason).strip()
    code = f"exit code {last.exit_code}"
    return f"{_CRASH_LOOP}: {f'{said} ({code})' if said else code}"


def _waits(status: ContainerStatus) -> str:
    waiting = status.state.waiting
    if waiting is None or waiting.reason in _ON_THE_WAY:
        return ""
    if waiting.reason in _PULLING:
        # The kubelet takes turns between the failure and the pause after it.
        detail = waiting.message.rpartition("ErrImagePull: ")[2]
        return f"image cannot be pulled: {detail}" if detail else "image cannot be pulled"
    return f"{waiting.reason}: {waiting.message}" if waiting.message else waiting.reason
