"""InferenceService: components, references, scaling, status."""

from __future__ import annotations

from typing import ClassVar, Literal

from ome.api.accelerators import AcceleratorSelector
from ome.api.core import (
    Container,
    ContainerFields,
    DeploymentStrategy,
    IntOrString,
    PodFields,
)
from ome.api.limits import Int32, Int64, Time
from ome.api.schema import KindObject, Quantity, Schema

ScaleMetric = Literal["cpu", "memory", "concurrency", "rps"]
TransitionStatus = Literal["", "UpToDate", "InProgress", "BlockedByFailedLoad", "InvalidSpec"]
ModelState = Literal["", "Pending", "Standby", "Loading", "Loaded", "FailedToLoad"]
FailureReason = Literal[
    "BaseModelNotReady",
    "BaseModelNotFound",
    "ModelLoadFailed",
    "RuntimeUnhealthy",
    "RuntimeDisabled",
    "NoSupportingRuntime",
    "RuntimeNotRecognized",
    "InvalidPredictorSpec",
    "FineTunedWeightsNotFound",
    "BaseModelDisabled",
    "FineTunedWeightsDisabled",
    "BaseModelDeprecated",
    "FineTunedWeightsDeprecated",
    "FineTuneWeightLoadFailed",
    "InvalidRouterSpec",
]


class KedaAuthenticationRef(Schema):
    """Where KEDA finds credentials.

    Its CRD requires ``name`` in components only, so an object without one can be stored.
    """

    name: str | None = None
    kind: Literal["TriggerAuthentication", "ClusterTriggerAuthentication"] = "TriggerAuthentication"


class KedaConfig(Schema):
    """Scaling on a Prometheus query."""

    enable_keda: bool | None = None
    prom_server_address: str | None = None
    custom_prom_query: str | None = None
    scaling_threshold: str | None = None
    scaling_operator: str | None = None
    authentication_ref: KedaAuthenticationRef | None = None
    auth_modes: str | None = None


class ComponentExtensionSpec(Schema):
    """Scaling and metadata of a component."""

    min_replicas: int | None = None
    max_replicas: int | None = None
    scale_target: int | None = None
    scale_metric: ScaleMetric | None = None
    container_concurrency: Int64 | None = None
    timeout_seconds: Int64 | None = None
    canary_traffic_percent: Int64 | None = None
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None
    min_available: IntOrString | None = None
    max_unavailable: IntOrString | None = None
    deployment_strategy: DeploymentStrategy | None = None
    keda_config: KedaConfig | None = None


class LeaderSpec(PodFields):
    """The leader of a multi-node component."""

    runner: Container | None = None


class WorkerSpec(PodFields):
    """The workers of a multi-node component; ``size`` counts them without the leader."""

    size: int | None = None
    runner: Container | None = None


class EngineSpec(PodFields, ComponentExtensionSpec):
    """The component that runs the model."""

    runner: Container | None = None
    leader: LeaderSpec | None = None
    worker: WorkerSpec | None = None
    accelerator_override: AcceleratorSelector | None = None


class DecoderSpec(PodFields, ComponentExtensionSpec):
    """The decode side of a disaggregated service."""

    runner: Container | None = None
    leader: LeaderSpec | None = None
    worker: WorkerSpec | None = None
    accelerator_override: AcceleratorSelector | None = None


class RouterSpec(PodFields, ComponentExtensionSpec):
    """The component in front of engine and decoder."""

    runner: Container | None = None
    config: dict[str, str] | None = None


class ModelSpec(ContainerFields):
    """The old way to name model and container, inside ``predictor``."""

    runtime: str | None = None
    base_model: str | None = None
    fine_tuned_weights: list[str] | None = None
    storage_uri: str | None = None
    runtime_version: str | None = None
    protocol_version: str | None = None


