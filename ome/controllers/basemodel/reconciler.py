"""One pass over a model: finalizer, back-fill, status; and its release when it is deleted.

Races: reports may arrive while a pass waits for the server. They change the aggregate, and the key
of every model that they touch is queued, so the next pass sees them; what this pass writes carries
the resourceVersion that it read and loses against anything newer.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import structlog

from ome.api import names
from ome.api.truncate import model_configmap_key
from ome.clock import rfc3339
from ome.controllers.basemodel.backfill import backfill
from ome.controllers.basemodel.pace import Pace
from ome.controllers.basemodel.status import (
    DEGRADED,
    compute_status,
    same_status,
    state_of,
    write_interval,
)
from ome.controllers.regarding import regarding
from ome.errors import NotFound
from ome.kube.apply import pointer
from ome.reconciler.controller import Result

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ome.controllers.basemodel.aggregate import Aggregate
    from ome.controllers.context import ControllerContext
    from ome.informers.informer import Informer
    from ome.informers.projection import WholeObject
    from ome.kube.resource import ObjectKey, Resource

__all__ = ["ModelReconciler"]

_DELETION_RECHECK = 30.0
_SAME_EVENT = 60.0
log = structlog.get_logger("BaseModel")


class ModelReconciler:
    """Makes one model true; one instance for each of the two kinds."""

    def __init__(
        self,
        context: ControllerContext,
        resource: Resource,
        finalizer: str,
        models: Informer[WholeObject],
        aggregate: Aggregate,
    ) -> None:
        self._context = context
        self._resource = resource
        self._finalizer = finalizer
        self._models = models
        self._aggregate = aggregate
        self._pace = Pace()
        self._events: dict[tuple[str, str], float] = {}

    async def reconcile(self, key: ObjectKey) -> Result | None:
        """One pass; see the module."""
        stored = self._models.store.get(key)
        if stored is None:
            self._pace.forget(key)
            return None
        document = stored.document()
        if stored.metadata.deletion_timestamp:
            return await self._release(key, document)
        document = await self._hold(document)
        rest = self._rest(key, document)
        if rest > 0:
            # Reports still pour in: looking at all of them again would change nothing now.
            return Result(requeue_after=rest)
        document = await self._fill(key, document)
        return await self._tell(key, document)

    async def _hold(self, document: dict[str, Any]) -> dict[str, Any]:
        held = document["metadata"].get("finalizers") or []
        if self._finalizer in held:
            return document
        return await self._patch(
            document,
            [{"op": "add", "path": "/metadata/finalizers", "value": [*held, self._finalizer]}],
        )

    async def _release(self, key: ObjectKey, document: dict[str, Any]) -> Result | None:
        held = document["metadata"].get("finalizers") or []
        if self._finalizer not in held:
            return None
        holding = self._aggregate.reports(model_configmap_key(*key)).holding()
        if holding:
            log.info("model.deleting", nodes=holding)
            return Result(requeue_after=_DELETION_RECHECK)
        kept = [entry for entry in held if entry != self._finalizer]
        try:
            await self._patch(
                document, [{"op": "replace", "path": "/metadata/finalizers", "value": kept}]
            )
        except NotFound:
            return None
        return None

    async def _fill(self, key: ObjectKey, document: dict[str, Any]) -> dict[str, Any]:
        reports = self._aggregate.reports(model_configmap_key(*key)).reports
        entries = [
            report.entry for _, report in sorted(reports.items()) if report.entry is not None
        ]
        annotations = document["metadata"].get("annotations") or {}
        fill = backfill(document["spec"], annotations, entries)
        if fill is None:
            return document
        ops = [*_spec_ops(document["spec"], fill.fields)]
        if not annotations:
            ops.append({"op": "add", "path": "/metadata/annotations", "value": {}})
        path = pointer("metadata", "annotations", names.ANNOTATION_AUTO_FILLED_FIELDS)
        ops.append({"op": "add", "path": path, "value": fill.annotation})
        log.info("model.filled", fields=sorted(fill.fields))
        return await self._patch(document, ops)

    def _rest(self, key: ObjectKey, document: Mapping[str, Any]) -> float:
        state = state_of(self._aggregate.reports(model_configmap_key(*key)))
        new_state = (document.get("status") or {}).get("state") != state
        return self._pace.wait(key, self._context.clock.monotonic(), new_state=new_state)

    async def _tell(self, key: ObjectKey, document: dict[str, Any]) -> Result | None:
        before = document.get("status") or {}
        reports = self._aggregate.reports(model_configmap_key(*key))
        uri = document["spec"]["storage"].get("storageUri", "")
        wall = rfc3339(self._context.clock.wall())
        after = compute_status(before, reports, uri, wall=wall)
        if same_status(before, after):
            return None
        written = await self._context.applier.write_status(self._resource, document, after)
        self._pace.wrote(key, self._context.clock.monotonic(), write_interval(after))
        self._models.observed(written)
        self._warn(document, before, after)
        return None

    def _warn(
        self, document: Mapping[str, Any], before: Mapping[str, Any], after: Mapping[str, Any]
    ) -> None:
        """A Warning when what is wrong changed, each reason at most once a minute."""
        old, new = _condition(before), _condition(after)
        if new is None or new["status"] != "True":
            return
        if old is not None and all(old.get(part) == new[part] for part in ("reason", "message")):
            return
        now = self._context.clock.monotonic()
        mark = (document["metadata"]["uid"], new["reason"])
        self._events = {held: at for held, at in self._events.items() if now - at < _SAME_EVENT}
        if mark in self._events:
            return
        self._events[mark] = now
        self._context.events.record(
            regarding(document), "Warning", new["reason"], new["message"][:1024], "Reconcile"
        )

    async def _patch(self, document: dict[str, Any], ops: list[dict[str, Any]]) -> dict[str, Any]:
        written = await self._context.applier.patch_user_object(
            self._resource, document["metadata"], ops
        )
        if written["metadata"].get("finalizers") or not written["metadata"].get(
            "deletionTimestamp"
        ):
            self._models.observed(written)
        return written


def _condition(status: Mapping[str, Any]) -> dict[str, Any] | None:
    return next(
        (entry for entry in status.get("conditions") or () if entry.get("type") == DEGRADED), None
    )


def _spec_ops(spec: Mapping[str, Any], fields: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One operation for each top-level field that changes, with its whole value."""
    changed: dict[str, Any] = {}
    for path, value in fields.items():
        top, _, inner = path.partition(".")
        if not inner:
            changed[top] = value
            continue
        whole = changed.setdefault(top, copy.deepcopy(spec.get(top)) or {})
        whole[inner] = value
    return [
        {"op": "add", "path": pointer("spec", top), "value": value}
        for top, value in changed.items()
    ]
