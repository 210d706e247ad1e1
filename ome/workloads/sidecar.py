"""Istio's Sidecar of a multi-node component whose pods have one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ome.api import names

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ome.workloads.metadata import ComponentMetadata

__all__ = ["is_left_behind", "istio_sidecar", "sidecar_wanted"]


def sidecar_wanted(metadata: ComponentMetadata) -> bool:
    """Whether Istio is told to inject its proxy into the component's pods."""
    return metadata.labels.get(names.LABEL_SIDECAR_INJECT) == "true"


def istio_sidecar(metadata: ComponentMetadata, service: str, component: str) -> dict[str, Any]:
    """The Sidecar: nodes of a component talk to each other, and are reached, on one port."""
    port = {"number": names.PORT_SERVICE, "protocol": "HTTP", "name": "http"}
    labels = {names.LABEL_INFERENCE_SERVICE: service, names.LABEL_COMPONENT: component}
    return {
        "apiVersion": "networking.istio.io/v1beta1",
        "kind": "Sidecar",
        "metadata": metadata.object(),
        "spec": {
            "workloadSelector": {"labels": labels},
            "egress": [{"port": dict(port), "hosts": ["./*"]}],
            "ingress": [{"port": dict(port)}],
        },
    }


def is_left_behind(live: Mapping[str, Any], desired: Mapping[str, Any]) -> bool:
    """Whether a Sidecar of this name is one that the Go operator made and gave no owner.

    It tells itself by a selector that no pod has: the component's name for the service's.
    """
    selector = ((live.get("spec") or {}).get("workloadSelector") or {}).get("labels") or {}
    return (
        desired["kind"] == live.get("kind") == "Sidecar"
        and not live["metadata"].get("ownerReferences")
        and selector.get(names.LABEL_INFERENCE_SERVICE) == desired["metadata"]["name"]
    )
