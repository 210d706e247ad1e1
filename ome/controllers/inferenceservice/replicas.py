"""How many replicas a workload is told to have: once, at its creation and when the wish changes.

In between the number belongs to whoever changes it: a human, an autoscaler. What was asked last
stands in an annotation, so a wish that is repeated is known from one that is new.

Where an autoscaler of ours takes over nothing is asked any more, and the annotation stays: when the
autoscaler goes again, the number that it left stays too, until the service asks for another one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ome.api import names
from ome.controllers.resources import LEADER_WORKER_SETS

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["once"]

_NONE = "0"
_AWAKE = 1


def once(
    desired: Mapping[str, Any], live: Mapping[str, Any] | None
) -> tuple[dict[str, Any], int | None]:
    """The document without its number of replicas, and that number when it is to be sent now."""
    kind = (desired["apiVersion"], desired["kind"])
    if kind != (LEADER_WORKER_SETS.api_version, LEADER_WORKER_SETS.kind):
        return dict(desired), None
    held = {} if live is None else live["metadata"].get("annotations") or {}
    asked: str | None = held.get(names.ANNOTATION_ASKED_REPLICAS)
    replicas = desired["spec"].get("replicas")
    if replicas is None:
        return _left_alone(desired, live, asked)
    document = _without_replicas(_marked(desired, str(replicas)))
    return document, None if asked == str(replicas) else int(replicas)


def _left_alone(
    desired: Mapping[str, Any], live: Mapping[str, Any] | None, asked: str | None
) -> tuple[dict[str, Any], int | None]:
    """A workload that an autoscaler moves; it does not move one that it finds at zero."""
    if asked is None:
        return dict(desired), None
    if asked != _NONE:
        return _marked(desired, asked), None
    asleep = live is not None and live["spec"].get("replicas") == 0
    # Said once: when the autoscaler itself goes to zero later, it is not woken by us.
    return _marked(desired, str(_AWAKE)), _AWAKE if asleep else None


def _marked(desired: Mapping[str, Any], asked: str) -> dict[str, Any]:
    metadata = desired["metadata"]
    annotations = {**(metadata.get("annotations") or {}), names.ANNOTATION_ASKED_REPLICAS: asked}
    return {**desired, "metadata": {**metadata, "annotations": annotations}}


def _without_replicas(document: dict[str, Any]) -> dict[str, Any]:
    spec = {name: value for name, value in document["spec"].items() if name != "replicas"}
    return {**document, "spec": spec}
