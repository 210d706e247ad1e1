"""What a node's agent asks of the API server."""

from __future__ import annotations

from ome.kube.permissions import may
from ome.kube.resources import CONFIGMAPS, NODES

__all__ = ["PERMISSIONS"]

PERMISSIONS = (
    may(NODES, "get", "list", "watch", "patch"),
    # The node's report; its name is the node's.
    may(CONFIGMAPS, "get", "create", "patch", own=True),
)
