"""What a plan is: components, each with its mode, its workloads and its objects."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ome.workloads.exposed import Exposed

__all__ = ["Plan", "PlanFailure", "PlannedComponent", "WorkloadRef"]


@dataclass(frozen=True, slots=True)
class WorkloadRef:
    """An object whose readiness is that of its component; in the namespace of the service."""

    api_version: str
    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class PlannedComponent:
    """A component: how it is deployed, what tells that it is ready, and its objects in order.

    ``mode`` is one of ``ome.api.names.MODES``. ``url`` is where it answers; empty where only the
    workload's own status can say it (Serverless). ``passed_on`` is that of
    ``ComponentMetadata``: the keys of its pods that say nothing of what a pod is.
    """

    name: str
    mode: str
    workloads: tuple[WorkloadRef, ...]
    url: str
    objects: tuple[Mapping[str, Any], ...]
    passed_on: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PlanFailure:
    """The component that ended a plan; ``reason`` is that of its condition.

    ``objects`` are those that it has all the same.
    """

    component: str
    reason: str
    message: str
    objects: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """What should exist for a service.

    ``components`` stand in the order engine, decoder, router. ``service_mode`` is what the service
    as a whole asks for; ``VirtualDeployment`` has no components and nothing but its ``url``.
    ``failure`` says that a component after the first cannot be rendered: then ``components`` holds
    those before it, and objects that exist already stay. ``exposed`` is what the exposure is made
    from once the components are observed (``ome.workloads.exposure``); None when there is nothing
    to expose, or not all of it is known.
    """

    service_mode: str
    components: tuple[PlannedComponent, ...]
    model_config: Mapping[str, Any] | None
    url: str = ""
    failure: PlanFailure | None = None
    exposed: Exposed | None = None
