"""What the model controllers ask of the API server."""

from __future__ import annotations

from ome.controllers.resources import BASE_MODELS, CLUSTER_BASE_MODELS
from ome.kube.permissions import changes, keeps, may, owns, reads, writes_status
from ome.kube.resources import CONFIGMAPS, JOBS, NODES, PODS, PVCS, STORAGE_CLASSES

__all__ = ["PERMISSIONS"]

_MODELS = (BASE_MODELS, CLUSTER_BASE_MODELS)
PERMISSIONS = (
    *changes(*_MODELS),
    *writes_status(*_MODELS),
    *reads(NODES),
    # The reports of nodes; one of a node that is gone is deleted.
    may(CONFIGMAPS, "get", "list", "watch", "delete", own=True),
    # Models on claims: the Job that looks at the files, and what its pod said in the end.
    *owns(*_MODELS),
    *keeps(JOBS),
    *reads(PVCS),
    may(PODS, "list"),
    may(STORAGE_CLASSES, "get"),
)
