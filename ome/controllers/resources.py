"""The REST resources of OME's kinds, and of kinds of others that a cluster may have or not."""

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
    "HTTP_ROUTES",
    "INFERENCE_POOLS",
    "INFERENCE_SERVICES",
    "KNATIVE_SERVICES",
    "LEADER_WORKER_SETS",
    "ON_NODES",
    "RAY_CLUSTERS",
    "SCALED_OBJECTS",
    "SERVING_RUNTIMES",
    "SIDECARS",
    "VIRTUAL_SERVICES",
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

ON_NODES = (BASE_MODELS, CLUSTER_BASE_MODELS, FINE_TUNED_WEIGHTS)
"""Kinds whose files agents keep on nodes."""

HTTP_ROUTES = Resource("gateway.networking.k8s.io", "v1", "HTTPRoute", "httproutes")
INFERENCE_POOLS = Resource("inference.networking.k8s.io", "v1", "InferencePool", "inferencepools")
KNATIVE_SERVICES = Resource("serving.knative.dev", "v1", "Service", "services")
LEADER_WORKER_SETS = Resource(
    "leaderworkerset.x-k8s.io", "v1", "LeaderWorkerSet", "leaderworkersets"
)
RAY_CLUSTERS = Resource("ray.io", "v1", "RayCluster", "rayclusters")
SCALED_OBJECTS = Resource("keda.sh", "v1alpha1", "ScaledObject", "scaledobjects")
SIDECARS = Resource("networking.istio.io", "v1beta1", "Sidecar", "sidecars")
VIRTUAL_SERVICES = Resource("networking.istio.io", "v1beta1", "VirtualService", "virtualservices")
