"""What the controller of fine-tuned weights asks of the API server."""

from __future__ import annotations

from ome.controllers.resources import BASE_MODELS, CLUSTER_BASE_MODELS, FINE_TUNED_WEIGHTS
from ome.kube.permissions import changes, reads, writes_status

__all__ = ["PERMISSIONS"]

PERMISSIONS = (
    *reads(BASE_MODELS, CLUSTER_BASE_MODELS),
    # The finalizer of one that nodes have.
    *changes(FINE_TUNED_WEIGHTS),
    *writes_status(FINE_TUNED_WEIGHTS),
)
