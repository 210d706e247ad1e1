"""One pass over a runtime: its conditions, and a Warning when one of them begins to say something.

A runtime is never refused here: what it can serve, it serves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from ome import api
from ome.clock import rfc3339
from ome.controllers.decode import Unreadable
from ome.controllers.regarding import regarding
from ome.controllers.servingruntime.status import (
    PRIORITIES_DISTINCT,
    VALID,
    compute_status,
    condition,
    problems,
)
from ome.controllers.userobjects import UserObjects
from ome.errors import NotFound
from ome.kube.resource import ObjectKey

if TYPE_CHECKING:
    from ome.controllers.context import ControllerContext
    from ome.controllers.decode import KindDecoder
    from ome.controllers.servingruntime.overlaps import Overlaps
    from ome.informers.informer import Informer
    from ome.informers.projection import WholeObject

__all__ = ["Kind", "RuntimeReconciler"]

Kind = type[api.ServingRuntime] | type[api.ClusterServingRuntime]
log = structlog.get_logger("ServingRuntime")


class RuntimeReconciler:
    """Tells what is wrong with one runtime; one instance for each of the two kinds."""

    def __init__(
        self,
        context: ControllerContext,
        kind: Kind,
        runtimes: Informer[WholeObject],
        classes: Informer[WholeObject],
        overlaps: Overlaps,
        decode: KindDecoder,
    ) -> None:
        self._context = context
        self._kind = kind
        self._runtimes = runtimes
        self._writes = UserObjects(context.applier, runtimes)
        self._classes = classes
        self._overlaps = overlaps
        self._decode = decode

    async def reconcile(self, key: ObjectKey) -> None:
        """One pass."""
        stored = self._runtimes.store.get(key)
        if stored is None or stored.metadata.deletion_timestamp:
            return
        try:
            spec = self._decode(self._kind, stored).spec
        except Unreadable as error:
            log.warning("runtime.unreadable", error=str(error))
            return
        document = stored.document()
        before = document.get("status") or {}
        wall = rfc3339(self._context.clock.wall())
        found = problems(spec, lambda name: ObjectKey("", name) in self._classes.store)
        after = compute_status(before, found, self._overlaps.of(key), wall=wall)
        if after == before:
            return
        try:
            await self._writes.write_status(document, after)
        except NotFound:
            return
        for type_ in (VALID, PRIORITIES_DISTINCT):
            now = condition(after, type_)
            if now["status"] == "False" and now["message"] != condition(before, type_).get(
                "message"
            ):
                self._context.events.record(
                    regarding(document), "Warning", now["reason"], now["message"], "Reconcile"
                )
