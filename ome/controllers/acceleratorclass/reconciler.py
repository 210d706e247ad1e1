"""One pass over an accelerator class: its finalizer, and a status when its nodes changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from ome import api
from ome.api import names
from ome.clock import rfc3339
from ome.controllers.acceleratorclass.status import compute_status
from ome.controllers.basemodel.pace import Pace
from ome.controllers.decode import Unreadable
from ome.controllers.userobjects import UserObjects
from ome.errors import NotFound
from ome.reconciler.controller import Result

if TYPE_CHECKING:
    from ome.controllers.acceleratorclass.aggregate import Aggregate
    from ome.controllers.context import ControllerContext
    from ome.controllers.decode import KindDecoder
    from ome.informers.informer import Informer
    from ome.informers.projection import WholeObject
    from ome.kube.resource import ObjectKey

__all__ = ["ClassReconciler"]

_NAMES_PER_SECOND = 1000
log = structlog.get_logger("AcceleratorClass")


class ClassReconciler:
    """Makes the status of one class true; at once first, then as often as its size allows."""

    def __init__(
        self,
        context: ControllerContext,
        classes: Informer[WholeObject],
        aggregate: Aggregate,
        decode: KindDecoder,
    ) -> None:
        self._context = context
        self._classes = classes
        self._writes = UserObjects(context.applier, classes, names.FINALIZER_ACCELERATOR_CLASS)
        self._aggregate = aggregate
        self._decode = decode
        self._pace = Pace()

    async def reconcile(self, key: ObjectKey) -> Result | None:
        """One pass; see the module."""
        stored = self._classes.store.get(key)
        if stored is None or stored.metadata.deletion_timestamp:
            self._pace.forget(key)
            if stored is not None:
                await self._writes.release(stored.document())
            return None
        document = await self._writes.hold(stored.document())
        try:
            spec = self._decode(api.AcceleratorClass, stored).spec
        except Unreadable as error:
            log.warning("class.unreadable", error=str(error))
            return None
        found = self._aggregate.nodes(key.name)
        any_node = str(bool(found.nodes))
        rest = self._pace.wait(key, self._context.clock.monotonic(), any_node)
        if rest > 0:
            return Result(requeue_after=rest)
        before = document.get("status") or {}
        wall = rfc3339(self._context.clock.wall())
        after = compute_status(before, spec, found, wall=wall)
        if after != before:
            try:
                await self._writes.write_status(document, after)
            except NotFound:
                return None
            interval = max(1.0, len(found.nodes) / _NAMES_PER_SECOND)
            self._pace.wrote(key, self._context.clock.monotonic(), interval, any_node)
        return None
