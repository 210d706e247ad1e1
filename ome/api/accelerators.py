"""AcceleratorClass, and how services and runtimes ask for one."""

from __future__ import annotations

from typing import ClassVar, Literal

from ome.api.core import Affinity, MetaCondition
from ome.api.limits import Count, Int32, Int64, Time
from ome.api.schema import KindObject, Quantity, Schema

AcceleratorPolicy = Literal["BestFit", "Cheapest", "MostCapable", "FirstAvailable"]


class AcceleratorConstraints(Schema):
    """What an accelerator must have; memory in GB."""

    min_memory: Int64 | None = None
    max_memory: Int64 | None = None
    min_compute_performance_tflops: Int64 | None = None
    min_architecture_version: str | None = None
    required_features: list[str] | None = None
    excluded_classes: list[str] | None = None
    architecture_families: list[str] | None = None
    preferred_precisions: list[str] | None = None


class AcceleratorSelector(Schema):
    """A class by name, or constraints and a policy."""

    accelerator_class: str | None = None
    constraints: AcceleratorConstraints | None = None
    policy: AcceleratorPolicy | None = None


class AcceleratorRequirements(Schema):
    """What a runtime needs."""

    accelerator_classes: list[str] | None = None
    min_memory: Count | None = None
    min_compute_performance_tflops: Count | None = None
    min_architecture_version: str | None = None
    required_features: list[str] | None = None
    preferred_precisions: list[str] | None = None


class TensorParallelism(Schema):
    """Parallel sizes for one class."""

    tensor_parallel_size: Count | None = None
    pipeline_parallel_size: Count | None = None
    data_parallel_size: Count | None = None


class AcceleratorModelConfig(Schema):
    """What a class changes for one model format."""

    min_memory_per_billion_params: Count | None = None
    tensor_parallelism_override: TensorParallelism | None = None
    runtime_args_override: list[str] | None = None
    environment_override: dict[str, str] | None = None


class AcceleratorDiscovery(Schema):
    """How nodes with the accelerator are found."""

    node_selector: dict[str, str] | None = None
    affinity: Affinity | None = None
    pci_vendor_id: str | None = None
    device_ids: list[str] | None = None


class AcceleratorLatency(Schema):
    """Milliseconds."""

    average_millis: Int64 | None = None
    maximum_millis: Int64 | None = None


class AcceleratorPerformance(Schema):
    """Peak rates."""

    fp32_tflops: Int64 | None = None
    fp16_tflops: Int64 | None = None
    int8_tops: Int64 | None = None
    int4_tops: Int64 | None = None
    latency: AcceleratorLatency | None = None


class AcceleratorCapabilities(Schema):
    """What one accelerator can do."""

    memory_gb: Quantity | None = None
    compute_capability: str | None = None
    level_zero_version: str | None = None
    clock_speed_mhz: Int32 | None = None
    memory_bandwidth_gbps: Quantity | None = None
    features: list[str] | None = None
    performance: AcceleratorPerformance | None = None


class AcceleratorResource(Schema):
    """An extended resource of the class."""

    name: str
    quantity: Quantity = "1"
    divisible: bool | None = None


class AcceleratorIntegration(Schema):
    """Names in batch schedulers."""

    kueue_resource_flavor: str | None = None
    volcano_gpu_type: str | None = None


class AcceleratorCost(Schema):
    """Prices, in one currency of the administrator's choice."""

    per_hour: Quantity | None = None
    per_million_tokens: Quantity | None = None
    spot_per_hour: Quantity | None = None
    tier: str | None = None


class AcceleratorClassSpec(Schema):
    """A kind of accelerator."""

    vendor: str | None = None
    family: str | None = None
    model: str | None = None
    discovery: AcceleratorDiscovery
    capabilities: AcceleratorCapabilities
    resources: list[AcceleratorResource] | None = None
    integration: AcceleratorIntegration | None = None
    cost: AcceleratorCost | None = None


class AcceleratorClassStatus(Schema):
    """The nodes that have it."""

    nodes: list[str] | None = None
    total_accelerators: Int32 | None = None
    available_accelerators: Int32 | None = None
    available_nodes: Int32 | None = None
    last_updated: Time | None = None
    conditions: list[MetaCondition] | None = None


class AcceleratorClass(KindObject):
    """A kind of accelerator in the cluster."""

    KIND: ClassVar[str] = "AcceleratorClass"
    PLURAL: ClassVar[str] = "acceleratorclasses"
    SINGULAR: ClassVar[str] = "acceleratorclass"
    NAMESPACED: ClassVar[bool] = False

    kind: Literal["AcceleratorClass"] = "AcceleratorClass"
    spec: AcceleratorClassSpec
    status: AcceleratorClassStatus | None = None
