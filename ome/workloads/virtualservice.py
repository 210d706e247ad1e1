"""Istio: the VirtualService in front of a Knative service."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ome.api import names
from ome.workloads.errors import ExposureError
from ome.workloads.urls import additional_hosts, path, quoted_path, service_host

if TYPE_CHECKING:
    from ome.workloads.exposed import Exposed, ExposedComponent

__all__ = ["API_VERSION", "authority", "is_internal", "service_host_of", "virtual_service"]

API_VERSION = "networking.istio.io/v1beta1"
_MESH = "mesh"
_SPECIAL = re.compile(r"[\\.+*?()|\[\]{}^$]")
_PORT = r"(?::\d{1,5})?"


def service_host_of(exposed: Exposed, host: str) -> str:
    """The host of the service, from the one that Knative gave its entrypoint component.

    The component's name in it becomes the service's, with Knative's ``-default`` if it follows.
    """
    workload = re.escape(exposed.workload(exposed.entrypoint))
    bounded = rf"(?<![A-Za-z0-9-]){workload}(-default)?(?![A-Za-z0-9-])"
    return re.sub(bounded, lambda _: exposed.name, host, count=1)


def is_internal(exposed: Exposed, host: str) -> bool:
    """Whether a service of this host is reached from inside the cluster only."""
    inside = service_host(exposed.name, exposed.namespace, exposed.cluster_domain)
    return exposed.cluster_local or host == inside


def authority(host: str, cluster_domain: str) -> str:
    """A regular expression for a host as clients write it: with a port, inside also shorter."""
    inside = f".svc.{cluster_domain}"
    if host.endswith(inside):
        short, tail = _quoted(host.removesuffix(inside)), _quoted(cluster_domain)
        return rf"^{short}(\.svc(\.{tail})?)?{_PORT}$"
    return f"^{_quoted(host)}{_PORT}$"


def _quoted(text: str) -> str:
    return _SPECIAL.sub(lambda found: "\\" + found[0], text)


def virtual_service(exposed: Exposed, host: str, *, decoder_ready: bool) -> dict[str, Any]:
    """The VirtualService; ``host`` is that of ``service_host_of``. Raises ``ExposureError``."""
    config = exposed.config
    if not config.ingress_gateway or not config.ingress_service:
        raise ExposureError(
            "invalid ingress config - ingressGateway and ingressService are required; set them in"
            " key ingress of the operator's ConfigMap, or disableIstioVirtualHost to true"
        )
    metadata = exposed.service.metadata
    return {
        "apiVersion": API_VERSION,
        "kind": "VirtualService",
        "metadata": exposed.metadata(exposed.name, exposed.annotations(), metadata.labels),
        "spec": _Routes(exposed, host).spec(decoder_ready),
    }


class _Routes:
    """The parts of one VirtualService, which share its hosts."""

    def __init__(self, exposed: Exposed, host: str) -> None:
        self._exposed = exposed
        self._config = exposed.config
        self._inside = service_host(exposed.name, exposed.namespace, exposed.cluster_domain)
        self._internal = is_internal(exposed, host)
        self._host = host
        self._extra = (
            () if self._internal else additional_hosts(exposed.domains, host, self._config)[0]
        )

    def spec(self, decoder_ready: bool) -> dict[str, Any]:
        decoder = self._exposed.get(names.COMPONENT_DECODER)
        if not decoder_ready:
            decoder = None
        prefix = self._prefix()
        http = []
        if decoder is not None:
            http.append(self._route(decoder, self._matches(r"^/v1/decoder/.*$")))
        http.append(self._route(self._exposed.entrypoint, self._matches()))
        if prefix is not None:
            http += self._paths(prefix, decoder)
        gateways = [self._config.local_gateway, _MESH]
        if not self._internal:
            gateways.append(self._config.ingress_gateway)
        hosts = [self._inside]
        if not self._internal:
            hosts.append(self._host)
        if prefix is not None:
            hosts.append(self._config.ingress_domain)
        hosts += self._extra
        return {
            "hosts": list(dict.fromkeys(hosts)),
            "gateways": [gateway for gateway in gateways if gateway],
            "http": http,
        }

    def _prefix(self) -> str | None:
        """The path of the service without its last slash; None without one that is reached."""
        if self._internal or not self._config.path_template:
            return None
        try:
            text = path(self._exposed.name, self._exposed.namespace, self._config)
        except ExposureError:
            return None
        return quoted_path(text).rstrip("/")

    def _matches(self, uri: str = "") -> list[dict[str, Any]]:
        local = [gateway for gateway in (self._config.local_gateway, _MESH) if gateway]
        found = [self._match(self._inside, local)]
        if not self._internal:
            outside = [self._config.ingress_gateway]
            for host in (self._host, *self._extra):
                match = self._match(host, outside)
                if match not in found:
                    found.append(match)
        if uri:
            for match in found:
                match["uri"] = {"regex": uri}
        return found

    def _match(self, host: str, gateways: list[str]) -> dict[str, Any]:
        regex = authority(host, self._exposed.cluster_domain)
        return {"authority": {"regex": regex}, "gateways": gateways}

    def _paths(self, prefix: str, decoder: ExposedComponent | None) -> list[dict[str, Any]]:
        routes = []
        if decoder is not None:
            regex = rf"{_quoted(prefix)}(/v1/decoder/.*)$"
            route = self._route(decoder, [self._at(regex=regex)])
            route["rewrite"] = {"uriRegexRewrite": {"match": regex, "rewrite": r"\1"}}
            routes.append(route)
        matches = [self._at(prefix=f"{prefix}/")]
        if prefix:
            matches.append(self._at(exact=prefix))
        route = self._route(self._exposed.entrypoint, matches)
        route["rewrite"] = {"uri": "/"}
        return [*routes, route]

    def _at(self, **uri: str) -> dict[str, Any]:
        match = self._match(self._config.ingress_domain, [self._config.ingress_gateway])
        return {**match, "uri": uri}

    def _route(self, component: ExposedComponent, matches: list[dict[str, Any]]) -> dict[str, Any]:
        exposed = self._exposed
        gateway = self._config.knative_local_gateway_service
        target = service_host(
            exposed.workload(component), exposed.namespace, exposed.cluster_domain
        )
        return {
            "match": matches,
            "route": [
                {
                    "destination": {"host": gateway, "port": {"number": names.PORT_PUBLIC}},
                    "weight": 100,
                }
            ],
            "headers": {
                "request": {
                    "set": {
                        "Host": target,
                        names.HEADER_SERVICE_NAME: exposed.name,
                        names.HEADER_SERVICE_NAMESPACE: exposed.namespace,
                    }
                }
            },
        }
