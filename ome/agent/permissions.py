"""What a node's agent asks of the API server."""

from __future__ import annotations

from ome.kube.permissions import may
from ome.kube.resources import CONFIGMAPS, LEASES, NODES, SECRETS

__all__ = ["PERMISSIONS"]

PERMISSIONS = (
    may(NODES, "get", "list", "watch", "patch"),
    # The node's report; its name is the node's.
    may(CONFIGMAPS, "get", "create", "patch", own=True),
    # The turns that nodes take at a model that limits them.
    may(LEASES, "get", "list", "create", "update", "delete", own=True),
    # What a model's storage names, in the model's namespace; read by name, never listed.
    may(SECRETS, "get"),
)