class PredictorSpec(PodFields, ComponentExtensionSpec):
    """Deprecated: use ``engine``, ``model`` and ``runtime``."""

    model: ModelSpec | None = None
    worker_spec: WorkerSpec | None = None


class ModelRef(Schema):
    """The model to serve."""

    name: str
    kind: str = "ClusterBaseModel"
    api_group: str = "ome.io"
    fine_tuned_weights: list[str] | None = None


class ServingRuntimeRef(Schema):
    """The runtime to serve it with."""

    name: str
    kind: str = "ClusterServingRuntime"
    api_group: str = "ome.io"


class InferenceServiceSpec(Schema):
    """What to serve, and how."""

    predictor: PredictorSpec | None = None
    engine: EngineSpec | None = None
    decoder: DecoderSpec | None = None
    router: RouterSpec | None = None
    model: ModelRef | None = None
    runtime: ServingRuntimeRef | None = None
    keda_config: KedaConfig | None = None
    accelerator_selector: AcceleratorSelector | None = None


class Condition(Schema):
    """A condition of a service."""

    type: str
    status: str
    reason: str | None = None
    message: str | None = None
    severity: str | None = None
    last_transition_time: str | None = None
    observed_generation: Int64 | None = None


class Addressable(Schema):
    """Where something answers."""

    name: str | None = None
    url: str | None = None
    ca_certs: str | None = None
    audience: str | None = None


class TrafficTarget(Schema):
    """A share of traffic (Knative)."""

    configuration_name: str | None = None
    revision_name: str | None = None
    latest_revision: bool | None = None
    percent: Int64 | None = None
    tag: str | None = None
    url: str | None = None


class SelectedAccelerator(Schema):
    """The class that a component runs on, and why."""

    accelerator_class: str
    reason: str | None = None
    node_selector: dict[str, str] | None = None
    resource_requests: dict[str, Quantity] | None = None


class ComponentStatus(Schema):
    """A component as it stands."""

    latest_ready_revision: str | None = None
    latest_created_revision: str | None = None
    previous_rolledout_revision: str | None = None
    latest_rolledout_revision: str | None = None
    traffic: list[TrafficTarget] | None = None
    url: str | None = None
    rest_url: str | None = None
    address: Addressable | None = None
    selected_accelerator: SelectedAccelerator | None = None


class ModelRevisionStates(Schema):
    """The state that is served and the one aimed at."""

    active_model_state: ModelState = "Pending"
    target_model_state: ModelState | None = ""


class FailureInfo(Schema):
    """The last failure to load."""

    location: str | None = None
    reason: FailureReason | None = None
    message: str | None = None
    model_revision_name: str | None = None
    time: Time | None = None
    exit_code: Int32 | None = None


class ModelCopies(Schema):
    """How many copies are served."""

    failed_copies: int = 0
    total_copies: int | None = None


class ServiceModelStatus(Schema):
    """The model inside the service."""

    transition_status: TransitionStatus = "UpToDate"
    model_revision_states: ModelRevisionStates | None = None
    last_failure_info: FailureInfo | None = None
    model_copies: ModelCopies | None = None


class InferenceServiceStatus(Schema):
    """The service as it stands."""

    observed_generation: Int64 | None = None
    conditions: list[Condition] | None = None
    annotations: dict[str, str] | None = None
    address: Addressable | None = None
    url: str | None = None
    components: dict[str, ComponentStatus] | None = None
    model_status: ServiceModelStatus | None = None


class InferenceService(KindObject):
    """A model that is served."""

    KIND: ClassVar[str] = "InferenceService"
    PLURAL: ClassVar[str] = "inferenceservices"
    SINGULAR: ClassVar[str] = "inferenceservice"
    SHORT_NAMES: ClassVar[tuple[str, ...]] = ("isvc",)
    NAMESPACED: ClassVar[bool] = True

    kind: Literal["InferenceService"] = "InferenceService"
    spec: InferenceServiceSpec = InferenceServiceSpec()
    status: InferenceServiceStatus | None = None
