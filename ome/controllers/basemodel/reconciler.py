"""One pass over a model: finalizer, back-fill, status; and its release when it is deleted.

Races: reports may arrive while a pass waits for the server. They change the aggregate, and the key
of every model that they touch is queued, so the next pass sees them; what this pass writes carries
the resourceVersion that it read and loses against anything newer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import structlog

from ome.api.truncate import model_configmap_key
from ome.clock import rfc3339
from ome.controllers.basemodel.alerts import Alerts
from ome.controllers.basemodel.backfill import backfill
from ome.controllers.basemodel.claim_sources import on_claim
from ome.controllers.basemodel.farewell import Farewell
from ome.controllers.basemodel.pace import Pace
from ome.controllers.basemodel.problems import Problem, one_line, problems, said_in
from ome.controllers.basemodel.status import (
    DEGRADED,
    compute_status,
    condition,
    same_status,
    state_of,
    write_interval,
)
from ome.errors import BadRequest, Forbidden, Invalid, OmeError, RequestTooLarge
from ome.reconciler.controller import Result

if TYPE_CHECKING:
    import msgspec

    from ome.agent.protocol import Entry
    from ome.controllers.basemodel.aggregate import Aggregate, ModelReports
    from ome.controllers.basemodel.claims import ClaimModels
    from ome.controllers.context import ControllerContext
    from ome.controllers.userobjects import UserObjects
    from ome.errors import ApiError
    from ome.informers.informer import Informer
    from ome.informers.projection import WholeObject
    from ome.kube.resource import ObjectKey

__all__ = ["DELETION_RECHECK", "ModelReconciler"]

DELETION_RECHECK = 30.0
"""Seconds until a deleting model that nodes still hold is looked at without an event."""

SPEC_NOT_FILLED = "SpecNotFilled"
"""Reason of ``Degraded`` when the server refuses the fields that nodes read."""

_REFUSALS = (BadRequest, Forbidden, Invalid, RequestTooLarge)
log = structlog.get_logger("BaseModel")


class ModelReconciler:
    """Makes one model true; one instance for each of the two kinds."""

    def __init__(
        self,
        context: ControllerContext,
        models: Informer[WholeObject],
        writes: UserObjects,
        aggregate: Aggregate,
        claims: ClaimModels,
    ) -> None:
        self._context = context
        self._models = models
        self._writes = writes
        self._aggregate = aggregate
        self._claims = claims
        self._pace = Pace()
        self._filled: dict[ObjectKey, tuple[msgspec.Raw, dict[str, str], list[Entry]]] = {}
        """What each model's fields were found complete with: to look again would tell the same."""
        self._alerts = Alerts(context.events, context.clock)
        self._farewell = Farewell(context.events, context.clock)

    async def reconcile(self, key: ObjectKey) -> Result | None:
        """One pass; see the module. Raises what the server refused, once the status says so."""
        saved = self._pace.began(key)
        if saved:
            self._context.status_saved(self._models.resource.kind, saved)
        stored = self._models.store.get(key)
        if stored is None or stored.metadata.deletion_timestamp:
            self._pace.forget(key)
            self._alerts.forget(key)
            self._claims.forget(key)
            self._filled.pop(key, None)
            return None if stored is None else await self._release(key, stored)
        if not self._writes.holds(stored):
            await self._writes.hold(stored.document())
            stored = self._models.store.get(key) or stored
        if on_claim(stored.spec):
            return await self._claims.settle(key, stored.document())
        state = state_of(self._reports(key))
        rest = self._pace.wait(key, self._context.clock.monotonic(), state)
        if rest > 0:
            # Reports still pour in: looking at all of them again would change nothing now.
            return Result(requeue_after=rest)
        return await self._settle(key, stored)

    def reported(self, key: ObjectKey, report: str) -> float | None:
        """The reports on a model, which have the key ``report``, changed.

        Gives the seconds after which a pass is to look at them, None when one is on its way.
        """
        state = state_of(self._aggregate.reports(report))
        if self._pace.coming(key, state):
            return None
        return self._pace.wait(key, self._context.clock.monotonic(), state)

    def _reports(self, key: ObjectKey) -> ModelReports:
        return self._aggregate.reports(model_configmap_key(*key))

    async def _release(self, key: ObjectKey, stored: WholeObject) -> Result | None:
        if not self._writes.holds(stored):
            return None
        reports = self._reports(key)
        holding = reports.holding()
        if holding and not self._farewell.lets_go(stored, reports):
            log.info("model.deleting", nodes=holding)
            return Result(requeue_after=DELETION_RECHECK)
        await self._claims.drop(stored.metadata.uid)
        await self._writes.release(stored.document())
        return None

    async def _settle(self, key: ObjectKey, stored: WholeObject) -> Result | None:
        document = stored.document()
        refused: ApiError | None = None
        try:
            document = await self._fill(key, stored, document)
        except _REFUSALS as error:
            # What nodes read may be nonsense; where the model is must be told all the same.
            refused = error
        result = await self._tell(key, document, refused)
        if refused is not None:
            raise refused
        return result

    async def _fill(
        self, key: ObjectKey, stored: WholeObject, document: dict[str, Any]
    ) -> dict[str, Any]:
        entries = self._reports(key).entries()
        annotations = stored.metadata.annotations
        filled_from = (stored.spec, annotations, entries)
        if self._filled.get(key) == filled_from:
            return document
        fill = backfill(document.get("spec") or {}, annotations, entries)
        if fill is None:
            self._filled[key] = filled_from
            return document
        log.info("model.filled", fields=sorted(fill.fields))
        return await self._writes.patch(document, fill.ops(document))

    async def _tell(
        self, key: ObjectKey, document: dict[str, Any], refused: ApiError | None
    ) -> Result | None:
        before = document.get("status") or {}
        reports = self._reports(key)
        spec = document.get("spec") or {}
        found = problems(reports, (spec.get("storage") or {}).get("storageUri", ""))
        if refused is not None:
            found.append(_not_filled(refused))
        wall = rfc3339(self._context.clock.wall())
        disabled = bool(spec.get("disabled"))
        after = compute_status(before, reports, found, wall=wall, disabled=disabled)
        changed: set[str] = set()
        now = self._context.clock.monotonic()
        if not same_status(before, after):
            # Before it is sent: what is reported meanwhile waits for the next write.
            self._pace.wrote(key, now, write_interval(after), after["state"])
            try:
                document = await self._writes.write_last_status(document, after)
            except OmeError:
                self._pace.forget(key)
                raise
            degraded = condition(before, DEGRADED)
            changed = {problem.reason for problem in found if not said_in(degraded, problem)}
        else:
            self._pace.looked(key, now, write_interval(after), after["state"])
        wait = self._alerts.tell(key, document, found, changed)
        return None if wait is None else Result(requeue_after=wait)


def _not_filled(refused: ApiError) -> Problem:
    text = (
        f"what the nodes read could not be written to spec: {one_line(refused.message)}; set the"
        " fields in spec by hand, or see that the operator may patch models"
    )
    return Problem(SPEC_NOT_FILLED, text)
