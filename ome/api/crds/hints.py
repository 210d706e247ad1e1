"""What a Python type cannot say of a field's schema: formats, bounds, list types, patterns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["FREE_STATUS", "HINTS", "OPTIONAL_TYPED_LISTS"]

_INT32 = {"format": "int32"}
_INT64 = {"format": "int64"}
_COUNT = {"format": "int64", "minimum": 0}
_TIME = {"format": "date-time"}
_ATOMIC = {"x-kubernetes-list-type": "atomic"}
_ATOMIC_MAP = {"x-kubernetes-map-type": "atomic"}
_BY_NAME = {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]}
_SET = {"x-kubernetes-list-type": "set"}

HINTS: Mapping[tuple[str, str], Mapping[str, Any]] = {
    ("ModelFormat", "weight"): _INT64,
    ("ModelFrameworkSpec", "weight"): _INT64,
    ("StorageSpec", "nodeSelector"): _ATOMIC_MAP,
    ("DiffusionPipelineSpec", "additionalComponents"): _ATOMIC_MAP,
    ("BaseModelSpec", "maxTokens"): _INT32,
    ("ModelStatus", "nodesReadyCount"): _INT32,
    ("ModelStatus", "nodesFailedCount"): _INT32,
    ("ModelStatus", "nodesUpdatingCount"): _INT32,
    ("ComponentExtensionSpec", "containerConcurrency"): _INT64,
    ("ComponentExtensionSpec", "timeoutSeconds"): _INT64,
    ("ComponentExtensionSpec", "canaryTrafficPercent"): _INT64,
    ("KedaAuthenticationRef", "name"): {"minLength": 1},
    ("SupportedModelFormat", "priority"): {"format": "int32", "minimum": 1},
    ("ServingRuntimePodSpec", "containers"): _BY_NAME,
    ("ServingRuntimePodSpec", "volumes"): _BY_NAME,
    ("ServingRuntimePodSpec", "imagePullSecrets"): _BY_NAME,
    ("ServingRuntimeStatus", "conditions"): {
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["type"],
    },
    ("ModelStatus", "conditions"): {
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["type"],
    },
    ("AcceleratorConstraints", "minMemory"): _INT64,
    ("AcceleratorConstraints", "maxMemory"): _INT64,
    ("AcceleratorConstraints", "minComputePerformanceTFLOPS"): _INT64,
    ("AcceleratorRequirements", "minMemory"): _COUNT,
    ("AcceleratorRequirements", "minComputePerformanceTFLOPS"): _COUNT,
    ("AcceleratorModelConfig", "minMemoryPerBillionParams"): _COUNT,
    ("TensorParallelism", "tensorParallelSize"): _COUNT,
    ("TensorParallelism", "pipelineParallelSize"): _COUNT,
    ("TensorParallelism", "dataParallelSize"): _COUNT,
    ("AcceleratorCapabilities", "clockSpeedMHz"): _INT32,
    ("AcceleratorPerformance", "fp32Tflops"): _INT64,
    ("AcceleratorPerformance", "fp16Tflops"): _INT64,
    ("AcceleratorPerformance", "int8Tops"): _INT64,
    ("AcceleratorPerformance", "int4Tops"): _INT64,
    ("AcceleratorLatency", "averageMillis"): _INT64,
    ("AcceleratorLatency", "maximumMillis"): _INT64,
    ("AcceleratorClassStatus", "totalAccelerators"): _INT32,
    ("AcceleratorClassStatus", "availableAccelerators"): _INT32,
    ("AcceleratorClassStatus", "availableNodes"): _INT32,
    ("AcceleratorClassStatus", "lastUpdated"): _TIME,
    ("Endpoint", "url"): {"pattern": "^(http|https)://"},
    ("PodOverride", "env"): _BY_NAME,
    ("PodOverride", "volumeMounts"): {
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["mountPath"],
    },
    ("PodOverride", "nodeSelector"): _ATOMIC_MAP,
    ("BenchmarkJobSpec", "trafficScenarios"): _SET,
    ("BenchmarkJobSpec", "numConcurrency"): _SET,
    ("BenchmarkJobStatus", "startTime"): _TIME,
    ("BenchmarkJobStatus", "completionTime"): _TIME,
    ("BenchmarkJobStatus", "lastReconcileTime"): _TIME,
    ("InferenceServiceStatus", "observedGeneration"): _INT64,
    ("TrafficTarget", "percent"): _INT64,
    ("FailureInfo", "time"): _TIME,
    ("FailureInfo", "exitCode"): _INT32,
}
"""Keys that are laid over the schema of (class that declares the field, JSON name)."""

OPTIONAL_TYPED_LISTS = _ATOMIC
"""The list type of every list that says no other."""

FREE_STATUS = frozenset({"InferenceServiceStatus"})
"""Typed objects that also keep fields that they do not know."""
