"""The objects of a component in each mode, in the order of writing. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ome.api import names
from ome.workloads import access, deployment, knative, lws, pods, ray, scaling, service, sidecar
from ome.workloads.errors import RenderError
from ome.workloads.planned import WorkloadRef

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ome.workloads.inputs import Component, Part, PlanInputs
    from ome.workloads.metadata import ComponentMetadata

__all__ = ["access_objects", "render"]

Rendered = tuple[tuple[WorkloadRef, ...], list[dict[str, Any]]]


def render(
    inputs: PlanInputs, component: Component, metadata: ComponentMetadata, mode: str
) -> Rendered:
    """What tells that a component is ready, and all its objects. Raises ``RenderError``."""
    shape = _SHAPES.get(mode)
    if shape is None:
        raise RenderError(
            component.name,
            f"invalid deployment mode for {component.name}: {mode}",
            names.REASON_DEPLOYMENT_MODE,
        )
    if component.worker is not None and mode != names.MODE_MULTI_NODE:
        # Not used in this mode, but refused where it is incomplete.
        _pod(inputs, component, component.worker, metadata)
    return shape(inputs, component, metadata)


def _raw(inputs: PlanInputs, component: Component, metadata: ComponentMetadata) -> Rendered:
    target = scaling.scale_target("apps/v1", "Deployment", metadata.name)
    autoscaler = scaling.autoscaler(inputs, metadata, component, target)
    pod = _pod(inputs, component, component.main, metadata)
    container = pods.main_container(pod, component.runner, inputs.service.metadata)
    strategy = component.merged.get("deploymentStrategy")
    objects = [
        *access_objects(component, metadata),
        deployment.deployment(metadata, pod, strategy, inputs.rendering),
        service.component_service(metadata, container),
    ]
    if autoscaler is not None:
        objects.append(autoscaler)
    objects.append(scaling.disruption_budget(metadata, component))
    return _refs(objects, "Deployment"), objects


def _multi_node(inputs: PlanInputs, component: Component, metadata: ComponentMetadata) -> Rendered:
    leader = _pod(inputs, component, component.leader, metadata)
    part = component.worker
    worker = None if part is None else _pod(inputs, component, part, metadata)
    runner = component.leader.runner
    container = pods.main_container(leader, runner, inputs.service.metadata)
    owner = inputs.service.metadata.name
    asked = scaling.asked_class(inputs, metadata, component)
    scaled = asked in (names.AUTOSCALER_HPA, names.AUTOSCALER_KEDA)
    least = None
    if asked is not None:
        least = scaling.replica_bounds(component)[0] if scaled else lws.groups_wanted(component)
    groups = lws.leader_worker_set(inputs, component, metadata, leader, worker, least=least)
    objects = [
        groups,
        service.leader_service(metadata, container, owner, component.name),
        *_sidecar(inputs, component, metadata),
    ]
    if scaled:
        target = scaling.scale_target(
            groups["apiVersion"], groups["kind"], groups["metadata"]["name"]
        )
        autoscaler = scaling.autoscaler(inputs, metadata, component, target)
        assert autoscaler is not None
        objects.append(autoscaler)
    objects.append(scaling.disruption_budget(metadata, component))
    return _refs(objects, "LeaderWorkerSet"), objects


def _ray(inputs: PlanInputs, component: Component, metadata: ComponentMetadata) -> Rendered:
    pod = _pod(inputs, component, component.leader, metadata)
    runner = component.leader.runner
    container = pods.main_container(pod, runner, inputs.service.metadata)
    owner = inputs.service.metadata.name
    objects = [
        *ray.ray_clusters(inputs, component, metadata, pod),
        service.ray_head_service(metadata, container, owner, component.name),
        *_sidecar(inputs, component, metadata),
    ]
    return _refs(objects, "Deployment"), objects


def _serverless(inputs: PlanInputs, component: Component, metadata: ComponentMetadata) -> Rendered:
    pod = _pod(inputs, component, component.main, metadata)
    made = knative.knative_service(inputs, component, metadata, pod)
    ref = WorkloadRef(made["apiVersion"], made["kind"], metadata.name)
    return (ref,), [*access_objects(component, metadata), made]


_SHAPES: dict[str, Callable[[PlanInputs, Component, ComponentMetadata], Rendered]] = {
    names.MODE_RAW: _raw,
    names.MODE_MULTI_NODE: _multi_node,
    names.MODE_RAY: _ray,
    names.MODE_SERVERLESS: _serverless,
}


def _pod(
    inputs: PlanInputs, component: Component, part: Part, metadata: ComponentMetadata
) -> dict[str, Any]:
    pod = pods.pod_spec(inputs, component, part, metadata.annotations)
    if component.name == names.COMPONENT_ROUTER:
        pod["serviceAccountName"] = access.router_account(metadata, component)
    return pod


def access_objects(component: Component, metadata: ComponentMetadata) -> list[dict[str, Any]]:
    """What gives a router its rights; nothing for any other component."""
    if component.name != names.COMPONENT_ROUTER:
        return []
    return access.router_access(metadata, access.router_account(metadata, component))


def _sidecar(
    inputs: PlanInputs, component: Component, metadata: ComponentMetadata
) -> list[dict[str, Any]]:
    if not sidecar.sidecar_wanted(metadata):
        return []
    return [sidecar.istio_sidecar(metadata, inputs.service.metadata.name, component.name)]


def _refs(objects: Sequence[dict[str, Any]], kind: str) -> tuple[WorkloadRef, ...]:
    return tuple(
        WorkloadRef(item["apiVersion"], kind, item["metadata"]["name"])
        for item in objects
        if item["kind"] == kind
    )
