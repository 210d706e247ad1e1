"""The plan of a service: every object that should exist for it, in the order of writing. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ome.api import names
from ome.api.truncate import truncate_dns
from ome.workloads import deployment, model_config, modes, pods, scaling, service
from ome.workloads.errors import RenderError
from ome.workloads.inputs import engine_component
from ome.workloads.metadata import component_metadata
from ome.workloads.urls import component_host, service_host

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ome.api import PredictorSpec
    from ome.workloads.inputs import PlanInputs

__all__ = ["Plan", "PlannedComponent", "plan", "predictor_in_use"]


@dataclass(frozen=True, slots=True)
class PlannedComponent:
    """A component: its workload's name, where it answers, and its objects in order."""

    name: str
    workload: str
    url: str
    objects: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """What should exist for a service.

    ``fallback`` is the Service of the InferenceService's own name, None when an ingress is wanted
    or the service stays inside the cluster; ``url`` is the address that the service has without an
    ingress, empty when an ingress is wanted.
    """

    components: tuple[PlannedComponent, ...]
    model_config: Mapping[str, Any]
    fallback: Mapping[str, Any] | None
    url: str
    ingress_wanted: bool
    cluster_local: bool


def plan(inputs: PlanInputs) -> Plan:
    """Render a service. Raises ``RenderError`` naming the component and the way out."""
    engine = engine_component(inputs)
    if engine is None:
        raise RenderError(
            names.COMPONENT_ENGINE,
            "engine component is required: set spec.engine, or use a runtime with an engineConfig",
            names.REASON_DEPLOYMENT_MODE,
        )
    modes.check_supported(inputs, engine)
    metadata = component_metadata(inputs, engine)
    host = component_host(
        engine.name,
        metadata.name,
        metadata.namespace,
        metadata.labels,
        metadata.annotations,
        inputs.config.ingress,
    )
    keda = inputs.service.spec.keda_config
    autoscaler = scaling.autoscaler_class(engine, metadata.annotations, keda)
    pod = pods.pod_spec(inputs, engine, metadata.annotations)
    container = pods.main_container(pod, engine.runner, inputs.service.metadata)
    component = service.component_service(metadata, container)
    objects = [
        deployment.deployment(
            metadata, pod, engine.merged.get("deploymentStrategy"), inputs.rendering
        ),
        component,
    ]
    if autoscaler == names.AUTOSCALER_HPA:
        objects.append(scaling.horizontal_pod_autoscaler(metadata, engine))
    objects.append(scaling.disruption_budget(metadata, engine))
    planned = PlannedComponent(engine.name, metadata.name, f"http://{host}", tuple(objects))
    return _expose(inputs, planned, component["spec"]["ports"][0]["port"])


def _expose(inputs: PlanInputs, engine: PlannedComponent, port: int) -> Plan:
    owner = inputs.service
    namespace = owner.metadata.namespace
    ingress = inputs.config.ingress.resolve(owner.metadata.annotations)
    local = service.is_cluster_local(owner)
    fallback = None
    url = ""
    if local:
        host = service_host(truncate_dns(engine.workload), namespace, inputs.cluster_domain)
        url = f"http://{host}:{port}"
    elif ingress.disable_ingress_creation:
        in_use = predictor_in_use(owner.spec.predictor)
        fallback = service.fallback_service(owner, engine.name, port, any_component=in_use)
        host = service_host(owner.metadata.name, namespace, inputs.cluster_domain)
        url = f"http://{host}:{port}"
    return Plan(
        components=(engine,),
        model_config=model_config.model_config_map(
            owner, inputs.model, taken=inputs.model_config_taken
        ),
        fallback=fallback,
        url=url,
        ingress_wanted=not ingress.disable_ingress_creation and not local,
        cluster_local=local,
    )


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
