"""Services."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any

from ome.sandbox.builtin import names
from ome.sandbox.builtin.causes import duplicate, forbidden, invalid, not_supported, required
from ome.sandbox.builtin.validation.metadata import validate_labels
from ome.sandbox.builtin.validation.numbers import NO_ADDRESS, port_number

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ome.sandbox.refusal import Cause

__all__ = ["validate_service"]

_TYPES = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")
_PROTOCOLS = ("SCTP", "TCP", "UDP")
_AFFINITIES = ("ClientIP", "None")


def validate_service(document: Mapping[str, Any], old: Mapping[str, Any] | None) -> Iterator[Cause]:
    """A Service; of an update also that it keeps its address."""
    spec = document["spec"]
    if families := list(_families(spec)):
        # Found out while addresses are allocated, before anything else is looked at.
        yield from families
        return
    external, headless = spec["type"] == "ExternalName", spec.get("clusterIP") == "None"
    if not spec.get("ports") and not external and not headless:
        yield required("spec.ports")
    yield from _ports(spec)
    yield from validate_labels(spec.get("selector", {}), "spec.selector")
    for name, choices in (("sessionAffinity", _AFFINITIES), ("type", _TYPES)):
        if spec[name] not in choices:
            yield not_supported(f"spec.{name}", spec[name], choices)
    if external:
        yield from _external_name(spec)
    yield from _addresses(spec)
    if old is not None:
        yield from _same_address(spec, old["spec"])


def _families(spec: Mapping[str, Any]) -> Iterator[Cause]:
    """The cluster has IPv4 only; a headless service without selector is served by others."""
    others = spec.get("clusterIP") == "None" and not spec.get("selector")
    if others or spec["type"] == "ExternalName":
        return
    if spec.get("ipFamilyPolicy") == "RequireDualStack":
        yield invalid(
            "spec.ipFamilyPolicy",
            "RequireDualStack",
            "this cluster is not configured for dual-stack services",
        )
    for index, family in enumerate(spec.get("ipFamilies", ())):
        if family != "IPv4":
            yield invalid(f"spec.ipFamilies[{index}]", family, "not configured on this cluster")


def _ports(spec: Mapping[str, Any]) -> Iterator[Cause]:
    ports = spec.get("ports", ())
    named: set[str] = set()
    used: set[tuple[str, int]] = set()
    for index, port in enumerate(ports):
        at = f"spec.ports[{index}]"
        yield from _port(port, at, named, alone=len(ports) == 1)
        if port.get("nodePort") and spec["type"] == "ClusterIP":
            yield forbidden(f"{at}.nodePort", "may not be used when `type` is 'ClusterIP'")
        key = port["protocol"], port.get("port", 0)
        if key in used:
            yield duplicate(at, _internal(*key))
        used.add(key)


def _port(port: Mapping[str, Any], field: str, named: set[str], *, alone: bool) -> Iterator[Cause]:
    name = port.get("name", "")
    if name:
        for text in names.dns_label(name):
            yield invalid(f"{field}.name", name, text)
        if name in named:
            yield duplicate(f"{field}.name", name)
        named.add(name)
    elif not alone:
        yield required(f"{field}.name")
    yield from port_number(port.get("port", 0), f"{field}.port")
    if port["protocol"] not in _PROTOCOLS:
        yield not_supported(f"{field}.protocol", port["protocol"], _PROTOCOLS)
    yield from port_number(port.get("targetPort", 0), f"{field}.targetPort")


def _internal(protocol: str, port: int) -> dict[str, Any]:
    """A port as the real server shows it: in the names of its own struct."""
    return {
        "Name": "",
        "Protocol": protocol,
        "AppProtocol": None,
        "Port": port,
        "TargetPort": 0,
        "NodePort": 0,
    }


def _external_name(spec: Mapping[str, Any]) -> Iterator[Cause]:
    name = spec.get("externalName", "").removesuffix(".")
    if not name:
        yield required("spec.externalName")
        return
    for text in names.dns_subdomain(name):
        yield invalid("spec.externalName", name, text)


def _addresses(spec: Mapping[str, Any]) -> Iterator[Cause]:
    for index, address in enumerate(spec.get("clusterIPs", ())):
        if address == "None" and index == 0:
            continue
        try:
            ipaddress.ip_address(address)
        except ValueError:
            yield invalid(f"spec.clusterIPs[{index}]", address, NO_ADDRESS)


def _same_address(spec: Mapping[str, Any], before: Mapping[str, Any]) -> Iterator[Cause]:
    if "ExternalName" in (spec["type"], before.get("type")):
        return
    known, given = before.get("clusterIPs", []), spec.get("clusterIPs", [])
    if known and given[:1] != known[:1]:
        yield invalid("spec.clusterIPs[0]", given, "may not change once set")
