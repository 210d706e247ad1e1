"""Addresses of pods: each node has a range, and no two living pods share one."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Any

import msgspec

from ome.kube.resource import ObjectKey
from ome.kube.resources import NODES

if TYPE_CHECKING:
    from ome.sandbox.cluster.pods import PodIndex
    from ome.sandbox.local import LocalApi

__all__ = ["Addresses"]

_COMMON = "10.64.0.0/10"
"""For pods of nodes without a range of their own."""


class _Address(msgspec.Struct):
    type: str
    address: str


class _Spec(msgspec.Struct):
    podCIDR: str = ""


class _Status(msgspec.Struct):
    addresses: tuple[_Address, ...] = ()


class _Node(msgspec.Struct):
    spec: _Spec = msgspec.field(default_factory=_Spec)
    status: _Status = msgspec.field(default_factory=_Status)


_decode = msgspec.json.Decoder(_Node).decode


class Addresses:
    """Hands them out."""

    def __init__(self, local: LocalApi, pods: PodIndex) -> None:
        self._local = local
        self._pods = pods
        self._next: dict[str, int] = {}

    def of(self, node: str, *, host_network: bool) -> dict[str, Any]:
        """The address fields of the status of a pod that starts on a node."""
        stored = self._local.get(NODES, ObjectKey("", node))
        if stored is None:
            return {}
        document = _decode(stored.raw)
        host = next((a.address for a in document.status.addresses if a.type == "InternalIP"), "")
        pod = host if host_network else self._free(node, document.spec.podCIDR)
        found: dict[str, Any] = {"podIP": pod, "podIPs": [{"ip": pod}]}
        if host:
            found |= {"hostIP": host, "hostIPs": [{"ip": host}]}
        return found if pod else {}

    def _free(self, node: str, addresses: str) -> str:
        network = ip_network(addresses or _COMMON)
        place = node if addresses else ""
        neighbours = self._pods.on_node(node) if addresses else ()
        taken = {pod.address for pod in neighbours if not pod.finished}
        for _ in range(min(network.num_addresses, 1024)):
            number = self._next.get(place, 0) % (network.num_addresses - 2) + 1
            self._next[place] = number
            address = str(ip_address(int(network.network_address) + number))
            if address not in taken:
                return address
        return ""
