"""What the model controllers ask of the API server."""

from __future__ import annotations

from ome.controllers.resources import BASE_MODELS, CLUSTER_BASE_MODELS
from ome.kube.permissions import changes, may, reads, writes_status
from ome.kube.resources import CONFIGMAPS, NODES

__all__ = ["PERMISSIONS"]

_MODELS = (BASE_MODELS, CLUSTER_BASE_MODELS)
PERMISSIONS = (
    *changes(*_MODELS),
    *writes_status(*_MODELS),
    *reads(NODES),
    # The reports of nodes; one of a node that is gone is deleted.
    may(CONFIGMAPS, "get", "list", "watch", "delete", own=True),
)
