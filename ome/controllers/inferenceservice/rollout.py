"""A few services at a time: who may change the pods of a running service now.

Pods of a running service are precious. A change of a service's own spec is the user's wish and goes
at once. A change that comes from a shared object (its runtime, model, weight or class, or the
operator's configuration) rolls through the services one after another: a service may begin only
while fewer than ``limit`` services are rolling, and one that may not waits for its turn.

Which services are rolling is read from their workloads, so a restart of the manager in the middle
of a roll-out neither forgets nor repeats anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import structlog

from ome.api import names
from ome.api.jsontext import read_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["SERVICE_GENERATION", "Turn", "most_updating", "take_turn"]

log = structlog.get_logger("InferenceService")

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


def most_updating(data: Mapping[str, str] | None) -> int:
    """How many services may replace their pods at a time, from the operator's ConfigMap.

    ``maxServicesUpdating`` of key ``deploy``; 1 where it is absent or no whole number above 0.
    """
    try:
        deploy = read_json((data or {}).get("deploy") or "{}")
    except ValueError:
        return 1  # which planning says
    value = deploy.get("maxServicesUpdating", 1) if isinstance(deploy, dict) else 1
    if type(value) is int and value > 0:
        return value
    log.warning(
        "config.ignored",
        configmap=names.CONFIGMAP_INFERENCE_SERVICE,
        key="deploy",
        field="maxServicesUpdating",
        found=value,
        expected="a whole number above 0",
    )
    return 1


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
    ahead = tuple(sorted(set(rolling) - {service}))
    return Turn(len(ahead) < limit, ahead)
