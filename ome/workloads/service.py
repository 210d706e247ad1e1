"""Services: one for each component, and those of the service's own name in front of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ome.api import names
from ome.api.truncate import truncate_dns
from ome.workloads.metadata import service_annotations

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ome.api import InferenceService
    from ome.workloads.exposed import Exposed
    from ome.workloads.metadata import ComponentMetadata

__all__ = [
    "component_service",
    "external_name_service",
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


def fallback_service(exposed: Exposed) -> dict[str, Any]:
    """The Service named like the InferenceService, for use without an ingress."""
    held = exposed.service.metadata.annotations
    annotations = {
        key: value
        for key, value in held.items()
        if any(key.startswith(prefix) and key != prefix for prefix in _CLOUD_PREFIXES)
    }
    entry = exposed.entrypoint
    selector = exposed.pods(entry)
    if exposed.any_component:
        selector = {names.LABEL_INFERENCE_SERVICE: exposed.name}
    labels = {names.LABEL_COMPONENT: names.COMPONENT_EXTERNAL_SERVICE}
    ports = {"port": entry.pod_port, "targetPort": entry.pod_port}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": exposed.metadata(exposed.name, annotations, labels),
        "spec": {
            **_type(held),
            "selector": selector,
            "ports": [{"name": "http", "protocol": "TCP", **ports}],
        },
    }


def external_name_service(exposed: Exposed) -> dict[str, Any]:
    """The Service that leads the service's own name to Knative's local gateway."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": exposed.metadata(exposed.name),
        "spec": {
            "type": "ExternalName",
            "externalName": exposed.config.local_gateway_service,
            "sessionAffinity": "None",
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
