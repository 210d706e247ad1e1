"""The REST resources of OME's kinds, from the classes that define them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ome import api
from ome.kube.resource import Resource

if TYPE_CHECKING:
    from ome.api.schema import KindObject

__all__ = [
    "ACCELERATOR_CLASSES",
    "BASE_MODELS",
    "BENCHMARK_JOBS",
    "CLUSTER_BASE_MODELS",
    "CLUSTER_SERVING_RUNTIMES",
    "FINE_TUNED_WEIGHTS",
    "INFERENCE_SERVICES",
    "SERVING_RUNTIMES",
    "resource_of",
]


def resource_of(kind: type[KindObject]) -> Resource:
    """The resource that serves a kind of ours."""
    return Resource(kind.GROUP, kind.VERSION, kind.KIND, kind.PLURAL, kind.NAMESPACED)


ACCELERATOR_CLASSES = resource_of(api.AcceleratorClass)
BASE_MODELS = resource_of(api.BaseModel)
BENCHMARK_JOBS = resource_of(api.BenchmarkJob)
CLUSTER_BASE_MODELS = resource_of(api.ClusterBaseModel)
CLUSTER_SERVING_RUNTIMES = resource_of(api.ClusterServingRuntime)
FINE_TUNED_WEIGHTS = resource_of(api.FineTunedWeight)
INFERENCE_SERVICES = resource_of(api.InferenceService)
SERVING_RUNTIMES = resource_of(api.ServingRuntime)
