"""The simulated cluster beside the embedded API server: nodes, scheduler, kubelets, controllers.

It sees and changes objects only through ``ome.sandbox.local.LocalApi``, as the components of a real
cluster do through their API server.
"""

from __future__ import annotations

from ome.sandbox.cluster.cluster import Cluster
from ome.sandbox.cluster.options import Options

__all__ = ["Cluster", "Options"]
