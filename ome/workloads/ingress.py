"""The Kubernetes Ingress of a service: a host for the service and one for each component."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ome.api import names
from ome.workloads.errors import ExposureError
from ome.workloads.urls import additional_hosts

if TYPE_CHECKING:
    from ome.workloads.exposed import Exposed, ExposedComponent

__all__ = ["has_tls", "ingress"]


def ingress(exposed: Exposed) -> dict[str, Any]:
    """The Ingress. Raises ``ExposureError`` naming the host that cannot be made."""
    rules = _rules(exposed)
    spec: dict[str, Any] = {
        "rules": [_rule(exposed, host, backend) for host, backend in rules.items()]
    }
    if exposed.config.ingress_class_name:
        spec["ingressClassName"] = exposed.config.ingress_class_name
    annotations = exposed.annotations()
    if has_tls(exposed):
        secret = exposed.config.tls_secret_name or f"{exposed.name}-tls"
        spec["tls"] = [{"hosts": list(rules), "secretName": secret}]
        issuer = exposed.config.tls_cluster_issuer
        if issuer and not _names_issuer(exposed):
            annotations[names.ANNOTATION_CERT_CLUSTER_ISSUER] = issuer
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": exposed.metadata(exposed.name, annotations),
        "spec": spec,
    }


def has_tls(exposed: Exposed) -> bool:
    """Whether a Secret or an issuer is configured for the hosts of the Ingress."""
    config = exposed.config
    return bool(config.tls_secret_name or config.tls_cluster_issuer or _names_issuer(exposed))


def _names_issuer(exposed: Exposed) -> bool:
    issuers = (names.ANNOTATION_CERT_ISSUER, names.ANNOTATION_CERT_CLUSTER_ISSUER)
    return any(exposed.service.metadata.annotations.get(issuer) for issuer in issuers)


def _rules(exposed: Exposed) -> dict[str, ExposedComponent]:
    """The backend of each host, in order; the first rule of a host counts."""
    top = exposed.entrypoint
    host = _host(exposed, None, f"top level {top.name}")
    rules = {host: top}
    extra, _ = additional_hosts((exposed.config.ingress_domain,), host, exposed.config)
    for other in extra:
        rules.setdefault(other, top)
    if len(exposed.components) > 1:
        for name in (names.COMPONENT_ROUTER, names.COMPONENT_ENGINE, names.COMPONENT_DECODER):
            component = exposed.get(name)
            if component is not None:
                rules.setdefault(_host(exposed, component, name), component)
    return rules


def _host(exposed: Exposed, component: ExposedComponent | None, what: str) -> str:
    try:
        return exposed.host(component)
    except ExposureError as error:
        raise ExposureError(
            f"builder error: failed creating {what} ingress host: {error}"
        ) from error


def _rule(exposed: Exposed, host: str, component: ExposedComponent) -> dict[str, Any]:
    service = {"name": exposed.backend(component), "port": {"number": component.port}}
    path = {"path": "/", "pathType": "Prefix", "backend": {"service": service}}
    return {"host": host, "http": {"paths": [path]}}
