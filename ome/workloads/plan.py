"""The plan of a service: every object that should exist for it, in the order of writing. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ome.api import names
from ome.workloads import deployment, model_config, modes, pods, scaling, service
from ome.workloads.errors import RenderError
from ome.workloads.exposed import Exposed, ExposedComponent
from ome.workloads.exposure import Exposure, expose
from ome.workloads.inputs import engine_component
from ome.workloads.metadata import component_metadata
from ome.workloads.urls import component_host

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
    scaler = scaling.autoscaler(metadata, engine, keda, inputs.config.keda)
    pod = pods.pod_spec(inputs, engine, metadata.annotations)
    container = pods.main_container(pod, engine.runner, inputs.service.metadata)
    component = service.component_service(metadata, container)
    objects = [
        deployment.deployment(
            metadata, pod, engine.merged.get("deploymentStrategy"), inputs.rendering
        ),
        component,
    ]
    if scaler is not None:
        objects.append(scaler)
    objects.append(scaling.disruption_budget(metadata, engine))
    planned = PlannedComponent(engine.name, metadata.name, f"http://{host}", tuple(objects))
    return _expose(inputs, planned, component["spec"]["ports"][0]["port"])


def _expose(inputs: PlanInputs, engine: PlannedComponent, port: int) -> Plan:
    owner = inputs.service
    exposed = Exposed(
        service=owner,
        components=(ExposedComponent(engine.name, names.MODE_RAW, port, port),),
        config=inputs.config.ingress.resolve(owner.metadata.annotations),
        cluster_domain=inputs.cluster_domain,
        any_component=predictor_in_use(owner.spec.predictor),
    )
    wanted = not exposed.config.disable_ingress_creation and not exposed.cluster_local
    made = Exposure() if wanted else expose(exposed, {})
    return Plan(
        components=(engine,),
        model_config=model_config.model_config_map(
            owner, inputs.model, taken=inputs.model_config_taken
        ),
        fallback=made.objects[0] if made.objects else None,
        url=made.url,
        ingress_wanted=wanted,
        cluster_local=exposed.cluster_local,
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
