"""What the processes ask of the API server: the declarations of their parts, added up."""

from __future__ import annotations

from ome.agent.permissions import PERMISSIONS as AGENT_PERMISSIONS
from ome.controllers.acceleratorclass import permissions as of_accelerators
from ome.controllers.basemodel import permissions as of_models
from ome.controllers.benchmarkjob import permissions as of_benchmarks
from ome.controllers.finetunedweight import permissions as of_weights
from ome.controllers.inferenceservice import permissions as of_services
from ome.controllers.inferenceservice.world import SHARED
from ome.controllers.resources import (
    INFERENCE_SERVICES,
    ON_NODES,
)
from ome.controllers.servingruntime import permissions as of_runtimes
from ome.kube.permissions import may, reads
from ome.kube.resources import (
    CONFIGMAPS,
    CRDS,
    EVENTS,
    LEASES,
    NAMESPACES,
    PODS,
    SUBJECT_ACCESS_REVIEWS,
    TOKEN_REVIEWS,
)
from ome.webhooks.permissions import PERMISSIONS as WEBHOOK_PERMISSIONS

__all__ = ["AGENT", "MANAGER", "METRICS_READER"]

MANAGER = (
    *of_models.PERMISSIONS,
    *of_accelerators.PERMISSIONS,
    *of_runtimes.PERMISSIONS,
    *of_services.PERMISSIONS,
    *of_weights.PERMISSIONS,
    *of_benchmarks.PERMISSIONS,
    *WEBHOOK_PERMISSIONS,
    # What reviews read (ome.cli.webhooks).
    *reads(INFERENCE_SERVICES, *SHARED, PODS),
    *reads(CONFIGMAPS, own=True),
    # Optional kinds are noticed by their definitions; the Lease is watched by those that wait.
    *reads(CRDS),
    may(LEASES, "get", "list", "watch", "create", "update", own=True),
    may(EVENTS, "create", "patch"),
    # The dry run that proves that a first write only creates (``Applier.prove``).
    may(NAMESPACES, "get", "patch", names=("default",)),
)
"""``ome manager`` with all flags."""

AGENT = (*AGENT_PERMISSIONS, *reads(*ON_NODES))
"""``ome agent``."""

METRICS_READER = (may(TOKEN_REVIEWS, "create"), may(SUBJECT_ACCESS_REVIEWS, "create"))
"""What asking who reads the metrics takes (``--metrics-secure``)."""
