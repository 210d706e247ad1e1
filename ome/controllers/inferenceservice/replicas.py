"""How many replicas a workload is told to have: once, at its creation and when the wish changes.

In between the number belongs to whoever changes it: a human, an autoscaler. What was asked last
stands in an annotation, so a wish that is repeated is known from one that is new.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ome.api import names
from ome.controllers.resources import LEADER_WORKER_SETS

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["once"]


def once(
    desired: Mapping[str, Any], live: Mapping[str, Any] | None
) -> tuple[dict[str, Any], int | None]:
    """The document without its number of replicas, and that number when it is to be sent now."""
    kind = (desired["apiVersion"], desired["kind"])
    replicas = desired["spec"].get("replicas") if "spec" in desired else None
    if kind != (LEADER_WORKER_SETS.api_version, LEADER_WORKER_SETS.kind) or replicas is None:
        return dict(desired), None
    metadata = desired["metadata"]
    annotations = {
        **(metadata.get("annotations") or {}),
        names.ANNOTATION_ASKED_REPLICAS: str(replicas),
    }
    spec = {name: value for name, value in desired["spec"].items() if name != "replicas"}
    document = {**desired, "metadata": {**metadata, "annotations": annotations}, "spec": spec}
    held = {} if live is None else live["metadata"].get("annotations") or {}
    asked = held.get(names.ANNOTATION_ASKED_REPLICAS)
    return document, None if asked == str(replicas) else int(replicas)
