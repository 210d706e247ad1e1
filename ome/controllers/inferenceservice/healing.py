"""Ray clusters that stopped serving although Ray says that they are well: they are made anew.

The prober of a cluster asks its model server. Once a cluster has its workers and its prober stays
unavailable for longer than the operator's ``unavailableThresholdSeconds``, the cluster is deleted,
and the next pass makes it again. Since when it is unavailable stands in an annotation of the
cluster, so neither a restart nor a new leader begins to count anew.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import structlog

from ome.api import names
from ome.clock import rfc3339
from ome.controllers.resources import RAY_CLUSTERS
from ome.kube.apply import pointer
from ome.kube.resource import ObjectKey
from ome.kube.resources import DEPLOYMENTS
from ome.workloads.ray import prober_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ome.clock import Clock
    from ome.controllers.inferenceservice.children import Children
    from ome.controllers.inferenceservice.passes import Pass
    from ome.controllers.inferenceservice.planning import Planned
    from ome.informers.projection import WholeObject
    from ome.kube.apply import Applier

__all__ = ["Healer"]

_SINCE = names.ANNOTATION_UNAVAILABLE_SINCE
_SOON = 1.0
log = structlog.get_logger("InferenceService")


class Healer:
    """Looks after the Ray clusters of services."""

    def __init__(self, children: Children, applier: Applier, clock: Clock) -> None:
        self._children = children
        self._applier = applier
        self._clock = clock

    async def heal(self, run: Pass, planned: Planned) -> None:
        """Note, forget or end what is unavailable. Raises ``ApiError`` and ``TransportError``."""
        if all(component.mode != names.MODE_RAY for component in planned.plan.components):
            return
        for stored in self._children.owned(RAY_CLUSTERS, run.key, run.stored.metadata.uid):
            await self._look(run, stored, planned.unavailable_seconds)

    async def _look(self, run: Pass, stored: WholeObject, threshold: float) -> None:
        cluster = stored.document()
        metadata = cluster["metadata"]
        since = (metadata.get("annotations") or {}).get(_SINCE)
        if not self._is_unavailable(cluster):
            if since is not None:
                await self._patch(cluster, {"op": "remove", "path": _path(_SINCE)})
            return
        if since is None:
            now = rfc3339(self._clock.wall())
            await self._patch(cluster, _noted(metadata, now))
            run.come_back(threshold)
            return
        left = threshold - (self._clock.wall() - _seconds(since))
        if left > 0:
            run.come_back(left)
            return
        log.warning("raycluster.recreated", cluster=metadata["name"], unavailable_since=since)
        await self._children.delete(RAY_CLUSTERS, stored)
        run.come_back(_SOON)

    def _is_unavailable(self, cluster: Mapping[str, Any]) -> bool:
        """Whether Ray says that a cluster is well and its prober says that it is not."""
        status = cluster.get("status") or {}
        ready = status.get("state") == "ready" or any(
            item.get("type") == "Ready" and item.get("status") == "True"
            for item in status.get("conditions") or ()
        )
        if not ready or not status.get("availableWorkerReplicas"):
            return False
        metadata = cluster["metadata"]
        key = ObjectKey(metadata["namespace"], prober_name(metadata["name"]))
        prober = self._children.cached(DEPLOYMENTS.api_version, DEPLOYMENTS.kind, key)
        return prober is not None and bool(
            (prober.get("status") or {}).get("unavailableReplicas", 0)
        )

    async def _patch(self, cluster: Mapping[str, Any], change: Mapping[str, Any]) -> None:
        written = await self._applier.patch_user_object(RAY_CLUSTERS, cluster["metadata"], [change])
        self._children.observed(written)


def _noted(metadata: Mapping[str, Any], now: str) -> dict[str, Any]:
    if metadata.get("annotations"):
        return {"op": "add", "path": _path(_SINCE), "value": now}
    return {"op": "add", "path": "/metadata/annotations", "value": {_SINCE: now}}


def _path(annotation: str) -> str:
    return pointer("metadata", "annotations", annotation)


def _seconds(text: str) -> float:
    """Seconds since 1970; 0 for what is no time, so that it is long ago."""
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        return 0.0
