"""BenchmarkJob."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from ome.api.common import StorageSpec
from ome.api.core import (
    Affinity,
    EnvFrom,
    EnvVar,
    LocalObjectReference,
    MetaCondition,
    PodSecurityContext,
    ResourceRequirements,
    Toleration,
    Volume,
    VolumeMount,
)
from ome.api.limits import HttpUrl, Int32, Int64, Scenario, Scenarios, Time, UniqueList
from ome.api.schema import KindObject, Schema


class SecretReference(Schema):
    """A Secret in the job's namespace."""

    name: str


class InferenceServiceReference(Schema):
    """The service to measure."""

    name: str
    namespace: str


class Endpoint(Schema):
    """A URL to measure."""

    url: HttpUrl
    api_format: Literal["openai", "oci-cohere", "cohere"]
    model_name: str | None = None
    tokenizer: str | None = None
    api_key_secret_reference: SecretReference | None = None


class EndpointSpec(Schema):
    """What to measure: a service or a URL."""

    inference_service: InferenceServiceReference | None = None
    endpoint: Endpoint | None = None


class ServiceMetadata(Schema):
    """Facts that go into the result."""

    engine: Literal["vLLM", "SGLang", "TGI"]
    version: str
    gpu_type: Literal["H100", "A100", "MI300", "A10"]
    gpu_count: int


class PodOverride(Schema):
    """Changes of the benchmark's pod."""

    image: str | None = None
    env: list[EnvVar] | None = None
    env_from: list[EnvFrom] | None = None
    volume_mounts: list[VolumeMount] | None = None
    resources: ResourceRequirements | None = None
    tolerations: list[Toleration] | None = None
    node_selector: dict[str, str] | None = None
    affinity: Affinity | None = None
    volumes: list[Volume] | None = None
    service_account_name: str | None = None
    image_pull_secrets: list[LocalObjectReference] | None = None
    security_context: PodSecurityContext | None = None
    priority_class_name: str | None = None
    active_deadline_seconds: Int64 | None = None
    ttl_seconds_after_finished: Int32 | None = None


class BenchmarkJobSpec(Schema):
    """What to run and where the result goes."""

    hugging_face_secret_reference: SecretReference | None = None
    endpoint: EndpointSpec
    service_metadata: ServiceMetadata | None = None
    task: Literal["text-to-text", "image-to-text", "text-to-embeddings", "image-to-embeddings"]
    traffic_scenarios: Annotated[list[Scenario], Scenarios] | None = None
    num_concurrency: Annotated[list[int], UniqueList] | None = None
    max_time_per_iteration: int
    max_requests_per_iteration: int
    additional_request_params: dict[str, str] | None = None
    dataset: StorageSpec | None = None
    output_location: StorageSpec
    result_folder_name: str | None = None
    pod_override: PodOverride | None = None


class BenchmarkProgress(Schema):
    """How many runs have ended, of how many, and the last that is known."""

    completed_runs: Int32 | None = None
    planned_runs: Int32 | None = None
    scenario: str | None = None
    concurrency: Int32 | None = None


class BenchmarkRun(Schema):
    """Figures of one run, as texts: rates per second, times in seconds."""

    scenario: str | None = None
    concurrency: Int32 | None = None
    requests_per_second: str | None = None
    output_tokens_per_second: str | None = None
    total_tokens_per_second: str | None = None
    error_rate: str | None = None
    ttft_p50: str | None = None
    ttft_p99: str | None = None
    tpot_p50: str | None = None
    tpot_p99: str | None = None


class BenchmarkJobStatus(Schema):
    """How far the benchmark is."""

    state: Literal["Pending", "Running", "Completed", "Failed"] | None = None
    start_time: Time | None = None
    completion_time: Time | None = None
    last_reconcile_time: Time | None = None
    failure_message: str | None = None
    details: str | None = None
    observed_generation: Int64 | None = None
    progress: BenchmarkProgress | None = None
    result_location: str | None = None
    summary: list[BenchmarkRun] | None = None
    conditions: list[MetaCondition] | None = None


class BenchmarkJob(KindObject):
    """A measurement of a served model."""

    KIND: ClassVar[str] = "BenchmarkJob"
    PLURAL: ClassVar[str] = "benchmarkjobs"
    SINGULAR: ClassVar[str] = "benchmarkjob"
    NAMESPACED: ClassVar[bool] = True

    kind: Literal["BenchmarkJob"] = "BenchmarkJob"
    spec: BenchmarkJobSpec
    status: BenchmarkJobStatus | None = None
