"""What is known of each built-in kind: its schema, its names, its subresources."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["FACTS", "Facts", "has_generation", "has_scale", "has_status", "name_rule"]

_RBAC = "rbac.authorization.k8s.io"
_ADMISSION = "admissionregistration.k8s.io"


@dataclass(frozen=True, slots=True)
class Facts:
    """One kind; ``definition`` is the name of its schema."""

    definition: str
    name_rule: str = "dns-subdomain"
    status: bool = False
    scale: bool = False
    generation: bool = False


def _core(kind: str, name_rule: str = "dns-subdomain", **more: bool) -> Facts:
    return Facts(f"io.k8s.api.core.v1.{kind}", name_rule, **more)


def _workload(definition: str, *, scale: bool = True) -> Facts:
    return Facts(f"io.k8s.api.{definition}", status=True, scale=scale, generation=True)


FACTS: dict[tuple[str, str], Facts] = {
    ("", "ConfigMap"): _core("ConfigMap"),
    ("", "Endpoints"): _core("Endpoints"),
    ("", "Event"): _core("Event"),
    ("", "Namespace"): _core("Namespace", "dns-label", status=True),
    ("", "Node"): _core("Node", status=True),
    ("", "PersistentVolume"): _core("PersistentVolume", status=True),
    ("", "PersistentVolumeClaim"): _core("PersistentVolumeClaim", status=True),
    ("", "Pod"): _core("Pod", status=True, generation=True),
    ("", "Secret"): _core("Secret"),
    ("", "Service"): _core("Service", "dns-label", status=True),
    ("", "ServiceAccount"): _core("ServiceAccount"),
    ("apps", "Deployment"): _workload("apps.v1.Deployment"),
    ("apps", "ReplicaSet"): _workload("apps.v1.ReplicaSet"),
    ("apps", "StatefulSet"): _workload("apps.v1.StatefulSet"),
    ("batch", "Job"): _workload("batch.v1.Job", scale=False),
    ("autoscaling", "HorizontalPodAutoscaler"): Facts(
        "io.k8s.api.autoscaling.v2.HorizontalPodAutoscaler", status=True
    ),
    ("policy", "PodDisruptionBudget"): _workload("policy.v1.PodDisruptionBudget", scale=False),
    ("networking.k8s.io", "Ingress"): _workload("networking.v1.Ingress", scale=False),
    ("coordination.k8s.io", "Lease"): Facts("io.k8s.api.coordination.v1.Lease"),
    ("discovery.k8s.io", "EndpointSlice"): Facts(
        "io.k8s.api.discovery.v1.EndpointSlice", generation=True
    ),
    ("events.k8s.io", "Event"): Facts("io.k8s.api.events.v1.Event"),
    (_RBAC, "Role"): Facts("io.k8s.api.rbac.v1.Role", "path-segment"),
    (_RBAC, "RoleBinding"): Facts("io.k8s.api.rbac.v1.RoleBinding", "path-segment"),
    (_RBAC, "ClusterRole"): Facts("io.k8s.api.rbac.v1.ClusterRole", "path-segment"),
    (_RBAC, "ClusterRoleBinding"): Facts("io.k8s.api.rbac.v1.ClusterRoleBinding", "path-segment"),
    (_ADMISSION, "MutatingWebhookConfiguration"): Facts(
        "io.k8s.api.admissionregistration.v1.MutatingWebhookConfiguration", generation=True
    ),
    (_ADMISSION, "ValidatingWebhookConfiguration"): Facts(
        "io.k8s.api.admissionregistration.v1.ValidatingWebhookConfiguration", generation=True
    ),
    ("apiextensions.k8s.io", "CustomResourceDefinition"): Facts(
        "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinition",
        status=True,
        generation=True,
    ),
}


def name_rule(gk: tuple[str, str]) -> str:
    """The syntax of the kind's names: a key of ``names.RULES``."""
    return FACTS[gk].name_rule


def has_status(gk: tuple[str, str]) -> bool:
    """Whether the kind has the subresource ``status``."""
    return FACTS[gk].status


def has_scale(gk: tuple[str, str]) -> bool:
    """Whether the kind has the subresource ``scale``."""
    return FACTS[gk].scale


def has_generation(gk: tuple[str, str]) -> bool:
    """Whether the kind counts changes of its spec in ``metadata.generation``."""
    return FACTS[gk].generation
