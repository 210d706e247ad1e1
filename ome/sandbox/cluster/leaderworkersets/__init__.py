"""LeaderWorkerSets (``leaderworkerset.x-k8s.io/v1``), once their CRD is served.

The real controller makes StatefulSets that make the pods; here the pods are made directly, with
the same names, labels, annotations and environment. What is new is never made beside what is old:
``maxSurge`` is not acted on.
"""

from __future__ import annotations

from ome.sandbox.cluster.leaderworkersets.controller import LeaderWorkerSets

__all__ = ["LeaderWorkerSets"]
