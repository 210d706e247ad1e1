"""How many replicas a workload is told to have: once, at its creation and when the wish changes.

In between the number belongs to whoever changes it: a human, an autoscaler. What was asked last
stands in an annotation, so a wish that is repeated is known from one that is new.

Where an autoscaler moves it, ours or one of the user's (class ``external``), the plan has that
annotation and no number: it is sent at the creation only. The annotation goes on to follow the
wish, so when the autoscaler goes again, the number that it left stays until the service asks for
another one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ome.api import names
from ome.controllers.resources import LEADER_WORKER_SETS

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["once"]

_NONE = "0"


def once(
    desired: Mapping[str, Any], live: Mapping[str, Any] | None
) -> tuple[dict[str, Any], int | None]:
    """The document without its number of replicas, and that number when it is to be sent now."""
    kind = (desired["apiVersion"], desired["kind"])
    if kind != (LEADER_WORKER_SETS.api_version, LEADER_WORKER_SETS.kind):
        return dict(desired), None
    held = {} if live is None else live["metadata"].get("annotations") or {}
    before: str | None = held.get(names.ANNOTATION_ASKED_REPLICAS)
    replicas = desired["spec"].get("replicas")
    if replicas is None:
        return dict(desired), _first(desired, live, before)
    document = _without_replicas(_marked(desired, str(replicas)))
    return document, None if before == str(replicas) else int(replicas)


def _first(
    desired: Mapping[str, Any], live: Mapping[str, Any] | None, before: str | None
) -> int | None:
    """The number that an autoscaler begins with; it does not move what it finds at zero."""
    asked = (desired["metadata"].get("annotations") or {}).get(names.ANNOTATION_ASKED_REPLICAS)
    if asked is None:
        return None
    asleep = live is not None and before == _NONE and live["spec"].get("replicas") == 0
    return int(asked) if live is None or asleep else None


def _marked(desired: Mapping[str, Any], asked: str) -> dict[str, Any]:
    metadata = desired["metadata"]
    annotations = {**(metadata.get("annotations") or {}), names.ANNOTATION_ASKED_REPLICAS: asked}
    return {**desired, "metadata": {**metadata, "annotations": annotations}}


def _without_replicas(document: dict[str, Any]) -> dict[str, Any]:
    spec = {name: value for name, value in document["spec"].items() if name != "replicas"}
    return {**document, "spec": spec}
