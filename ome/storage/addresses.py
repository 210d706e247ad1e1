"""Addresses that a model may not name: the machine itself, and what tells it who it is. Pure.

Whoever may write a model could otherwise have the agent ask a cloud's metadata service, or a port
that listens for its own machine alone. Names are judged by their spelling; what they resolve to is
known only where they are used.
"""

from __future__ import annotations

import socket
from ipaddress import IPv4Address, IPv6Address, ip_address
from urllib.parse import urlsplit

__all__ = ["problem_of_address"]

_NAMES = frozenset({"localhost", "instance-data", "metadata"})
_METADATA = frozenset({IPv6Address("fd00:ec2::254"), IPv6Address("fd20:ce::254")})


def problem_of_address(url: str) -> str:
    """Why a URL may not be fetched from, in a few words; empty when it may."""
    try:
        host = (urlsplit(url).hostname or "").rstrip(".")
    except ValueError as error:
        return f"{url!r} is no URL ({error})"
    if not host:
        return f"{url!r} names no host"
    address = _address(host)
    if address is None:
        if host in _NAMES or host.endswith(".localhost") or host.startswith("metadata."):
            return f"{host} is the machine itself or its metadata service"
        return ""
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    judged = mapped or address
    if judged in _METADATA or judged.is_link_local:
        return f"{host} is link-local, where metadata services are"
    if judged.is_loopback or judged.is_unspecified or judged.is_multicast:
        return f"{host} is the machine itself"
    return ""


def _address(host: str) -> IPv4Address | IPv6Address | None:
    """The address that a host is, in any spelling that resolvers take, such as ``127.1``."""
    try:
        return ip_address(host.partition("%")[0])
    except ValueError:
        pass
    try:
        return IPv4Address(socket.inet_aton(host)) if host[:1].isdigit() else None
    except OSError:
        return None
