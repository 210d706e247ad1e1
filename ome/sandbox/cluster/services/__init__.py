"""Where a Service's pods are reached: EndpointSlices, and Endpoints for those who still ask."""

from __future__ import annotations

from ome.sandbox.cluster.services.controller import ServiceEndpoints

__all__ = ["ServiceEndpoints"]
