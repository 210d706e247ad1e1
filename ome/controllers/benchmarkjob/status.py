"""The status of a BenchmarkJob, computed from its Job: pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ome.api import names
from ome.controllers.metaconditions import Wanted, lay_conditions

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ome.controllers.benchmarkjob.views import Job
    from ome.workloads.benchmark import Progress

__all__ = [
    "ENDPOINT_READY",
    "JOB_CREATED",
    "SPEC_APPLIED",
    "SUCCEEDED",
    "Seen",
    "compute_status",
    "has_ended",
    "runs_again",
    "state_of",
]

ENDPOINT_READY = "EndpointReady"
"""Of the service that is measured, until the benchmark has ended; a URL has none."""

JOB_CREATED = "JobCreated"
"""False while the Job cannot be made yet; reason and message say why."""
SPEC_APPLIED = "SpecApplied"
"""False when the spec was changed after its Job was made."""
SUCCEEDED = "Succeeded"
"""Unknown while it runs, then how it ended."""

_OF_ONE_JOB = (
    "startTime",
    "failureMessage",
    "observedGeneration",
    "progress",
    "resultLocation",
    "summary",
)


@dataclass(frozen=True, slots=True)
class Seen:
    """What a pass has found out."""

    job: Job | None
    generation: int
    problem: tuple[str, str] | None = None
    """Reason and text why there is no Job."""
    trouble: str = ""
    """Why the pod failed, or what it waits for."""
    progress: Progress | None = None
    location: str = ""
    """Where the results are once it has completed."""
    summary: Sequence[Mapping[str, Any]] = field(default=())
    endpoint: Wanted | None = None
    """How the service that is measured is; None at a URL, and once the benchmark has ended."""
    collected: bool = False
    """Whether there is no Job because its time was over: what is told of it stays."""

    @property
    def lost(self) -> str:
        """What is told of a service that was lost while it is measured."""
        gone = self.endpoint is not None and self.endpoint.reason == names.REASON_SERVICE_NOT_FOUND
        return f"{self.endpoint.message}; its requests fail" if self.endpoint and gone else ""


def state_of(job: Job | None) -> tuple[str, str | None, str]:
    """State, completion time and failure message; a failure goes before everything else."""
    if job is None:
        return "Pending", None, ""
    failed = job.condition("Failed")
    if failed is not None:
        return "Failed", failed.last_transition_time, failed.message
    if job.status.completion_time:
        return "Completed", job.status.completion_time, ""
    complete = job.condition("Complete")
    if complete is not None:
        return "Completed", complete.last_transition_time, ""
    if job.condition("Suspended") is not None:
        return "Pending", None, ""
    return "Running", None, ""


def compute_status(stored: Mapping[str, Any], seen: Seen, *, wall: str) -> dict[str, Any]:
    """The status to store; equal to ``stored`` when nothing changed. Other members stay."""
    if seen.collected:
        applied = {SPEC_APPLIED: _applied(stored, seen)}
        return {**stored, "conditions": lay_conditions(stored.get("conditions"), applied, wall)}
    state, ended, failure = state_of(seen.job)
    again = runs_again(stored, state, seen.job)
    if again:
        stored = {key: value for key, value in stored.items() if key not in _OF_ONE_JOB}
    status = dict(stored)
    if again or state != stored.get("state"):
        status |= {"state": state, "lastReconcileTime": wall}
        _set(status, "completionTime", ended)
    started = None if seen.job is None else seen.job.status.start_time
    if started or state == "Pending":
        # That of the Job that is running: it may have been made anew between two passes.
        _set(status, "startTime", started)
    _set(status, "failureMessage", _failure(stored, state, failure, seen.trouble))
    if seen.job is None:
        status = {key: value for key, value in status.items() if key not in _OF_ONE_JOB}
    else:
        status.setdefault("observedGeneration", seen.generation)
    if seen.progress is not None:
        status["progress"] = {
            "completedRuns": seen.progress.completed,
            "plannedRuns": seen.progress.planned,
            "scenario": seen.progress.scenario,
            "concurrency": seen.progress.concurrency,
        }
    if seen.location:
        # Of the spec that was run: a later change of it moves nothing.
        status.setdefault("resultLocation", seen.location)
    if seen.summary:
        status["summary"] = [dict(run) for run in seen.summary]
    _set(status, "details", _details(status, stored, state, seen))
    status["conditions"] = lay_conditions(
        stored.get("conditions"), _conditions(status, state, seen), wall
    )
    return status


def has_ended(state: str | None) -> bool:
    """Whether nothing more comes of a Job."""
    return state in ("Completed", "Failed")


def runs_again(stored: Mapping[str, Any], state: str, job: Job | None) -> bool:
    """Whether the Job was made anew and no status has told of its start."""
    if job is None:
        return False
    started, told = job.status.start_time, stored.get("startTime")
    if started and told and started != told:
        return True
    return has_ended(stored.get("state")) and not has_ended(state)


def _set(status: dict[str, Any], field_: str, value: str | None) -> None:
    if value:
        status[field_] = value
    else:
        status.pop(field_, None)


def _failure(stored: Mapping[str, Any], state: str, failure: str, trouble: str) -> str:
    """The Job's message with the pod's reason; it stays when the pod is gone."""
    if state != "Failed":
        return ""
    told = str(stored.get("failureMessage") or "")
    if trouble:
        return f"{failure}; {trouble}" if failure else trouble
    return told if told.startswith(failure) and told else failure


def _details(status: Mapping[str, Any], stored: Mapping[str, Any], state: str, seen: Seen) -> str:
    if seen.problem is not None:
        return seen.problem[1]
    if state == "Running":
        if seen.trouble or seen.lost:
            return seen.trouble or seen.lost
        if seen.progress is not None:
            return seen.progress.text
        # Between two looks at the log; what a pod waited for is over when it is not seen again.
        return str(stored.get("details") or "") if stored.get("progress") else ""
    if state == "Completed" and status.get("resultLocation"):
        return f"results are in {status['resultLocation']}"
    return ""


def _conditions(status: Mapping[str, Any], state: str, seen: Seen) -> dict[str, Wanted]:
    outcome = {
        "Completed": Wanted("True", "JobCompleted", ""),
        "Failed": Wanted("False", "JobFailed", str(status.get("failureMessage") or "")),
        "Running": Wanted("Unknown", "JobRunning", ""),
    }
    wanted = {SUCCEEDED: outcome.get(state, Wanted("Unknown", "Pending", ""))}
    if seen.job is not None:
        wanted[JOB_CREATED] = Wanted("True", JOB_CREATED, "")
    elif seen.problem is not None:
        wanted[JOB_CREATED] = Wanted("False", *seen.problem)
    else:
        wanted[JOB_CREATED] = Wanted("False", "Pending", "")
    if seen.endpoint is not None:
        wanted[ENDPOINT_READY] = seen.endpoint
    wanted[SPEC_APPLIED] = _applied(status, seen)
    return wanted


def _applied(status: Mapping[str, Any], seen: Seen) -> Wanted:
    """Whether the Job is of the spec as it is now."""
    applied = status.get("observedGeneration")
    if applied is None or applied == seen.generation:
        return Wanted("True", "SpecApplied", "")
    verb, what = ("ran", "BenchmarkJob and apply it again") if seen.collected else ("runs", "Job")
    text = (
        f"the Job {verb} generation {applied} of the spec, the changes since then have no effect;"
        f" delete the {what} to run the benchmark again with them"
    )
    return Wanted("False", "SpecChangeIgnored", text, seen.generation)
