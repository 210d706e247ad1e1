"""Workloads that another operator of the same kinds has left: kept as they are, pods and all.

Pods of a running service are precious, so a take-over changes no template. A workload of the
service without a rendering of ours gets the rendering ``adopted-N``: what its pods are like stays
until the service's spec changes, what it shares with others changes (a few services at a time), or
its user asks with annotation ``ome.io/upgrade-template``. Then it is rendered as any other. ``N``
is the rendering that it is compared with meanwhile, so that a newer version of OME is no change.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ome.api import names
from ome.controllers.inferenceservice.rollout import SERVICE_GENERATION
from ome.controllers.inferenceservice.settled import essence_hash, settled
from ome.controllers.inferenceservice.workload import planned_hash, with_pods_of

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["keeps", "kept", "rendering_of", "with_kept_pods"]

_ADOPTED = "adopted-"


def rendering_of(workload: Mapping[str, Any]) -> str | None:
    """The rendering that a workload is planned with; None when none of ours made it."""
    annotations = workload["metadata"].get("annotations") or {}
    held = annotations.get(names.ANNOTATION_RENDERING)
    return None if held is None else str(held).removeprefix(_ADOPTED)


def keeps(live: Mapping[str, Any], desired: Mapping[str, Any], generation: int) -> bool:
    """Whether the pods of a workload stay as another operator made them."""
    annotations = live["metadata"].get("annotations") or {}
    rendering = annotations.get(names.ANNOTATION_RENDERING)
    if rendering is None:
        return True
    return bool(
        rendering.startswith(_ADOPTED)
        and annotations.get(SERVICE_GENERATION) == str(generation)
        and _is_as_planned(live, desired)
    )


def _is_as_planned(live: Mapping[str, Any], desired: Mapping[str, Any]) -> bool:
    """Whether the plan is what it was when the workload was adopted, but for words that settle.

    Earlier versions wrote the hash of the whole plan, or of more of its words.
    """
    held = (live["metadata"].get("annotations") or {}).get(names.ANNOTATION_PLANNED_HASH)
    former = (essence_hash(desired, beside=False), planned_hash(desired))
    return held in (essence_hash(desired), *former)


def kept(live: Mapping[str, Any], desired: Mapping[str, Any]) -> dict[str, Any]:
    """The desired workload with the pods of the live one, and what tells a later change."""
    metadata = desired["metadata"]
    annotations = {
        **(metadata.get("annotations") or {}),
        names.ANNOTATION_RENDERING: f"{_ADOPTED}{rendering_of(desired)}",
        names.ANNOTATION_PLANNED_HASH: essence_hash(desired),
    }
    if _is_as_planned(live, desired):
        held = live["metadata"]["annotations"]
        annotations[names.ANNOTATION_PLANNED_HASH] = held[names.ANNOTATION_PLANNED_HASH]
    document = {**desired, "metadata": {**metadata, "annotations": annotations}}
    return with_pods_of(document, live)


def with_kept_pods(
    live: Mapping[str, Any] | None, desired: dict[str, Any], generation: int, *, upgrade: bool
) -> dict[str, Any]:
    """The workload to write, with what stays of the pods that it has.

    ``generation`` is that of its service, ``upgrade`` says that its user asks for the newest
    rendering.
    """
    if live is not None and not upgrade and keeps(live, desired, generation):
        return kept(live, desired)
    return settled(live, desired)
