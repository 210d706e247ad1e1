"""A few services at a time: who may change the pods of a running service now.

Pods of a running service are precious. A change of a service's own spec is the user's wish and goes
at once. A change that comes from a shared object (its runtime, model, weight or class, or the
operator's configuration) rolls through the services one after another: a service may begin only
while fewer than ``limit`` services are rolling, and one that may not waits for its turn.

Which services are rolling is read from their Deployments, so a restart of the manager in the middle
of a roll-out neither forgets nor repeats anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ome.api import names

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["SERVICE_GENERATION", "Turn", "is_rolling", "take_turn"]

_REVISION = names.ANNOTATION_DEPLOYMENT_REVISION
SERVICE_GENERATION = names.ANNOTATION_SERVICE_GENERATION
"""Annotation of a workload: the generation of the service that its template was made for."""


@dataclass(frozen=True, slots=True)
class Turn:
    """Whether a changed template may be written now.

    ``own`` says that the service's own spec asked for it, ``ahead`` names the services before this
    one.
    """

    granted: bool
    ahead: tuple[str, ...] = ()
    own: bool = False


def is_rolling(document: Mapping[str, Any]) -> bool:
    """Whether a Deployment is replacing pods that served before.

    A new one is not (it takes nothing away), and one that got stuck for longer than its progress
    deadline no longer counts: a broken service must not hold up all others.
    """
    metadata, status = document["metadata"], document.get("status") or {}
    generation = metadata.get("generation", 0)
    if generation > 1 and status.get("observedGeneration", 0) < generation:
        return True
    if (metadata.get("annotations") or {}).get(_REVISION, "1") == "1":
        return False
    progressing: Mapping[str, Any] = next(
        (item for item in status.get("conditions") or () if item.get("type") == "Progressing"), {}
    )
    if progressing.get("status") == "False":
        return False
    wanted = (document.get("spec") or {}).get("replicas", 1)
    updated = status.get("updatedReplicas", 0)
    return bool(
        updated < wanted
        or status.get("replicas", 0) > updated
        or status.get("availableReplicas", 0) < updated
    )


def take_turn(
    service: str,
    generation: int,
    live: Mapping[str, Any] | None,
    rolling: Iterable[str],
    limit: int,
) -> Turn:
    """Whether the service may change its pods: always for its own edit or a new workload."""
    if live is None:
        return Turn(True, own=True)
    annotations = live["metadata"].get("annotations") or {}
    if annotations.get(SERVICE_GENERATION) != str(generation):
        return Turn(True, own=True)
    ahead = tuple(sorted(name for name in rolling if name != service))
    return Turn(len(ahead) < limit, ahead)
