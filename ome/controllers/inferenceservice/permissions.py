"""What the service controller asks of the API server.

A kind that services get a child of stands in ``CHILD_KINDS``; one that is only looked at in
``reads``.
"""

from __future__ import annotations

from ome.controllers.inferenceservice.needs import CHILD_KINDS
from ome.controllers.inferenceservice.world import SHARED
from ome.controllers.resources import INFERENCE_SERVICES
from ome.kube.permissions import changes, keeps, owns, reads, writes_status
from ome.kube.resources import CORE_EVENTS, PODS

__all__ = ["PERMISSIONS"]

PERMISSIONS = (
    *changes(INFERENCE_SERVICES),
    *writes_status(INFERENCE_SERVICES),
    *owns(INFERENCE_SERVICES),
    *keeps(*CHILD_KINDS),
    *reads(CORE_EVENTS, PODS, *SHARED),
)
