"""What the service controller asks of the API server.

A kind that services get a child of stands in ``CHILD_KINDS``; one that is only looked at in
``reads``.
"""

from __future__ import annotations

from ome.controllers.inferenceservice.needs import CHILD_KINDS
from ome.controllers.resources import (
    ACCELERATOR_CLASSES,
    BASE_MODELS,
    CLUSTER_BASE_MODELS,
    CLUSTER_SERVING_RUNTIMES,
    FINE_TUNED_WEIGHTS,
    INFERENCE_SERVICES,
    SERVING_RUNTIMES,
)
from ome.kube.permissions import changes, keeps, owns, reads, writes_status
from ome.kube.resources import PODS

__all__ = ["PERMISSIONS"]

PERMISSIONS = (
    *changes(INFERENCE_SERVICES),
    *writes_status(INFERENCE_SERVICES),
    *owns(INFERENCE_SERVICES),
    *keeps(*CHILD_KINDS),
    *reads(PODS),
    *reads(
        BASE_MODELS,
        CLUSTER_BASE_MODELS,
        FINE_TUNED_WEIGHTS,
        SERVING_RUNTIMES,
        CLUSTER_SERVING_RUNTIMES,
        ACCELERATOR_CLASSES,
    ),
)
