"""What the benchmark controller sees of Jobs and pods, and why a pod did not do its work."""

from __future__ import annotations

import re

import msgspec

from ome.api import names
from ome.informers.projection import Metadata
from ome.workloads.benchmark.overrides import CONTAINER

__all__ = ["ConfigData", "Job", "JobCondition", "Pod", "trouble_of", "waiting_for"]

_LONGEST = 400
_CREDENTIAL = re.compile(
    r"(\b\w*(?:api_key|access_key|access_key_id|account_key|connection_string|_token|secret)"
    r"[\"']?\s*[:=]\s*)(?!None\b)\S+",
    re.IGNORECASE,
)


class JobCondition(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """One condition of a Job."""

    type: str = ""
    status: str = ""
    reason: str = ""
    message: str = ""
    last_transition_time: str | None = None


class JobStatus(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    start_time: str | None = None
    completion_time: str | None = None
    conditions: tuple[JobCondition, ...] = ()


class JobSpec(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    ttl_seconds_after_finished: int | None = None


class Job(msgspec.Struct, frozen=True, gc=False):
    """A Job and how far it is."""

    metadata: Metadata
    spec: JobSpec = JobSpec()
    status: JobStatus = JobStatus()

    def condition(self, type_: str) -> JobCondition | None:
        """The condition of this type when it is True."""
        held = self.status.conditions
        return next((item for item in held if item.type == type_ and item.status == "True"), None)


class Waiting(msgspec.Struct, frozen=True, gc=False):
    reason: str = ""
    message: str = ""


class Terminated(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    exit_code: int = 0
    reason: str = ""
    message: str = ""


class State(msgspec.Struct, frozen=True, gc=False):
    waiting: Waiting | None = None
    terminated: Terminated | None = None


class ContainerStatus(msgspec.Struct, frozen=True, gc=False):
    name: str = ""
    state: State = State()


class PodCondition(msgspec.Struct, frozen=True, gc=False):
    type: str = ""
    status: str = ""
    reason: str = ""
    message: str = ""


class PodStatus(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    phase: str = ""
    reason: str = ""
    message: str = ""
    conditions: tuple[PodCondition, ...] = ()
    container_statuses: tuple[ContainerStatus, ...] = ()


class Pod(msgspec.Struct, frozen=True, gc=False):
    """A benchmark's pod and what its container does."""

    metadata: Metadata
    status: PodStatus = PodStatus()

    @property
    def containers(self) -> list[ContainerStatus]:
        """The benchmark's own first; a mesh or a policy may have put others beside it."""
        own = (CONTAINER, self.metadata.labels.get(names.LABEL_BENCHMARK))
        return sorted(self.status.container_statuses, key=lambda status: status.name not in own)

    @property
    def container(self) -> str:
        """The name of the benchmark's own, empty while no container is known."""
        return next((status.name for status in self.containers), "")

    @property
    def said(self) -> str:
        """The termination message of the benchmark when it ended well; empty without one."""
        ended = next((status.state.terminated for status in self.containers), None)
        return ended.message if ended is not None and ended.exit_code == 0 else ""


class ConfigData(msgspec.Struct, frozen=True):
    """A ConfigMap whose data is read whole."""

    metadata: Metadata
    data: dict[str, str] = {}


def trouble_of(pod: Pod) -> str:
    """Why a pod failed, in one line; empty when it did not."""
    status = pod.status
    if status.reason:  # of the pod itself: evicted, lost with its node, out of time
        return _line(f"pod {pod.metadata.name}: {status.reason}", status.message)
    for container in pod.containers:
        ended = container.state.terminated
        if ended is not None and ended.exit_code != 0:
            why = ended.reason if ended.reason not in ("", "Error") else "ended"
            start = f"pod {pod.metadata.name}: {why} with exit code {ended.exit_code}"
            return _line(start, ended.message)
    return ""


def waiting_for(pod: Pod) -> str:
    """What a pod that does not run waits for; empty when nothing is known to be wrong."""
    for condition in pod.status.conditions:
        if condition.type == "PodScheduled" and condition.status == "False":
            return _line(f"pod {pod.metadata.name} is not scheduled", condition.message)
    for container in pod.containers:
        waiting = container.state.waiting
        if waiting is not None and waiting.reason not in ("", "ContainerCreating"):
            return _line(f"pod {pod.metadata.name}: {waiting.reason}", waiting.message)
    return ""


def _line(start: str, text: str) -> str:
    """The end of a long text: what a program says last is why it ended.

    genai-bench logs every option that it was given, credentials among them.
    """
    said = " ".join(_CREDENTIAL.sub(r"\1***", text).split())
    if not said:
        return start
    return f"{start}: {said if len(said) <= _LONGEST else '...' + said[-_LONGEST:]}"
