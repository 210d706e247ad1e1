"""A pod's quality of service, which follows from what its containers ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ome.kube.quantity import parse_quantity

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["qos_class"]

_COUNTED = ("cpu", "memory")


def qos_class(spec: Mapping[str, Any]) -> str:
    """``Guaranteed``, ``Burstable`` or ``BestEffort``."""
    if spec.get("resources"):
        wanted = [spec["resources"]]
    else:
        containers = [*spec.get("initContainers", ()), *spec.get("containers", ())]
        wanted = [container.get("resources", {}) for container in containers]
    if not any(_positive(resources) for resources in wanted):
        return "BestEffort"
    return "Guaranteed" if all(_is_guaranteed(resources) for resources in wanted) else "Burstable"


def _positive(resources: Mapping[str, Any]) -> bool:
    return any(
        parse_quantity(resources.get(which, {}).get(name, 0)) > 0
        for which in ("limits", "requests")
        for name in _COUNTED
    )


def _is_guaranteed(resources: Mapping[str, Any]) -> bool:
    limits, requests = resources.get("limits", {}), resources.get("requests", {})
    return all(
        parse_quantity(limits.get(name, 0)) > 0
        and parse_quantity(requests.get(name, limits[name])) == parse_quantity(limits[name])
        for name in _COUNTED
    )
