"""Which columns and cells belong to which kind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ome.sandbox.builtin.events import event_from_events_v1
from ome.sandbox.tables import cluster, config, networking, pods, workloads
from ome.sandbox.tables.custom import custom_cells, with_default

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    Cells = Callable[[Mapping[str, Any], float], list[Any]]

__all__ = ["cells", "columns"]

_RBAC = "rbac.authorization.k8s.io"
_ADMISSION = "admissionregistration.k8s.io"
_CONTAINERS = ("*Containers", "*Images")
_EVENT = (
    *("Last Seen", "Type", "Reason", "Object", "*Subobject", "*Source", "Message"),
    *("*First Seen", "*Count", "*Name"),
)
_BINDING = ("Name", "Role", "Age", "*Users", "*Groups", "*ServiceAccounts")

# A star marks a column of ``-o wide``; after a colon its type, string unless said.
_KINDS: dict[tuple[str, str], tuple[Cells, tuple[str, ...]]] = {
    ("", "ConfigMap"): (config.configmap, ("Name", "Data", "Age")),
    ("", "Endpoints"): (networking.endpoints, ("Name", "Endpoints", "Age")),
    ("", "Event"): (cluster.event, _EVENT),
    ("", "Namespace"): (cluster.namespace, ("Name", "Status", "Age")),
    ("", "Node"): (
        cluster.node,
        (
            *("Name", "Status", "Roles", "Age", "Version", "*Internal-IP", "*External-IP"),
            *("*OS-Image", "*Kernel-Version", "*Container-Runtime"),
        ),
    ),
    ("", "PersistentVolume"): (
        cluster.volume,
        (
            *("Name", "Capacity", "Access Modes", "Reclaim Policy", "Status", "Claim"),
            *("StorageClass", "VolumeAttributesClass", "Reason", "Age", "*VolumeMode"),
        ),
    ),
    ("", "PersistentVolumeClaim"): (
        cluster.claim,
        (
            *("Name", "Status", "Volume", "Capacity", "Access Modes", "StorageClass"),
            *("VolumeAttributesClass", "Age", "*VolumeMode"),
        ),
    ),
    ("", "Pod"): (
        pods.pod,
        (
            *("Name", "Ready", "Status", "Restarts", "Age", "*IP", "*Node"),
            *("*Nominated Node", "*Readiness Gates"),
        ),
    ),
    ("", "Secret"): (config.secret, ("Name", "Type", "Data", "Age")),
    ("", "Service"): (
        networking.service,
        ("Name", "Type", "Cluster-IP", "External-IP", "Port(s)", "Age", "*Selector"),
    ),
    ("", "ServiceAccount"): (config.account, ("Name", "Age")),
    ("apps", "Deployment"): (
        workloads.deployment,
        ("Name", "Ready", "Up-to-date", "Available", "Age", *_CONTAINERS, "*Selector"),
    ),
    ("apps", "ReplicaSet"): (
        workloads.replica_set,
        (
            *("Name", "Desired:integer", "Current:integer", "Ready:integer", "Age"),
            *(*_CONTAINERS, "*Selector"),
        ),
    ),
    ("apps", "StatefulSet"): (workloads.stateful_set, ("Name", "Ready", "Age", *_CONTAINERS)),
    ("batch", "Job"): (
        workloads.job,
        ("Name", "Status", "Completions", "Duration", "Age", *_CONTAINERS, "*Selector"),
    ),
    ("autoscaling", "HorizontalPodAutoscaler"): (
        workloads.autoscaler,
        ("Name", "Reference", "Targets", "MinPods", "MaxPods", "Replicas", "Age"),
    ),
    ("policy", "PodDisruptionBudget"): (
        workloads.budget,
        ("Name", "Min Available", "Max Unavailable", "Allowed Disruptions:integer", "Age"),
    ),
    ("networking.k8s.io", "Ingress"): (
        networking.ingress,
        ("Name", "Class", "Hosts", "Address", "Ports", "Age"),
    ),
    ("coordination.k8s.io", "Lease"): (config.lease, ("Name", "Holder", "Age")),
    ("discovery.k8s.io", "EndpointSlice"): (
        networking.endpoint_slice,
        ("Name", "AddressType", "Ports", "Endpoints", "Age"),
    ),
    ("events.k8s.io", "Event"): (
        lambda document, now: cluster.event(event_from_events_v1(document), now),
        _EVENT,
    ),
    (_RBAC, "Role"): (config.dated, ("Name", "Created At:date")),
    (_RBAC, "ClusterRole"): (config.dated, ("Name", "Created At:date")),
    (_RBAC, "RoleBinding"): (config.binding, _BINDING),
    (_RBAC, "ClusterRoleBinding"): (config.binding, _BINDING),
    (_ADMISSION, "MutatingWebhookConfiguration"): (
        config.webhooks,
        ("Name", "Webhooks:integer", "Age"),
    ),
    (_ADMISSION, "ValidatingWebhookConfiguration"): (
        config.webhooks,
        ("Name", "Webhooks:integer", "Age"),
    ),
    ("apiextensions.k8s.io", "CustomResourceDefinition"): (
        config.dated,
        ("Name", "Created At:date"),
    ),
}


def columns(
    gk: tuple[str, str], additional: Sequence[Mapping[str, Any]] | None
) -> list[dict[str, Any]]:
    """Column definitions; ``additional`` are those of a CRD's version, None for a built-in kind."""
    if additional is None:
        return [_column(text) for text in _KINDS[gk][1]]
    return [_column("Name"), *_custom_columns(additional)]


def cells(
    gk: tuple[str, str],
    document: Mapping[str, Any],
    now: float,
    additional: Sequence[Mapping[str, Any]] | None,
) -> list[Any]:
    """The cells of an object, one for each of the columns; ``now`` in seconds since 1970."""
    if additional is None:
        return _KINDS[gk][0](document, now)
    return custom_cells(document, now, additional)


def _column(text: str) -> dict[str, Any]:
    title, _, type_ = text.removeprefix("*").partition(":")
    return {
        "name": title,
        "type": type_ or "string",
        "format": "name" if title == "Name" else "",
        "description": "",
        "priority": int(text.startswith("*")),
    }


def _custom_columns(additional: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [
        {
            "name": column["name"],
            "type": column["type"],
            "format": column.get("format", ""),
            "description": column.get("description", ""),
            "priority": column.get("priority", 0),
        }
        for column in with_default(additional)
    ]
