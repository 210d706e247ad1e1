"""The time to live of a benchmark's Job: when it is put on, and whether a Job is gone for it.

It is put on only when the end of the Job is in the status. A Job that were removed before anybody
has seen its end would be run again, and again.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from ome.controllers.benchmarkjob.status import has_ended, state_of
from ome.workloads.benchmark import BenchmarkError

if TYPE_CHECKING:
    from ome import api
    from ome.controllers.benchmarkjob.views import Job

__all__ = ["check_time_to_live", "collected", "limiting"]

_CLOCKS = 30.0
"""Seconds by which the clock of who removes Jobs may be ahead of ours."""


def check_time_to_live(benchmark: api.BenchmarkJob) -> None:
    """Raise ``BenchmarkError`` for one that no Job could have."""
    seconds = _seconds(benchmark)
    if seconds is not None and seconds < 0:
        raise BenchmarkError(
            f"spec.podOverride.ttlSecondsAfterFinished: {seconds} is no time; write 0 or more"
        )


def collected(benchmark: api.BenchmarkJob, wall: float) -> bool:
    """Whether a Job that is not there has ended and its time is over."""
    seconds, status = _seconds(benchmark), benchmark.status
    ended = None if status is None else status.completion_time
    if seconds is None or seconds < 0 or ended is None:
        return False
    try:
        since = datetime.fromisoformat(str(ended)).timestamp()
    except ValueError:
        return True  # somebody's text: that it has ended is what counts, and it runs once
    return wall + _CLOCKS >= since + seconds


def limiting(job: Job, benchmark: api.BenchmarkJob) -> list[dict[str, Any]]:
    """The patch that puts the time to live on a Job that has ended; empty when it has one."""
    seconds = _seconds(benchmark)
    if seconds is None or seconds < 0 or not has_ended(state_of(job)[0]):
        return []
    if job.spec.ttl_seconds_after_finished is not None or job.metadata.deletion_timestamp:
        return []
    return [{"op": "add", "path": "/spec/ttlSecondsAfterFinished", "value": seconds}]


def _seconds(benchmark: api.BenchmarkJob) -> int | None:
    override = benchmark.spec.pod_override
    return None if override is None else override.ttl_seconds_after_finished
