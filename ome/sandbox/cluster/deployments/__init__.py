"""Deployments: rolling from one template to the next without losing what is served."""

from __future__ import annotations

from ome.sandbox.cluster.deployments.controller import Deployments

__all__ = ["Deployments"]
