"""What the accelerator class controller asks of the API server."""

from __future__ import annotations

from ome.controllers.resources import ACCELERATOR_CLASSES
from ome.kube.permissions import changes, reads, writes_status
from ome.kube.resources import NODES

__all__ = ["PERMISSIONS"]

PERMISSIONS = (
    *changes(ACCELERATOR_CLASSES),
    *writes_status(ACCELERATOR_CLASSES),
    *reads(NODES),
)
