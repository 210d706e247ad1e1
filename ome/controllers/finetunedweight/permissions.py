"""What the controller of fine-tuned weights asks of the API server."""

from __future__ import annotations

from ome.controllers.resources import BASE_MODELS, CLUSTER_BASE_MODELS, FINE_TUNED_WEIGHTS
from ome.kube.permissions import reads, writes_status

__all__ = ["PERMISSIONS"]

PERMISSIONS = (
    *reads(FINE_TUNED_WEIGHTS, BASE_MODELS, CLUSTER_BASE_MODELS),
    *writes_status(FINE_TUNED_WEIGHTS),
)
