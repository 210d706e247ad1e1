"""One pass over a weight: its status, and its release when nodes that had it have let go.

It carries a finalizer while nodes are to have it or still do: one that only pods fetch is deleted
at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ome.api import names
from ome.api.references import base_model_of
from ome.api.truncate import weight_configmap_key
from ome.clock import rfc3339
from ome.controllers.basemodel.alerts import Alerts
from ome.controllers.basemodel.farewell import PATIENCE, Farewell
from ome.controllers.basemodel.pace import Pace
from ome.controllers.basemodel.problems import said_in
from ome.controllers.basemodel.status import write_interval
from ome.controllers.finetunedweight.status import compute_status, for_nodes, weight_problems
from ome.controllers.metaconditions import find_condition
from ome.controllers.userobjects import UserObjects
from ome.kube.resource import ObjectKey
from ome.reconciler.controller import Result

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ome.controllers.basemodel.aggregate import Aggregate, ModelReports
    from ome.controllers.context import ControllerContext
    from ome.informers.informer import Informer
    from ome.informers.projection import WholeObject

__all__ = ["WeightReconciler", "base_of"]


def base_of(document: Mapping[str, Any]) -> tuple[str, ObjectKey] | None:
    """Kind and key of a weight's base model; None when it names none."""
    base = base_model_of(document.get("spec") or {})
    return None if base is None else (base.kind, ObjectKey(base.namespace, base.name))


class WeightReconciler:
    """Makes the status of one weight true; ``models`` are the informers of both kinds."""

    def __init__(
        self,
        context: ControllerContext,
        weights: Informer[WholeObject],
        models: Mapping[str, Informer[WholeObject]],
        aggregate: Aggregate,
    ) -> None:
        self._context = context
        self._weights = weights
        self._writes = UserObjects(context.applier, weights, names.FINALIZER_FINE_TUNED_WEIGHT)
        self._models = models
        self._aggregate = aggregate
        self._pace = Pace()
        self._alerts = Alerts(context.events, context.clock)
        self._farewell = Farewell(context.events, context.clock)

    async def reconcile(self, key: ObjectKey) -> Result | None:
        """One pass; see the module."""
        stored = self._weights.store.get(key)
        if stored is None or stored.metadata.deletion_timestamp:
            self._pace.forget(key)
            self._alerts.forget(key)
            return None if stored is None else await self._release(stored)
        reports = self._aggregate.reports(weight_configmap_key(key.name))
        document = stored.document()
        kept = reports.holding() or for_nodes(document.get("spec") or {})
        settle = self._writes.hold if kept else self._writes.release
        return await self._tell(key, await settle(document), reports)

    async def _tell(
        self, key: ObjectKey, document: dict[str, Any], reports: ModelReports
    ) -> Result | None:
        spec = document.get("spec") or {}
        found = weight_problems(spec, self._base_exists(document), reports)
        before = document.get("status") or {}
        wall = rfc3339(self._context.clock.wall())
        after = compute_status(
            before,
            found,
            reports,
            for_nodes=for_nodes(spec),
            wall=wall,
            disabled=bool(spec.get("disabled")),
        )
        changed: set[str] = set()
        if after != before:
            now = self._context.clock.monotonic()
            rest = self._pace.wait(key, now, after["state"])
            if rest > 0:
                return Result(requeue_after=rest)
            document = await self._writes.write_status(document, after)
            self._pace.wrote(key, now, write_interval(after), after["state"])
            degraded = dict(find_condition(before, "Degraded"))
            changed = {problem.reason for problem in found if not said_in(degraded, problem)}
        wait = self._alerts.tell(key, document, found, changed)
        return None if wait is None else Result(requeue_after=wait)

    def _base_exists(self, document: Mapping[str, Any]) -> bool:
        base = base_of(document)
        return base is not None and self._models[base[0]].store.get(base[1]) is not None

    async def _release(self, stored: WholeObject) -> Result | None:
        if not self._writes.holds(stored):
            return None
        reports = self._aggregate.reports(weight_configmap_key(stored.metadata.name))
        if reports.holding() and not self._farewell.lets_go(stored, reports):
            return Result(requeue_after=PATIENCE)
        await self._writes.release(stored.document())
        return None
