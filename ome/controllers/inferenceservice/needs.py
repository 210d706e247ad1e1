"""The kinds of objects that services have, and what to say when a cluster lacks one of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ome.api import names
from ome.controllers.inferenceservice.usage import Dependency
from ome.controllers.resources import (
    HTTP_ROUTES,
    INFERENCE_POOLS,
    KNATIVE_SERVICES,
    LEADER_WORKER_SETS,
    RAY_CLUSTERS,
    SCALED_OBJECTS,
    SIDECARS,
    VIRTUAL_SERVICES,
)
from ome.kube.resources import (
    CONFIGMAPS,
    DEPLOYMENTS,
    HPAS,
    INGRESSES,
    PDBS,
    ROLE_BINDINGS,
    ROLES,
    SERVICE_ACCOUNTS,
    SERVICES,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ome.kube.resource import Resource

__all__ = ["CHILD_KINDS", "NEEDS", "Need", "definition", "resource_of_child"]


@dataclass(frozen=True, slots=True)
class Need:
    """What follows when a kind is missing.

    ``reason`` is that of the condition and the event, ``what`` says what cannot be done and
    ``install`` what to do. An empty ``reason``: the objects are left out, the service does without.
    """

    reason: str = ""
    what: str = ""
    install: str = ""

    def text(self, missing: str, *, installed: bool) -> str:
        """The message of the condition; ``missing`` says what the cluster lacks.

        ``installed``: it is not the definition of the kind.
        """
        way = "the service goes on by itself after that" if installed else self.install
        return f"{self.what}: {missing}; {way}"


NEEDS: Mapping[Resource, Need] = {
    LEADER_WORKER_SETS: Need(
        names.REASON_DEPLOYMENT_MODE,
        "deployment mode MultiNode is not possible",
        "install LeaderWorkerSet (lws.sigs.k8s.io), the service then goes on by itself",
    ),
    RAY_CLUSTERS: Need(
        names.REASON_DEPLOYMENT_MODE,
        "deployment mode MultiNodeRayVLLM is not possible",
        "install KubeRay, the service then goes on by itself",
    ),
    KNATIVE_SERVICES: Need(
        names.REASON_SERVERLESS_REJECTED,
        "It is not possible to use Serverless deployment mode when Knative Services are not"
        " available",
        "install Knative Serving, the service then goes on by itself, or set minReplicas to 1 or"
        " more",
    ),
    SCALED_OBJECTS: Need(
        names.REASON_INTERNAL,
        "autoscaler class keda is not possible",
        "install KEDA, the service then goes on by itself, or set annotation"
        f" {names.ANNOTATION_AUTOSCALER_CLASS} to hpa",
    ),
    HTTP_ROUTES: Need(
        names.REASON_GATEWAY_NOT_AVAILABLE,
        "the service cannot be exposed through the Gateway API",
        "install the Gateway API, the service then goes on by itself, or set enableGatewayAPI to"
        " false",
    ),
    VIRTUAL_SERVICES: Need(
        names.REASON_VIRTUAL_SERVICE_NOT_AVAILABLE,
        "the service cannot be exposed through Istio",
        "install Istio, the service then goes on by itself, or set disableIstioVirtualHost to true",
    ),
    INFERENCE_POOLS: Need(
        names.REASON_INFERENCE_POOL_NOT_AVAILABLE,
        "the service cannot have an InferencePool",
        "install the Gateway API Inference Extension, the service then goes on by itself, or remove"
        f" annotation {names.ANNOTATION_INFERENCE_POOL}",
    ),
    SIDECARS: Need(),
}
"""Every optional kind that services have children of."""


CHILD_KINDS = (
    DEPLOYMENTS,
    SERVICES,
    HPAS,
    PDBS,
    CONFIGMAPS,
    SERVICE_ACCOUNTS,
    ROLES,
    ROLE_BINDINGS,
    INGRESSES,
    *NEEDS,
)
"""Every kind of object that is made for a service."""
_BY_KIND = {(resource.api_version, resource.kind): resource for resource in CHILD_KINDS}


def resource_of_child(api_version: str, kind: str) -> Resource:
    """The resource of a child kind. Raises ``KeyError`` for any other."""
    return _BY_KIND[api_version, kind]


def definition(resource: Resource) -> Dependency:
    """The CRD of a kind, as the usage index knows it."""
    return Dependency("CustomResourceDefinition", "", resource.group_resource)
