"""Which checks belong to which kind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ome.sandbox.builtin.validation.autoscaling import validate_autoscaler
from ome.sandbox.builtin.validation.config import validate_configmap, validate_secret
from ome.sandbox.builtin.validation.crds import validate_crd
from ome.sandbox.builtin.validation.disruption import validate_budget
from ome.sandbox.builtin.validation.events import validate_event, validate_events_v1
from ome.sandbox.builtin.validation.ingresses import validate_ingress
from ome.sandbox.builtin.validation.jobs import validate_job
from ome.sandbox.builtin.validation.leases import validate_lease
from ome.sandbox.builtin.validation.nodes import validate_node
from ome.sandbox.builtin.validation.pods import validate_pod
from ome.sandbox.builtin.validation.rbac import (
    validate_cluster_role,
    validate_cluster_role_binding,
    validate_role,
    validate_role_binding,
)
from ome.sandbox.builtin.validation.services import validate_service
from ome.sandbox.builtin.validation.slices import validate_endpoint_slice
from ome.sandbox.builtin.validation.storage import validate_claim, validate_volume
from ome.sandbox.builtin.validation.webhooks import validate_webhooks
from ome.sandbox.builtin.validation.workloads import (
    validate_deployment,
    validate_replica_set,
    validate_stateful_set,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from ome.sandbox.refusal import Cause

    Check = Callable[[Mapping[str, Any], Mapping[str, Any] | None], Iterable[Cause]]

__all__ = ["validate"]

_RBAC = "rbac.authorization.k8s.io"
_ADMISSION = "admissionregistration.k8s.io"

_CHECKS: dict[tuple[str, str], Check] = {
    ("", "ConfigMap"): validate_configmap,
    ("", "Event"): validate_event,
    ("", "Node"): validate_node,
    ("", "PersistentVolume"): validate_volume,
    ("", "PersistentVolumeClaim"): validate_claim,
    ("", "Pod"): validate_pod,
    ("", "Secret"): validate_secret,
    ("", "Service"): validate_service,
    ("apps", "Deployment"): validate_deployment,
    ("apps", "ReplicaSet"): validate_replica_set,
    ("apps", "StatefulSet"): validate_stateful_set,
    ("batch", "Job"): validate_job,
    ("autoscaling", "HorizontalPodAutoscaler"): validate_autoscaler,
    ("policy", "PodDisruptionBudget"): validate_budget,
    ("networking.k8s.io", "Ingress"): validate_ingress,
    ("coordination.k8s.io", "Lease"): validate_lease,
    ("discovery.k8s.io", "EndpointSlice"): validate_endpoint_slice,
    ("events.k8s.io", "Event"): validate_events_v1,
    (_RBAC, "Role"): validate_role,
    (_RBAC, "RoleBinding"): validate_role_binding,
    (_RBAC, "ClusterRole"): validate_cluster_role,
    (_RBAC, "ClusterRoleBinding"): validate_cluster_role_binding,
    (_ADMISSION, "MutatingWebhookConfiguration"): validate_webhooks,
    (_ADMISSION, "ValidatingWebhookConfiguration"): validate_webhooks,
    ("apiextensions.k8s.io", "CustomResourceDefinition"): validate_crd,
}


def validate(
    gk: tuple[str, str], document: Mapping[str, Any], old: Mapping[str, Any] | None = None
) -> list[Cause]:
    """All that is wrong beyond ``metadata``; wants the defaults filled in.

    With ``old``, the object that an update replaces, also what may not change.
    """
    check = _CHECKS.get(gk)
    return list(check(document, old)) if check is not None else []
