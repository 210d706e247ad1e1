"""ServingRuntime and ClusterServingRuntime."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from ome.api.accelerators import AcceleratorModelConfig, AcceleratorRequirements
from ome.api.common import DiffusionPipelineSpec, ModelFormat, ModelFrameworkSpec
from ome.api.core import (
    Affinity,
    Container,
    LocalObjectReference,
    MetaCondition,
    Toleration,
    Volume,
)
from ome.api.limits import FormatName, Formats, Priority
from ome.api.schema import KindObject, Schema
from ome.api.services import DecoderSpec, EngineSpec, RouterSpec


class SupportedModelFormat(Schema):
    """One kind of model that a runtime can serve."""

    name: FormatName | None = None
    model_format: ModelFormat | None = None
    model_framework: ModelFrameworkSpec | None = None
    model_type: str | None = None
    version: str | None = None
    model_architecture: str | None = None
    quantization: str | None = None
    diffusion_pipeline: DiffusionPipelineSpec | None = None
    auto_select: bool | None = None
    priority: Priority | None = None
    accelerator_config: dict[str, AcceleratorModelConfig] | None = None


class ModelSizeRange(Schema):
    """How many parameters a model may have, such as ``7B``; inclusive."""

    min: str | None = None
    max: str | None = None


class ServingRuntimePodSpec(Schema):
    """The old single-pod template of a runtime."""

    containers: list[Container] | None = None
    volumes: list[Volume] | None = None
    node_selector: dict[str, str] | None = None
    affinity: Affinity | None = None
    tolerations: list[Toleration] | None = None
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None
    image_pull_secrets: list[LocalObjectReference] | None = None
    scheduler_name: str | None = None
    host_ipc: bool | None = None
    dns_policy: str | None = None
    host_network: bool | None = None


class WorkerPodSpec(ServingRuntimePodSpec):
    """The old worker template."""

    size: int | None = None


class ServingRuntimeSpec(ServingRuntimePodSpec):
    """What a runtime can serve, and how it runs."""

    supported_model_formats: Annotated[list[SupportedModelFormat], Formats] | None = None
    model_size_range: ModelSizeRange | None = None
    disabled: bool | None = None
    engine_config: EngineSpec | None = None
    decoder_config: DecoderSpec | None = None
    router_config: RouterSpec | None = None
    protocol_versions: list[str] | None = None
    workers: WorkerPodSpec | None = None
    accelerator_requirements: AcceleratorRequirements | None = None


class ServingRuntimeStatus(Schema):
    """What is wrong with a runtime, if anything."""

    conditions: list[MetaCondition] | None = None


class ServingRuntime(KindObject):
    """A runtime of one namespace."""

    KIND: ClassVar[str] = "ServingRuntime"
    PLURAL: ClassVar[str] = "servingruntimes"
    SINGULAR: ClassVar[str] = "servingruntime"
    NAMESPACED: ClassVar[bool] = True

    kind: Literal["ServingRuntime"] = "ServingRuntime"
    spec: ServingRuntimeSpec = ServingRuntimeSpec()
    status: ServingRuntimeStatus | None = None


class ClusterServingRuntime(KindObject):
    """A runtime of the whole cluster."""

    KIND: ClassVar[str] = "ClusterServingRuntime"
    PLURAL: ClassVar[str] = "clusterservingruntimes"
    SINGULAR: ClassVar[str] = "clusterservingruntime"
    NAMESPACED: ClassVar[bool] = False

    kind: Literal["ClusterServingRuntime"] = "ClusterServingRuntime"
    spec: ServingRuntimeSpec = ServingRuntimeSpec()
    status: ServingRuntimeStatus | None = None
