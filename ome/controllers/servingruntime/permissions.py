"""What the runtime controllers ask of the API server."""

from __future__ import annotations

from ome.controllers.resources import (
    ACCELERATOR_CLASSES,
    CLUSTER_SERVING_RUNTIMES,
    SERVING_RUNTIMES,
)
from ome.kube.permissions import reads, writes_status

__all__ = ["PERMISSIONS"]

_RUNTIMES = (SERVING_RUNTIMES, CLUSTER_SERVING_RUNTIMES)
PERMISSIONS = (*reads(*_RUNTIMES, ACCELERATOR_CLASSES), *writes_status(*_RUNTIMES))
