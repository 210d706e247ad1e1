"""The plan of a service: every object that should exist for it, in the order of writing. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ome.api import names
from ome.api.truncate import truncate_dns
from ome.workloads import model_config, modes, service
from ome.workloads.components import components
from ome.workloads.errors import RenderError
from ome.workloads.metadata import component_metadata
from ome.workloads.planned import Plan, PlanFailure, PlannedComponent
from ome.workloads.shapes import render
from ome.workloads.urls import component_host, service_host

if TYPE_CHECKING:
    from ome.api import InferenceService, PredictorSpec
    from ome.workloads.inputs import Component, PlanInputs

__all__ = ["plan", "predictor_in_use", "virtual_plan"]


def plan(inputs: PlanInputs) -> Plan:
    """Render a service.

    Raises ``RenderError`` naming the component and the way out when nothing can be made. A
    component after the first one that cannot be rendered is told in ``failure`` instead.
    """
    wanted = modes.service_mode(inputs.service, inputs.config.default_deployment_mode)
    if wanted == names.MODE_VIRTUAL:
        return virtual_plan(inputs.service, inputs.cluster_domain)
    found = components(inputs)
    chosen = modes.component_modes(inputs, found)
    if names.MODE_VIRTUAL in chosen.values():
        return virtual_plan(inputs.service, inputs.cluster_domain)
    made: list[PlannedComponent] = []
    failure = None
    for component in found:
        try:
            made.append(_component(inputs, component, chosen[component.name]))
        except RenderError as error:
            if not made:
                raise
            failure = PlanFailure(error.component, error.reason, str(error))
            break
    started = Plan(wanted, tuple(made), model_config.model_config_map(inputs), failure=failure)
    return started if failure is not None else _expose(inputs, started)


def virtual_plan(owner: InferenceService, cluster_domain: str) -> Plan:
    """The plan of a service that only stands for something that runs elsewhere."""
    metadata = owner.metadata
    host = service_host(metadata.name, metadata.namespace, cluster_domain)
    return Plan(names.MODE_VIRTUAL, (), None, url=f"http://{host}")


def _component(inputs: PlanInputs, component: Component, mode: str) -> PlannedComponent:
    metadata = component_metadata(inputs, component, mode)
    url = ""
    if mode != names.MODE_SERVERLESS:
        host = component_host(
            component.name,
            metadata.name,
            metadata.namespace,
            metadata.labels,
            metadata.annotations,
            inputs.config.ingress,
        )
        url = f"http://{host}"
    workloads, objects = render(inputs, component, metadata, mode)
    return PlannedComponent(component.name, mode, workloads, url, tuple(objects))


def _expose(inputs: PlanInputs, made: Plan) -> Plan:
    """The plan with what stands in front of its components: the router, else the engine."""
    owner = inputs.service
    entrypoint = next(
        (item for item in made.components if item.name == names.COMPONENT_ROUTER),
        made.components[0],
    )
    namespace, port = owner.metadata.namespace, _port(entrypoint)
    ingress = inputs.config.ingress.resolve(owner.metadata.annotations)
    local = service.is_cluster_local(owner)
    fallback = None
    url = ""
    if local:
        name = truncate_dns(f"{owner.metadata.name}-{entrypoint.name}")
        url = f"http://{service_host(name, namespace, inputs.cluster_domain)}:{port}"
    elif ingress.disable_ingress_creation:
        in_use = predictor_in_use(owner.spec.predictor)
        fallback = service.fallback_service(owner, entrypoint.name, port, any_component=in_use)
        host = service_host(owner.metadata.name, namespace, inputs.cluster_domain)
        url = f"http://{host}:{port}"
    return replace(
        made,
        fallback=fallback,
        url=url,
        ingress_wanted=not ingress.disable_ingress_creation and not local,
        cluster_local=local,
    )


def _port(component: PlannedComponent) -> int:
    """The first port of a component's Service."""
    for item in component.objects:
        if item["apiVersion"] == "v1" and item["kind"] == "Service":
            return int(item["spec"]["ports"][0]["port"])
    return names.PORT_SERVICE


def predictor_in_use(predictor: PredictorSpec | None) -> bool:
    """Whether the deprecated predictor still describes pods (the wide test)."""
    if predictor is None:
        return False
    model = predictor.model
    return bool(
        (model is not None and model.base_model)
        or predictor.min_replicas is not None
        or predictor.max_replicas
        or predictor.worker_spec is not None
        or predictor.service_account_name
        or predictor.containers
        or predictor.volumes
        or predictor.node_selector
        or predictor.tolerations
        or predictor.affinity
    )
