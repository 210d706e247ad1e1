"""The kubelets of all nodes: pods that start, run, fail as told, and end."""

from __future__ import annotations

from ome.sandbox.cluster.kubelets.controller import Kubelets

__all__ = ["Kubelets"]
