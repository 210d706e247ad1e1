"""What a Job has come to: its counts, whether it is over and why. Pure.

A pod that ended is first noted by uid in the status, then loses the finalizer that kept it for the
count, then becomes a number. So none is counted twice or not at all, whatever happens in between.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ome.sandbox.cluster.objects import condition, seconds_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ome.sandbox.cluster.pods import PodView

__all__ = ["TRACKING", "Tally", "Verdict", "finished", "tally", "verdict", "wanted"]

TRACKING = "batch.kubernetes.io/job-tracking"


@dataclass(slots=True)
class Tally:
    """The pods of a Job."""

    succeeded: int = 0
    failed: int = 0
    noted_succeeded: list[str] = field(default_factory=list)
    noted_failed: list[str] = field(default_factory=list)
    active: list[PodView] = field(default_factory=list)
    terminating: int = 0
    ready: int = 0

    @property
    def all_succeeded(self) -> int:
        return self.succeeded + len(self.noted_succeeded)

    @property
    def all_failed(self) -> int:
        return self.failed + len(self.noted_failed)

    def noted(self) -> set[str]:
        """The uids whose finalizer may go."""
        return {*self.noted_succeeded, *self.noted_failed}


@dataclass(frozen=True, slots=True)
class Verdict:
    """That a Job is over, or about to be."""

    success: bool
    reason: str
    message: str


def tally(job: Mapping[str, Any], pods: Iterable[PodView]) -> Tally:
    """Count the pods on top of what the status has counted."""
    status = job.get("status") or {}
    before = status.get("uncountedTerminatedPods") or {}
    result = Tally(status.get("succeeded", 0), status.get("failed", 0))
    held = {}
    for pod in pods:
        tracked = TRACKING in pod.finalizers
        if tracked:
            held[pod.uid] = pod
        if pod.active:
            result.active.append(pod)
            result.ready += pod.ready
        elif not pod.finished:
            result.terminating += 1
    for name, noted in (("succeeded", result.noted_succeeded), ("failed", result.noted_failed)):
        for uid in before.get(name) or ():
            if uid in held:
                noted.append(uid)
            elif name == "succeeded":
                result.succeeded += 1
            else:
                result.failed += 1
    known = result.noted()
    for uid, pod in held.items():
        if uid in known:
            continue
        if pod.phase == "Succeeded":
            result.noted_succeeded.append(uid)
        elif pod.phase == "Failed" or pod.deleting:
            result.noted_failed.append(uid)
    return result


def finished(job: Mapping[str, Any]) -> bool:
    """Whether nothing will happen any more but that it is deleted."""
    status = job.get("status") or {}
    return any(
        (held := condition(status, name)) is not None and held["status"] == "True"
        for name in ("Complete", "Failed")
    )


def verdict(job: Mapping[str, Any], count: Tally, wall: float) -> Verdict | None:
    """Whether the Job is over, and why."""
    status, spec = job.get("status") or {}, job["spec"]
    for name, success in (("FailureTarget", False), ("SuccessCriteriaMet", True)):
        held = condition(status, name)
        if held is not None and held["status"] == "True":
            return Verdict(success, held["reason"], held["message"])
    limit = spec.get("backoffLimit", 6)
    restarts = sum(pod.restarts for pod in count.active)
    on_failure = spec["template"]["spec"].get("restartPolicy") == "OnFailure"
    if count.all_failed > limit or (on_failure and restarts > 0 and restarts >= limit):
        return Verdict(False, "BackoffLimitExceeded", "Job has reached the specified backoff limit")
    deadline = spec.get("activeDeadlineSeconds")
    if (
        deadline is not None
        and status.get("startTime")
        and not spec.get("suspend")
        and wall >= seconds_of(status["startTime"]) + deadline
    ):
        return Verdict(False, "DeadlineExceeded", "Job was active longer than specified deadline")
    completions = spec.get("completions")
    if completions is None:
        done = count.all_succeeded > 0 and not count.active
    else:
        done = count.all_succeeded >= completions
    if done:
        return Verdict(True, "CompletionsReached", "Reached expected number of succeeded pods")
    return None


def wanted(job: Mapping[str, Any], count: Tally) -> int:
    """How many pods should be active."""
    spec = job["spec"]
    if spec.get("suspend"):
        return 0
    parallelism, completions = spec.get("parallelism", 1), spec.get("completions")
    if completions is None:
        return len(count.active) if count.all_succeeded else int(parallelism)
    return max(min(int(parallelism), int(completions) - count.all_succeeded), 0)
