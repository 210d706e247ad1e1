"""Status ConfigMaps whose node is gone: removed, once the server says that it really is.

A node that registers late looks the same as one that is gone, so a ConfigMap without a node waits a
while before anybody asks; a node that was seen to go does not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import structlog

from ome.errors import NotFound
from ome.kube.resource import ObjectKey
from ome.kube.resources import CONFIGMAPS, NODES

if TYPE_CHECKING:
    from ome.controllers.context import ControllerContext
    from ome.informers.informer import Informer
    from ome.reconciler.controller import Result

__all__ = ["GRACE", "StaleReports"]

GRACE = 300.0
"""Seconds that a ConfigMap without a node is left alone after it was first seen."""

log = structlog.get_logger("BaseModel")


class StaleReports:
    """Reconciles the name of a node that has, or had, a status ConfigMap."""

    def __init__(
        self,
        context: ControllerContext,
        nodes: Informer[Any],
        config_maps: Informer[Any],
    ) -> None:
        self._context = context
        self._nodes = nodes
        self._config_maps = config_maps

    async def reconcile(self, key: ObjectKey) -> Result | None:
        """Delete the ConfigMap of a node that does not exist."""
        held = self._config_maps.store.get(ObjectKey(self._context.namespace, key.name))
        if held is None or self._nodes.store.get(ObjectKey("", key.name)) is not None:
            return None
        try:
            await self._context.client.get(NODES, ObjectKey("", key.name), metadata_only=True)
        except NotFound:
            pass
        else:
            return None
        try:
            await self._context.client.delete(CONFIGMAPS, held.metadata.key, uid=held.metadata.uid)
        except NotFound:
            return None
        log.info("reports.deleted", node=key.name)
        return None
