"""Endpoint slices."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any

from ome.sandbox.builtin import names
from ome.sandbox.builtin.causes import duplicate, immutable, invalid, not_supported, required
from ome.sandbox.builtin.validation.numbers import NO_ADDRESS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ome.sandbox.refusal import Cause

__all__ = ["validate_endpoint_slice"]

_TYPES = ("FQDN", "IPv4", "IPv6")
_PROTOCOLS = ("SCTP", "TCP", "UDP")


def validate_endpoint_slice(
    document: Mapping[str, Any], old: Mapping[str, Any] | None
) -> Iterator[Cause]:
    """An EndpointSlice; all its addresses are of one type, for ever."""
    type_ = document.get("addressType", "")
    if not type_:
        yield required("addressType")
    elif type_ not in _TYPES:
        yield not_supported("addressType", type_, _TYPES)
    for index, endpoint in enumerate(document.get("endpoints") or ()):
        yield from _endpoint(endpoint, type_, f"endpoints[{index}]")
    yield from _ports(document.get("ports") or [])
    if old is not None and type_ != old.get("addressType", ""):
        yield immutable("addressType", type_)


def _endpoint(endpoint: Mapping[str, Any], type_: str, field: str) -> Iterator[Cause]:
    addresses = endpoint.get("addresses")
    if not addresses:
        yield required(f"{field}.addresses", "must contain at least 1 address")
    for index, address in enumerate(addresses or ()):
        at = f"{field}.addresses[{index}]"
        if type_ == "FQDN":
            for text in names.dns_subdomain(address):
                yield invalid(at, address, text)
        elif type_ in _TYPES:
            yield from _address(address, type_, at, f"{field}.addresses")


def _address(address: str, type_: str, field: str, together: str) -> Iterator[Cause]:
    try:
        version = ipaddress.ip_address(address).version
    except ValueError:
        yield invalid(field, address, NO_ADDRESS)
        return
    if type_ != f"IPv{version}":
        # The real server names no index here.
        yield invalid(together, address, f"must be an {type_} address")


def _ports(ports: list[dict[str, Any]]) -> Iterator[Cause]:
    seen: set[str] = set()
    for index, port in enumerate(ports):
        at, name = f"ports[{index}]", port.get("name", "")
        for text in names.dns_label(name) if name else ():
            yield invalid(f"{at}.name", name, text)
        if name in seen:
            yield duplicate(f"{at}.name", name)
        seen.add(name)
        if port.get("protocol") not in _PROTOCOLS:
            yield not_supported(f"{at}.protocol", port.get("protocol", ""), _PROTOCOLS)
