"""The objects of a component in each mode, in the order of writing. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ome.api import names
from ome.workloads import access, deployment, pods, scaling, service
from ome.workloads.errors import NotBuilt
from ome.workloads.planned import WorkloadRef

if TYPE_CHECKING:
    from ome.workloads.inputs import Component, PlanInputs
    from ome.workloads.metadata import ComponentMetadata

__all__ = ["render"]

Rendered = tuple[tuple[WorkloadRef, ...], list[dict[str, Any]]]


def render(
    inputs: PlanInputs, component: Component, metadata: ComponentMetadata, mode: str
) -> Rendered:
    """What tells that a component is ready, and all its objects. Raises ``RenderError``."""
    if mode != names.MODE_RAW:
        raise NotBuilt(
            component.name,
            f"deployment mode {mode} of the {component.name} is not available in this version; only"
            " RawDeployment is (no leader, no worker, minReplicas above 0)",
            names.REASON_DEPLOYMENT_MODE,
        )
    before, account = [], None
    if component.name == names.COMPONENT_ROUTER:
        account = access.router_account(metadata, component)
        before = access.router_access(metadata, account)
    if component.worker is not None:
        # Not used in this mode, but refused where it is incomplete.
        pods.pod_spec(inputs, component, component.worker, metadata.annotations)
    pod = pods.pod_spec(inputs, component, component.main, metadata.annotations)
    if account is not None:
        pod["serviceAccountName"] = account
    workloads, objects = _raw(inputs, component, metadata, pod)
    return workloads, [*before, *objects]


def _raw(
    inputs: PlanInputs, component: Component, metadata: ComponentMetadata, pod: dict[str, Any]
) -> Rendered:
    keda = inputs.service.spec.keda_config
    autoscaler = scaling.autoscaler_class(component, metadata.annotations, keda)
    container = pods.main_container(pod, component.runner, inputs.service.metadata)
    strategy = component.merged.get("deploymentStrategy")
    objects = [
        deployment.deployment(metadata, pod, strategy, inputs.rendering),
        service.component_service(metadata, container),
    ]
    if autoscaler == names.AUTOSCALER_HPA:
        objects.append(scaling.horizontal_pod_autoscaler(metadata, component))
    objects.append(scaling.disruption_budget(metadata, component))
    return (WorkloadRef("apps/v1", "Deployment", metadata.name),), objects
