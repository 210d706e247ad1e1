"""What the pods of a component say about its model: pending, loading, loaded or failed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from ome.informers.projection import Metadata

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Failure", "ModelState", "PodView", "model_state", "worst"]

_INIT_CONTAINERS = re.compile(r"storage-initializer|model-init|fine-tuned-adapter(-[0-9]+)?")
_MAIN_CONTAINER = "ome-container"
_CRASH_LOOP = "CrashLoopBackOff"
_SEVERITY = {"Loaded": 0, "Loading": 1, "Pending": 2, "FailedToLoad": 3}


class Waiting(msgspec.Struct, frozen=True):
    reason: str = ""
    message: str = ""


class Terminated(msgspec.Struct, frozen=True, rename="camel"):
    reason: str = ""
    message: str = ""
    exit_code: int = 0
    finished_at: str | None = None


class Running(msgspec.Struct, frozen=True):
    pass


class ContainerState(msgspec.Struct, frozen=True):
    waiting: Waiting | None = None
    running: Running | None = None
    terminated: Terminated | None = None


class ContainerStatus(msgspec.Struct, frozen=True, rename="camel"):
    name: str
    ready: bool = False
    state: ContainerState = ContainerState()
    last_state: ContainerState = ContainerState()


class PodCondition(msgspec.Struct, frozen=True):
    type: str
    status: str = ""
    reason: str = ""
    message: str = ""


class PodStatus(msgspec.Struct, frozen=True, rename="camel"):
    phase: str = ""
    reason: str = ""
    message: str = ""
    conditions: tuple[PodCondition, ...] = ()
    init_container_statuses: tuple[ContainerStatus, ...] = ()
    container_statuses: tuple[ContainerStatus, ...] = ()


class Resources(msgspec.Struct, frozen=True):
    requests: dict[str, str] = {}
    limits: dict[str, str] = {}


class PodContainer(msgspec.Struct, frozen=True):
    resources: Resources = Resources()


class PodSpec(msgspec.Struct, frozen=True):
    containers: tuple[PodContainer, ...] = ()


class PodView(msgspec.Struct, frozen=True):
    """The part of a pod that a service's status depends on."""

    metadata: Metadata
    spec: PodSpec = PodSpec()
    status: PodStatus = PodStatus()

    @property
    def ended(self) -> bool:
        """Whether its node has given it up (evicted, not admitted); it stays, and another comes.

        The containers of such a pod tell how they were stopped, not how the model did.
        """
        return self.status.phase == "Failed" and bool(self.status.reason)


@dataclass(frozen=True, slots=True)
class Failure:
    """Why the model did not load, from a container's last termination."""

    message: str
    exit_code: int | None
    pod: str
    time: str


@dataclass(frozen=True, slots=True)
class ModelState:
    """The target state of the model in one component; ``copies`` counts its pods."""

    target: str
    copies: int = 0
    failure: Failure | None = None


def model_state(pods: Sequence[PodView], ready: bool) -> ModelState | None:
    """The state that the newest pod shows; None means: no change from what was known."""
    pods = [pod for pod in pods if not pod.ended]
    if not pods:
        return ModelState("Pending")
    if ready:
        return ModelState("Loaded", len(pods))
    newest = max(pods, key=_age)
    for status in newest.status.init_container_statuses:
        if _INIT_CONTAINERS.fullmatch(status.name):
            verdict = _init_verdict(newest, status, len(pods))
            if verdict is not None:
                return verdict if verdict.target else None
    for status in newest.status.container_statuses:
        if status.name == _MAIN_CONTAINER:
            return _main_verdict(newest, status, len(pods))
    # No container has started yet: scheduling or pulling.
    return None if newest.status.container_statuses else ModelState("Pending", len(pods))


def _age(pod: PodView) -> tuple[str, str]:
    return (pod.metadata.creation_timestamp or "", pod.metadata.name)


def _init_verdict(pod: PodView, status: ContainerStatus, copies: int) -> ModelState | None:
    """None: this init container says nothing; an empty target: known, but no change."""
    if status.state.running is not None:
        return ModelState("Loading", copies)
    if _failed(status.state.terminated):
        return ModelState("FailedToLoad", copies, _failure(pod, status.state.terminated))
    if status.state.waiting is not None and status.state.waiting.reason == _CRASH_LOOP:
        last = status.last_state.terminated
        target = "FailedToLoad" if last is not None else ""
        return ModelState(target, copies, _failure(pod, last))
    return None


def _main_verdict(pod: PodView, status: ContainerStatus, copies: int) -> ModelState:
    if _failed(status.state.terminated):
        return ModelState("FailedToLoad", copies, _failure(pod, status.state.terminated))
    if status.state.waiting is not None and status.state.waiting.reason == _CRASH_LOOP:
        last = status.last_state.terminated
        if last is not None:
            return ModelState("FailedToLoad", copies, _failure(pod, last))
    return ModelState("Loading" if status.state.running is not None else "Pending", copies)


def _failed(terminated: Terminated | None) -> bool:
    return terminated is not None and (terminated.reason == "Error" or terminated.exit_code != 0)


def _failure(pod: PodView, terminated: Terminated | None) -> Failure | None:
    if terminated is None:
        return None
    message = terminated.message or terminated.reason or f"exit code {terminated.exit_code}"
    return Failure(message, terminated.exit_code, pod.metadata.name, terminated.finished_at or "")


def worst(states: Sequence[ModelState]) -> ModelState | None:
    """The state that needs most attention; copies are those of the first component."""
    if not states:
        return None
    chosen = max(states, key=lambda state: _SEVERITY.get(state.target, 0))
    return ModelState(chosen.target, states[0].copies, chosen.failure)
