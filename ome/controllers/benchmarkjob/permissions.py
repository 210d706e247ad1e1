"""What the benchmark controller asks of the API server."""

from __future__ import annotations

from ome.controllers.resources import (
    BASE_MODELS,
    BENCHMARK_JOBS,
    CLUSTER_BASE_MODELS,
    CLUSTER_SERVING_RUNTIMES,
    FINE_TUNED_WEIGHTS,
    INFERENCE_SERVICES,
    SERVING_RUNTIMES,
)
from ome.kube.permissions import changes, keeps, may, owns, reads, writes_status
from ome.kube.resources import CONFIGMAPS, DEPLOYMENTS, JOBS, PODS, PVCS

__all__ = ["PERMISSIONS"]

PERMISSIONS = (
    *changes(BENCHMARK_JOBS),
    *writes_status(BENCHMARK_JOBS),
    *owns(BENCHMARK_JOBS),
    *keeps(JOBS),
    *reads(PODS, PVCS),
    # How far a benchmark is stands at the end of its pod's log.
    may(PODS, "get", subresource="log"),
    *reads(CONFIGMAPS, own=True),
    # What is measured: the service, its model, and the command line of its engine.
    *reads(
        INFERENCE_SERVICES,
        BASE_MODELS,
        CLUSTER_BASE_MODELS,
        FINE_TUNED_WEIGHTS,
        SERVING_RUNTIMES,
        CLUSTER_SERVING_RUNTIMES,
        DEPLOYMENTS,
    ),
)
