"""The built-in resources that an operator works with."""

from __future__ import annotations

from ome.kube.resource import Resource

__all__ = [
    "CONFIGMAPS",
    "CORE_EVENTS",
    "CRDS",
    "DEPLOYMENTS",
    "ENDPOINT_SLICES",
    "EVENTS",
    "HPAS",
    "INGRESSES",
    "JOBS",
    "LEASES",
    "MUTATING_WEBHOOKS",
    "NAMESPACES",
    "NODES",
    "PDBS",
    "PODS",
    "PVCS",
    "REPLICA_SETS",
    "ROLES",
    "ROLE_BINDINGS",
    "SECRETS",
    "SERVICES",
    "SERVICE_ACCOUNTS",
    "STORAGE_CLASSES",
    "SUBJECT_ACCESS_REVIEWS",
    "TOKEN_REVIEWS",
    "VALIDATING_WEBHOOKS",
    "resource_for",
]

CONFIGMAPS = Resource("", "v1", "ConfigMap", "configmaps")
CORE_EVENTS = Resource("", "v1", "Event", "events")
NAMESPACES = Resource("", "v1", "Namespace", "namespaces", namespaced=False)
NODES = Resource("", "v1", "Node", "nodes", namespaced=False)
PODS = Resource("", "v1", "Pod", "pods")
PVCS = Resource("", "v1", "PersistentVolumeClaim", "persistentvolumeclaims")
SECRETS = Resource("", "v1", "Secret", "secrets")
SERVICES = Resource("", "v1", "Service", "services")
SERVICE_ACCOUNTS = Resource("", "v1", "ServiceAccount", "serviceaccounts")

CRDS = Resource(
    "apiextensions.k8s.io",
    "v1",
    "CustomResourceDefinition",
    "customresourcedefinitions",
    namespaced=False,
)
MUTATING_WEBHOOKS = Resource(
    "admissionregistration.k8s.io",
    "v1",
    "MutatingWebhookConfiguration",
    "mutatingwebhookconfigurations",
    namespaced=False,
)
VALIDATING_WEBHOOKS = Resource(
    "admissionregistration.k8s.io",
    "v1",
    "ValidatingWebhookConfiguration",
    "validatingwebhookconfigurations",
    namespaced=False,
)
SUBJECT_ACCESS_REVIEWS = Resource(
    "authorization.k8s.io",
    "v1",
    "SubjectAccessReview",
    "subjectaccessreviews",
    namespaced=False,
)
TOKEN_REVIEWS = Resource(
    "authentication.k8s.io", "v1", "TokenReview", "tokenreviews", namespaced=False
)
DEPLOYMENTS = Resource("apps", "v1", "Deployment", "deployments")
REPLICA_SETS = Resource("apps", "v1", "ReplicaSet", "replicasets")
HPAS = Resource("autoscaling", "v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers")
JOBS = Resource("batch", "v1", "Job", "jobs")
LEASES = Resource("coordination.k8s.io", "v1", "Lease", "leases")
ENDPOINT_SLICES = Resource("discovery.k8s.io", "v1", "EndpointSlice", "endpointslices")
EVENTS = Resource("events.k8s.io", "v1", "Event", "events")
INGRESSES = Resource("networking.k8s.io", "v1", "Ingress", "ingresses")
PDBS = Resource("policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets")
ROLES = Resource("rbac.authorization.k8s.io", "v1", "Role", "roles")
ROLE_BINDINGS = Resource("rbac.authorization.k8s.io", "v1", "RoleBinding", "rolebindings")
STORAGE_CLASSES = Resource(
    "storage.k8s.io", "v1", "StorageClass", "storageclasses", namespaced=False
)

_BY_KIND = {
    (resource.api_version, resource.kind): resource
    for resource in (
        CONFIGMAPS,
        CORE_EVENTS,
        CRDS,
        DEPLOYMENTS,
        ENDPOINT_SLICES,
        EVENTS,
        HPAS,
        INGRESSES,
        JOBS,
        LEASES,
        NAMESPACES,
        NODES,
        PDBS,
        PODS,
        PVCS,
        REPLICA_SETS,
        ROLES,
        ROLE_BINDINGS,
        SECRETS,
        SERVICES,
        SERVICE_ACCOUNTS,
    )
}


def resource_for(api_version: str, kind: str) -> Resource:
    """The built-in resource of a kind. Raises ``LookupError`` for any other kind."""
    try:
        return _BY_KIND[api_version, kind]
    except KeyError:
        raise LookupError(f"{api_version} {kind} is none of the built-in resources") from None
