"""What the service controller asks of the API server.

A kind that services get a child of stands in ``keeps``; one that is only looked at in ``reads``.
"""

from __future__ import annotations

from ome.controllers.resources import (
    ACCELERATOR_CLASSES,
    BASE_MODELS,
    CLUSTER_BASE_MODELS,
    CLUSTER_SERVING_RUNTIMES,
    INFERENCE_SERVICES,
    SERVING_RUNTIMES,
)
from ome.kube.permissions import changes, keeps, owns, reads, writes_status
from ome.kube.resources import CONFIGMAPS, DEPLOYMENTS, HPAS, PDBS, PODS, SERVICES

__all__ = ["PERMISSIONS"]

PERMISSIONS = (
    *changes(INFERENCE_SERVICES),
    *writes_status(INFERENCE_SERVICES),
    *owns(INFERENCE_SERVICES),
    *keeps(DEPLOYMENTS, SERVICES, HPAS, PDBS, CONFIGMAPS),
    *reads(PODS),
    *reads(
        BASE_MODELS,
        CLUSTER_BASE_MODELS,
        SERVING_RUNTIMES,
        CLUSTER_SERVING_RUNTIMES,
        ACCELERATOR_CLASSES,
    ),
)
