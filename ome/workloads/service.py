"""Services: one for each component, and the fall-back that stands in for an ingress."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ome.api import names
from ome.api.truncate import truncate_dns
from ome.workloads.metadata import owner_reference, service_annotations

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ome.api import InferenceService
    from ome.workloads.metadata import ComponentMetadata

__all__ = [
    "component_service",
    "fallback_service",
    "is_cluster_local",
    "leader_service",
    "ray_head_service",
]

_TYPES = frozenset({"LoadBalancer", "NodePort", "ClusterIP"})
_RAY_PORTS = {"dashboard": 8265, "metrics": 8000, "redis": 6379}
_CLOUD_PREFIXES = (
    "service.beta.kubernetes.io/",
    "cloud.google.com/",
    "service.kubernetes.io/",
)


def is_cluster_local(service: InferenceService) -> bool:
    """Whether a label keeps the service inside the cluster."""
    labels = service.metadata.labels
    return any(
        labels.get(label) == names.VISIBILITY_CLUSTER_LOCAL for label in names.LABELS_VISIBILITY
    )


def component_service(metadata: ComponentMetadata, container: Mapping[str, Any]) -> dict[str, Any]:
    """The Service of a raw component; ``container`` is the one that serves."""
    return _service(metadata, {names.LABEL_APP: metadata.app}, _ports(container))


def leader_service(
    metadata: ComponentMetadata, container: Mapping[str, Any], service: str, component: str
) -> dict[str, Any]:
    """The Service of a multi-node component: its leaders answer, its workers do not."""
    selector = {
        names.LABEL_INFERENCE_SERVICE: service,
        names.LABEL_COMPONENT: component,
        names.LABEL_RAY_NODE_TYPE: names.RAY_HEAD,
    }
    return _service(metadata, selector, _ports(container))


def ray_head_service(
    metadata: ComponentMetadata, container: Mapping[str, Any], service: str, component: str
) -> dict[str, Any]:
    """The Service of the heads of a component's Ray clusters, with the ports of Ray itself."""
    named = dict(container)
    if not container.get("ports"):
        named["name"] = truncate_dns(metadata.name)
    ports = _ports(named)
    # A port may go without a name only where it is alone.
    ports[0].setdefault("name", "port-0")
    for name, number in _RAY_PORTS.items():
        if all(port["port"] != number for port in ports):
            ports.append({"name": name, "port": number, "targetPort": number, "protocol": "TCP"})
    made = _service(
        metadata,
        {
            "app.kubernetes.io/created-by": "kuberay-operator",
            "app.kubernetes.io/name": "kuberay",
            names.LABEL_RAY_NODE_TYPE: names.RAY_HEAD,
            names.LABEL_INFERENCE_SERVICE: service,
            names.LABEL_COMPONENT: component,
        },
        ports,
    )
    made["metadata"]["annotations"] = dict(metadata.annotations)
    return made


def _service(
    metadata: ComponentMetadata, selector: Mapping[str, str], ports: list[dict[str, Any]]
) -> dict[str, Any]:
    annotations = service_annotations(metadata.annotations)
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata.object(truncate_dns(metadata.name), annotations),
        "spec": {**_type(metadata.annotations), "selector": dict(selector), "ports": ports},
    }


def fallback_service(
    service: InferenceService, entrypoint: str, port: int, *, any_component: bool
) -> dict[str, Any]:
    """The Service named like the InferenceService, for use without an ingress.

    ``entrypoint`` is the component it leads to; ``any_component`` selects the pods of all, for
    services that still carry the old predictor.
    """
    metadata = service.metadata
    annotations = {
        key: value
        for key, value in metadata.annotations.items()
        if any(key.startswith(prefix) and key != prefix for prefix in _CLOUD_PREFIXES)
    }
    selector = {names.LABEL_INFERENCE_SERVICE: metadata.name}
    if not any_component:
        selector[names.LABEL_COMPONENT] = entrypoint
    described: dict[str, Any] = {
        "name": metadata.name,
        "namespace": metadata.namespace,
        "labels": {
            names.LABEL_INFERENCE_SERVICE: metadata.name,
            names.LABEL_COMPONENT: names.COMPONENT_EXTERNAL_SERVICE,
        },
        "ownerReferences": [owner_reference(service)],
    }
    if annotations:
        described["annotations"] = annotations
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": described,
        "spec": {
            **_type(metadata.annotations),
            "selector": selector,
            "ports": [{"name": "http", "protocol": "TCP", "port": port, "targetPort": port}],
        },
    }


def _type(annotations: Mapping[str, str]) -> dict[str, Any]:
    wanted = annotations.get(names.ANNOTATION_SERVICE_TYPE, "")
    chosen: dict[str, Any] = {"type": wanted if wanted in _TYPES else "ClusterIP"}
    address = annotations.get(names.ANNOTATION_LOAD_BALANCER_IP)
    if chosen["type"] == "LoadBalancer" and address:
        chosen["loadBalancerIP"] = address
    return chosen


def _ports(container: Mapping[str, Any]) -> list[dict[str, Any]]:
    declared = container.get("ports") or ()
    if not declared:
        default = {"port": names.PORT_SERVICE, "targetPort": names.PORT_SERVICE, "protocol": "TCP"}
        return [{"name": container["name"], **default}]
    ports: list[dict[str, Any]] = []
    for number, given in enumerate(declared):
        port: dict[str, Any] = {
            "port": given["containerPort"],
            "targetPort": given["containerPort"],
            "protocol": given.get("protocol") or "TCP",
        }
        name = given.get("name") or (f"port-{number}" if len(declared) > 1 else "")
        ports.append({"name": name, **port} if name else port)
    return ports
