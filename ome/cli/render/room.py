"""Whether the nodes have room for a pod that replaces another, by the devices that it asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ome.controllers.inferenceservice.workload import pod_templates
from ome.kube.quantity import whole

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

__all__ = ["Room"]

_ENDED = ("Succeeded", "Failed")


class Room:
    """What is free on each node; taints, CPU and memory are not looked at."""

    def __init__(
        self, nodes: Sequence[Mapping[str, Any]], pods: Iterable[Mapping[str, Any]]
    ) -> None:
        self._labels: dict[str, Mapping[str, str]] = {}
        self._free: dict[str, dict[str, int]] = {}
        for node in nodes:
            name = node["metadata"]["name"]
            self._labels[name] = node["metadata"].get("labels") or {}
            allocatable = (node.get("status") or {}).get("allocatable") or {}
            self._free[name] = {
                device: whole(text) for device, text in allocatable.items() if "/" in device
            }
        for pod in pods:
            held = self._free.get((pod.get("spec") or {}).get("nodeName") or "")
            if held is None or (pod.get("status") or {}).get("phase") in _ENDED:
                continue
            for device, count in _devices(pod["spec"]).items():
                held[device] = held.get(device, 0) - count

    def shortage(self, workload: Mapping[str, Any]) -> str:
        """What no node has free for one more pod of a workload; empty when there is room."""
        for template in pod_templates(workload):
            wanted = _devices(template["spec"])
            selector = template["spec"].get("nodeSelector") or {}
            if not wanted or any(self._fits(name, wanted, selector) for name in self._free):
                continue
            asked = ", ".join(f"{count} {device}" for device, count in sorted(wanted.items()))
            where = " that its node selector names" if selector else ""
            return f"no node{where} has {asked} free"
        return ""

    def _fits(self, name: str, wanted: Mapping[str, int], selector: Mapping[str, str]) -> bool:
        labels, free = self._labels[name], self._free[name]
        return all(labels.get(key) == text for key, text in selector.items()) and all(
            free.get(device, 0) >= count for device, count in wanted.items()
        )


def _devices(pod: Mapping[str, Any]) -> dict[str, int]:
    """How many of each device a pod asks for."""
    found: dict[str, int] = {}
    for container in pod.get("containers") or ():
        for device, text in _asked(container.get("resources") or {}):
            found[device] = found.get(device, 0) + whole(text)
    return {device: count for device, count in found.items() if count}


def _asked(resources: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    asked = {**(resources.get("limits") or {}), **(resources.get("requests") or {})}
    return ((device, text) for device, text in asked.items() if "/" in device)
