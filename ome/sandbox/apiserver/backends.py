"""Where a Service is reached from this process: the first ready address of its EndpointSlices.

Simulated pods have addresses that nobody answers on, as pods without containers do. What runs
beside the sandbox (a webhook on this machine) is reached by an EndpointSlice that somebody wrote.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ome.kube.resource import ObjectKey

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ome.sandbox.apiserver.storage import Store

__all__ = ["base_url"]

_SERVICE_LABEL = "kubernetes.io/service-name"


def base_url(store: Store, namespace: str, name: str, port: int) -> str | None:
    """The URL of a Service's port; None when there is no such Service, port or ready endpoint."""
    service = store.collection("", "services").get(ObjectKey(namespace, name))
    if service is None:
        return None
    ports = (service.load().get("spec") or {}).get("ports") or ()
    asked = next((entry for entry in ports if entry.get("port") == port), None)
    if asked is None:
        return None
    for piece in _slices(store, namespace, name):
        target = _target(piece, asked)
        address = _ready_address(piece)
        if target is not None and address is not None:
            return f"https://{f'[{address}]' if ':' in address else address}:{target}"
    return None


def _slices(store: Store, namespace: str, name: str) -> Iterator[Mapping[str, Any]]:
    for stored in store.collection("discovery.k8s.io", "endpointslices").items(namespace):
        if stored.labels.get(_SERVICE_LABEL) == name:
            yield stored.load()


def _target(piece: Mapping[str, Any], asked: Mapping[str, Any]) -> int | None:
    """The port behind a Service's: the slice's port of the same name."""
    for entry in piece.get("ports") or ():
        if (entry.get("name") or "") == (asked.get("name") or ""):
            found: int | None = entry.get("port")
            return found
    return None


def _ready_address(piece: Mapping[str, Any]) -> str | None:
    for endpoint in piece.get("endpoints") or ():
        # Absent counts as ready, as every consumer of slices takes it.
        if (endpoint.get("conditions") or {}).get("ready") is not False:
            found: str = endpoint["addresses"][0]
            return found
    return None
