"""Cluster addresses of Services, out of 10.96.0.0/12 as kubeadm has it."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ome.sandbox.apiserver.storage import Collection
    from ome.sandbox.stored import Stored

__all__ = ["Addresses"]

_RANGE = ipaddress.ip_network("10.96.0.0/12")
_FIRST = 10
"""Addresses below are for what a cluster fixes by hand, such as its DNS."""


class Addresses:
    """Which addresses are taken; follows the stored Services."""

    def __init__(self, services: Collection) -> None:
        self._taken: set[str] = set()
        self._next = _FIRST
        services.subscribe(self._changed, replay=True)

    def give(self, service: dict[str, Any]) -> None:
        """An address for a Service that should have one, in place."""
        spec = service.get("spec") or {}
        if spec.get("type") == "ExternalName" or spec.get("clusterIP"):
            if spec.get("clusterIP"):
                spec.setdefault("clusterIPs", [spec["clusterIP"]])
            return
        while True:
            address = str(_RANGE[self._next])
            self._next = self._next % (_RANGE.num_addresses - 2) + 1
            if address not in self._taken:
                break
        spec["clusterIP"] = address
        spec["clusterIPs"] = [address]

    def _changed(self, old: Stored | None, new: Stored | None) -> None:
        for stored, note in ((old, self._taken.discard), (new, self._taken.add)):
            if stored is not None:
                note((stored.load().get("spec") or {}).get("clusterIP", ""))
