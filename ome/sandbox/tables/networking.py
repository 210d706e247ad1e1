"""Rows of services, endpoints and ingresses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ome.sandbox.tables.ages import age
from ome.sandbox.tables.shared import NONE, UNSET, count_more, labels, name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["endpoint_slice", "endpoints", "ingress", "service"]

_MOST = 3


def service(document: Mapping[str, Any], now: float) -> list[Any]:
    """The cells of a Service."""
    spec = document["spec"]
    return [
        name(document),
        spec.get("type", ""),
        (spec.get("clusterIPs") or [NONE])[0],
        _external(document),
        ",".join(_port(port) for port in spec.get("ports") or ()) or NONE,
        _age(document, now),
        labels(spec.get("selector")),
    ]


def endpoints(document: Mapping[str, Any], now: float) -> list[Any]:
    """The cells of an Endpoints object."""
    subsets = document.get("subsets") or ()
    shown = count_more([one for subset in subsets for one in _subset(subset)], _MOST)
    return [name(document), shown if subsets else NONE, _age(document, now)]


def endpoint_slice(document: Mapping[str, Any], now: float) -> list[Any]:
    """The cells of an EndpointSlice."""
    ports = [_slice_port(port) for port in document.get("ports") or ()]
    addresses = [
        address
        for endpoint in document.get("endpoints") or ()
        for address in endpoint.get("addresses") or ()
    ]
    return [
        name(document),
        document.get("addressType", ""),
        count_more(ports, _MOST) or UNSET,
        count_more(addresses, _MOST) or UNSET,
        _age(document, now),
    ]


def ingress(document: Mapping[str, Any], now: float) -> list[Any]:
    """The cells of an Ingress."""
    spec, status = document["spec"], document.get("status") or {}
    hosts = [rule["host"] for rule in spec.get("rules") or () if rule.get("host")]
    return [
        name(document),
        spec.get("ingressClassName", NONE),
        count_more(hosts, _MOST) or "*",
        _balancer(status),
        "80, 443" if spec.get("tls") else "80",
        _age(document, now),
    ]


def _age(document: Mapping[str, Any], now: float) -> str:
    return age(document["metadata"].get("creationTimestamp"), now)


def _port(port: Mapping[str, Any]) -> str:
    node = f":{port['nodePort']}" if port.get("nodePort") else ""
    return f"{port.get('port', 0)}{node}/{port.get('protocol', '')}"


def _external(document: Mapping[str, Any]) -> str:
    spec = document["spec"]
    given = ",".join(spec.get("externalIPs") or ())
    match spec.get("type"):
        case "ClusterIP" | "NodePort":
            return given or NONE
        case "LoadBalancer":
            both = [text for text in (_balancer(document.get("status") or {}), given) if text]
            return ",".join(both) or "<pending>"
        case "ExternalName":
            return str(spec.get("externalName", ""))
        case _:
            return "<unknown>"


def _balancer(status: Mapping[str, Any]) -> str:
    points = (status.get("loadBalancer") or {}).get("ingress") or ()
    return ",".join(sorted({point.get("ip") or point.get("hostname", "") for point in points}))


def _subset(subset: Mapping[str, Any]) -> Iterator[str]:
    addresses = [address.get("ip", "") for address in subset.get("addresses") or ()]
    ports = subset.get("ports")
    if not ports:
        yield from addresses
        return
    for port in ports:
        for address in addresses:
            host = f"[{address}]" if ":" in address else address
            yield f"{host}:{port.get('port', 0)}"


def _slice_port(port: Mapping[str, Any]) -> str:
    if port.get("port") is not None:
        return str(port["port"])
    return str(port["name"]) if port.get("name") is not None else "*"
