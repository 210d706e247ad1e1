"""One pass over an InferenceService: plan, apply what differs, observe, expose, prune, tell.

A pass never stops half told: whatever step fails, the status is written at the end with the
condition of that step, so the user reads there what to do. Errors that only a change of another
object can mend end the pass quietly, since that change brings the key back; the others are raised
and run again with back-off.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from ome.api import names
from ome.controllers.decode import Unreadable
from ome.controllers.inferenceservice.migrating import migration
from ome.controllers.inferenceservice.passes import Pass
from ome.controllers.inferenceservice.planning import awaited
from ome.controllers.inferenceservice.steps import StepFailed
from ome.errors import ApiError, TransportError
from ome.kube.resource import ObjectKey
from ome.reconciler.controller import Result
from ome.telemetry.flights import saw

if TYPE_CHECKING:
    from ome.controllers.inferenceservice.applying import Writer
    from ome.controllers.inferenceservice.exposing import Exposer
    from ome.controllers.inferenceservice.healing import Healer
    from ome.controllers.inferenceservice.measures import Measures
    from ome.controllers.inferenceservice.observing import Observer
    from ome.controllers.inferenceservice.planning import Planned, Planner
    from ome.controllers.inferenceservice.telling import Teller
    from ome.controllers.inferenceservice.usage import Usage
    from ome.controllers.inferenceservice.world import World
    from ome.controllers.userobjects import UserObjects
    from ome.informers.informer import Informer
    from ome.informers.projection import WholeObject

__all__ = ["Reconciler"]

log = structlog.get_logger("InferenceService")


class Reconciler:
    """Makes one InferenceService true; holds no state of its own but the usage index."""

    def __init__(
        self,
        services: Informer[WholeObject],
        *,
        writes: UserObjects,
        world: World,
        usage: Usage,
        planner: Planner,
        writer: Writer,
        healer: Healer,
        observer: Observer,
        exposer: Exposer,
        teller: Teller,
        measures: Measures,
    ) -> None:
        self._services = services
        self._writes = writes
        self._world = world
        self._usage = usage
        self._planner = planner
        self._writer = writer
        self._healer = healer
        self._observer = observer
        self._exposer = exposer
        self._teller = teller
        self._measures = measures

    async def reconcile(self, key: ObjectKey) -> Result | None:
        """One pass; see the module. Raises what should run again with back-off."""
        stored = self._services.store.get(key)
        if stored is None:
            self._usage.forget(key)
            self._measures.forget(key)
            self._writer.forget(key)
            return None
        if stored.metadata.deletion_timestamp:
            self._usage.forget(key)
            await self._writes.release(stored.document())
            return None
        if not self._writes.holds(stored):
            await self._writes.hold(stored.document())
        try:
            found = self._world.service(key)
        except Unreadable as error:
            log.warning("service.unreadable", error=str(error))
            return None
        if found is None:
            return None
        run = Pass(*found)
        if not run.paused and await self._migrates(run):
            # The migrated service is what this pass goes on with.
            run = Pass(*(self._world.service(key) or found))
        await self._work(run)
        await self._teller.tell(run)
        if run.error is not None:
            raise run.error
        return None if run.requeue_after is None else Result(requeue_after=run.requeue_after)

    async def _work(self, run: Pass) -> None:
        planned = None if run.failures else self._plan(run)
        if planned is None:
            return
        run.mode = planned.plan.service_mode
        run.serverless = run.mode == names.MODE_SERVERLESS
        if planned.choice is None and not (run.paused and self._writer.has_workloads(run)):
            run.virtual_url = planned.plan.url
        complete = run.paused or await self._writer.apply(run, planned)
        self._observer.observe(run, planned)
        if planned.failure is not None:
            run.failures.append(planned.failure)
            return
        exposed = planned.plan.exposed
        if complete and exposed is not None and self._writer.fits_what_runs(run, planned):
            await self._exposer.expose(run, exposed)
        if complete and not run.paused:
            if planned.choice is None:
                await self._exposer.withdraw(run)
            await self._writer.prune(run, planned)
            await self._look_after(run, planned)

    async def _look_after(self, run: Pass, planned: Planned) -> None:
        try:
            await self._healer.heal(run, planned)
        except (ApiError, TransportError) as error:
            run.error = run.error or error

    def _plan(self, run: Pass) -> Planned | None:
        """The plan, or None when a step failed.

        What it used is recorded at once: a change that comes while objects are written must find
        its users.
        """
        planned, failed = None, None
        try:
            planned = self._planner.plan(run.service, run.uses)
            failed = planned.failure
            if planned.choice is not None:
                run.unsatisfied = planned.choice.warning
                waits = awaited(planned.choice)
                if waits is not None:
                    raise waits
        except StepFailed as failure:
            planned, failed = None, failure
            run.failures.append(failure)
        self._record(run, failed)
        self._measures.chose(run, None if planned is None else planned.choice, failed)
        self._note(run)
        return planned

    def _note(self, run: Pass) -> None:
        """Have the flight recorder know what the plan is made from."""
        for used in run.uses:
            version = self._world.version(used.kind, ObjectKey(used.namespace, used.name))
            if version:
                saw(f"{used.kind} {used.name}", version)

    def _record(self, run: Pass, failed: StepFailed | None) -> None:
        self._usage.record(
            run.key,
            run.uses,
            waiting=bool(run.unsatisfied) if failed is None else failed.waiting,
            topics=frozenset() if failed is None else failed.topics,
        )

    async def _migrates(self, run: Pass) -> bool:
        """Turn a deprecated predictor into what it means; False when there was nothing to do."""
        try:
            patch = migration(run.service, self._world.sources, run.uses)
        except StepFailed as failure:
            run.failures.append(failure)
            self._record(run, failure)
            return False
        if not patch:
            return False
        await self._writes.patch(run.stored.document(), patch)
        return True
