"""The plan of a service: every object that should exist for it, in the order of writing. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ome.api import names
from ome.workloads import model_config, modes
from ome.workloads.components import components
from ome.workloads.errors import RenderError
from ome.workloads.exposed import REQUEST_TIMEOUT, Exposed, ExposedComponent
from ome.workloads.metadata import component_metadata
from ome.workloads.planned import Plan, PlanFailure, PlannedComponent
from ome.workloads.shapes import access_objects, render
from ome.workloads.urls import component_host, service_host

if TYPE_CHECKING:
    from collections.abc import Sequence

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
            failure = _failure(inputs, component, error)
            break
    started = Plan(wanted, tuple(made), model_config.model_config_map(inputs), failure=failure)
    if failure is not None:
        return started
    return replace(started, exposed=_front(inputs, found, started))


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
    return PlannedComponent(
        component.name, mode, workloads, url, tuple(objects), metadata.passed_on
    )


def _failure(inputs: PlanInputs, component: Component, error: RenderError) -> PlanFailure:
    """What ended a plan. The rights of a router do not depend on what its pods are like."""
    kept: list[dict[str, Any]] = []
    if component.name == names.COMPONENT_ROUTER:
        kept = access_objects(component, component_metadata(inputs, component))
    return PlanFailure(error.component, error.reason, str(error), tuple(kept))


def _front(inputs: PlanInputs, found: Sequence[Component], made: Plan) -> Exposed:
    """The service as those outside see it."""
    owner = inputs.service
    return Exposed(
        service=owner,
        components=tuple(map(_exposed, found, made.components)),
        config=inputs.config.ingress.resolve(owner.metadata.annotations),
        cluster_domain=inputs.cluster_domain,
        any_component=predictor_in_use(owner.spec.predictor),
    )


def _exposed(component: Component, made: PlannedComponent) -> ExposedComponent:
    port = pod_port = names.PORT_SERVICE
    for item in made.objects:
        if item["kind"] != "Service":
            continue
        if item["apiVersion"] == "v1":
            port = pod_port = int(item["spec"]["ports"][0]["port"])
        else:
            # Knative makes the core Service, for its own gateways.
            port = names.PORT_PUBLIC
    timeout = component.merged.get("timeoutSeconds") or REQUEST_TIMEOUT
    return ExposedComponent(component.name, made.mode, port, pod_port, int(timeout))


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
