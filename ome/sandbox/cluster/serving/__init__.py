"""Stand-ins for operators of others that run services: Knative Serving and KubeRay, much reduced.

They make the pods that the real ones would make and say in the status what callers wait for. There
is no scaling to zero, no routing and no Ray inside.
"""

from __future__ import annotations

from ome.sandbox.cluster.serving.knative import KnativeServices
from ome.sandbox.cluster.serving.ray import RayClusters

__all__ = ["KnativeServices", "RayClusters"]
