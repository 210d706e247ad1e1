"""One pass over a BenchmarkJob: its finalizer, its Job, its status.

The Job is made once and never changed, but for its time to live (``expiry``). While it exists
nothing else is looked at, so what the benchmark was made from may go. A Job that is deleted is made
anew: the benchmark runs again, unless its time to live had it removed after its end.

Races: the cache may lack a Job that was just made; creating it again finds it. It may hold one that
is gone; the status then says so one event later.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import structlog

from ome import api
from ome.api import names
from ome.clock import rfc3339
from ome.controllers.benchmarkjob.expiry import collected, limiting
from ome.controllers.benchmarkjob.progress import ProgressReader
from ome.controllers.benchmarkjob.resolving import CannotRun
from ome.controllers.benchmarkjob.status import (
    Seen,
    compute_status,
    has_ended,
    runs_again,
    state_of,
)
from ome.controllers.benchmarkjob.telling import Teller
from ome.controllers.benchmarkjob.views import trouble_of, waiting_for
from ome.controllers.decode import Unreadable
from ome.controllers.userobjects import UserObjects
from ome.errors import ApiError, BadRequest, Conflict, Forbidden, Invalid, NotFound, NotOurs
from ome.kube.resources import JOBS
from ome.reconciler.controller import Result
from ome.workloads.benchmark import benchmark_job
from ome.workloads.benchmark.results import summary_in

if TYPE_CHECKING:
    from ome.controllers.benchmarkjob.resolving import Resolver
    from ome.controllers.benchmarkjob.views import Job, Pod
    from ome.controllers.context import ControllerContext
    from ome.controllers.decode import KindDecoder
    from ome.controllers.metaconditions import Wanted
    from ome.informers.informer import Informer
    from ome.informers.projection import WholeObject
    from ome.kube.resource import ObjectKey

__all__ = ["BY_JOB", "RETRY", "BenchmarkReconciler"]

BY_JOB = "job"
"""Index of pods: the uid of the Job that controls them."""

RETRY = 60.0
"""Seconds until a benchmark that waits is looked at without an event."""

log = structlog.get_logger("BenchmarkJob")


@dataclass(frozen=True, slots=True)
class _Pass:
    """What a pass found; ``again`` are seconds."""

    seen: Seen
    again: float | None = None
    created: bool = False


class BenchmarkReconciler:
    """Makes one BenchmarkJob true."""

    def __init__(
        self,
        context: ControllerContext,
        benchmarks: Informer[WholeObject],
        jobs: Informer[Job],
        pods: Informer[Pod],
        resolver: Resolver,
        decode: KindDecoder,
    ) -> None:
        self._context = context
        self._benchmarks = benchmarks
        self._jobs = jobs
        self._writes = UserObjects(context.applier, benchmarks, names.FINALIZER_BENCHMARK_JOB)
        self._pods = pods
        self._resolver = resolver
        self._decode = decode
        self._reader = ProgressReader(context)
        self._teller = Teller(context.events)

    async def reconcile(self, key: ObjectKey) -> Result | None:
        """One pass; see the module."""
        stored = self._benchmarks.store.get(key)
        if stored is None:
            self._reader.forget(key)
            return None
        document = stored.document()
        if stored.metadata.deletion_timestamp:
            self._reader.forget(key)
            await self._writes.release(document)
            return None
        document = await self._writes.hold(document)
        found = await self._look(key, stored)
        await self._tell(document, found.seen, created=found.created)
        await self._limit(stored, found.seen.job)
        return None if found.again is None else Result(requeue_after=found.again)

    async def _look(self, key: ObjectKey, stored: WholeObject) -> _Pass:
        job = self._own_job(key, stored.metadata.uid)
        if job is not None:
            return await self._follow(key, stored, job)
        generation = stored.metadata.generation
        endpoint: Wanted | None = None
        try:
            benchmark = self._decode(api.BenchmarkJob, stored)
            endpoint = self._endpoint(benchmark)
            if collected(benchmark, self._context.clock.wall()):
                return _Pass(Seen(None, generation, collected=True))
            self._check_former(key)
            await self._make(benchmark_job(self._resolver.inputs(benchmark)))
        except CannotRun as error:
            problem = (error.reason, error.text)
        except Unreadable as error:
            problem = (names.REASON_CONFIGURATION, str(error))
        except NotOurs as error:
            text = f"{error}; rename the BenchmarkJob or delete that Job"
            problem = (names.REASON_SERVICE_CONFLICT, text)
        except (BadRequest, Forbidden, Invalid) as error:
            text = f"failed to reconcile benchmark job: {error.message}"
            problem = (names.REASON_CONFIGURATION, text)
        else:
            return _Pass(Seen(None, generation, endpoint=endpoint), created=True)
        return _Pass(Seen(None, generation, problem, endpoint=endpoint), again=RETRY)

    def _own_job(self, key: ObjectKey, uid: str) -> Job | None:
        job = self._jobs.store.get(key)
        owner = None if job is None else job.metadata.controller
        return job if owner is not None and owner.uid == uid else None

    async def _make(self, desired: dict[str, Any]) -> None:
        applied = await self._context.applier.apply(desired, None)
        if applied.action == "created":
            self._jobs.observed(applied.object)

    def _check_former(self, key: ObjectKey) -> None:
        """Raise ``CannotRun`` while the Job of a BenchmarkJob is there that had this name."""
        job = self._jobs.store.get(key)
        owner = None if job is None else job.metadata.controller
        if owner is not None and owner.kind == "BenchmarkJob":
            raise CannotRun(
                names.REASON_WAITING_FOR_REMOVAL,
                f"Job {key} of a former BenchmarkJob of this name is still there; the benchmark"
                " starts when it is gone",
            )

    async def _follow(self, key: ObjectKey, stored: WholeObject, job: Job) -> _Pass:
        state, _, _ = state_of(job)
        pods = self._pods.store.by_index(BY_JOB, job.metadata.uid)
        pod = max(pods, key=lambda item: item.metadata.creation_timestamp or "", default=None)
        generation, benchmark = stored.metadata.generation, self._readable(stored)
        if has_ended(state):
            self._reader.forget(key)
        if state == "Failed":
            return _Pass(Seen(job, generation, trouble="" if pod is None else trouble_of(pod)))
        if state == "Completed":
            return _Pass(await self._completed(stored, job, benchmark, pod))
        waits = "" if pod is None else waiting_for(pod)
        endpoint = None if benchmark is None else self._endpoint(benchmark)
        if benchmark is None or pod is None or pod.status.phase != "Running":
            return _Pass(Seen(job, generation, trouble=waits, endpoint=endpoint))
        progress = await self._reader.read(key, pod, benchmark.spec)
        seen = Seen(job, generation, trouble=waits, progress=progress, endpoint=endpoint)
        return _Pass(seen, again=self._reader.again(key))

    def _endpoint(self, benchmark: api.BenchmarkJob) -> Wanted | None:
        try:
            return self._resolver.endpoint(benchmark)
        except Unreadable:
            return None  # whoever asks for the service says so

    async def _completed(
        self, stored: WholeObject, job: Job, benchmark: api.BenchmarkJob | None, pod: Pod | None
    ) -> Seen:
        """Where the results are, and the figures if the pod has told them."""
        generation = stored.metadata.generation
        if benchmark is None:
            return Seen(job, generation)
        location = _location(benchmark)
        told = stored.document().get("status") or {}
        known = told.get("state") == "Completed" and not runs_again(told, "Completed", job)
        if pod is None or known:
            return Seen(job, generation, location=location)
        progress, summary = await self._reader.at_the_end(pod, benchmark.spec)
        return Seen(
            job,
            generation,
            progress=progress,
            location=location,
            summary=summary_in(pod.said) or summary,
        )

    async def _limit(self, stored: WholeObject, job: Job | None) -> None:
        """Have a Job removed in time whose end has been told."""
        benchmark = self._readable(stored)
        operations = [] if job is None or benchmark is None else limiting(job, benchmark)
        if job is None or not operations:
            return
        read = job.metadata
        metadata = {
            "name": read.name,
            "namespace": read.namespace,
            "uid": read.uid,
            "resourceVersion": read.resource_version,
        }
        with suppress(NotFound):
            limited = await self._context.applier.patch_user_object(JOBS, metadata, operations)
            self._jobs.observed(limited)

    def _readable(self, stored: WholeObject) -> api.BenchmarkJob | None:
        try:
            return self._decode(api.BenchmarkJob, stored)
        except Unreadable:
            return None

    async def _tell(self, document: dict[str, Any], seen: Seen, *, created: bool) -> None:
        before = document.get("status") or {}
        after = compute_status(before, seen, wall=rfc3339(self._context.clock.wall()))
        if created:
            self._teller.created(document)
        if after == before:
            return
        try:
            await self._writes.write_status(document, after)
        except (Conflict, NotFound):
            raise
        except ApiError as error:
            self._teller.status_failed(document, error)
            raise
        self._teller.changed(document, before, after)


def _location(benchmark: api.BenchmarkJob) -> str:
    uri = benchmark.spec.output_location.storage_uri
    folder = benchmark.spec.result_folder_name
    return f"{uri.rstrip('/')}/{folder}" if folder else uri
