"""What the operator's pods serve beside their metrics, read through the API server's proxy.

The proxy keeps a caller's ``Authorization`` for itself, and many callers have a certificate and no
token at all. Where metrics are secured, a short token of an account that may read them and the
flight recorder, and nothing else, goes with the request in a header of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ome.kube.request import key_of
from ome.kube.resources import PODS, SERVICE_ACCOUNTS
from ome.reconciler.health import TOKEN_HEADER

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ome.kube.client import Client

__all__ = ["Place", "metrics_of", "reader_headers"]

_READER = "ome-flight-reader"
_TOKEN_SECONDS = 600


@dataclass(frozen=True, slots=True)
class Place:
    """Where a pod serves its metrics; ``secure`` over HTTPS and for tokens alone."""

    namespace: str
    pod: str
    port: int
    secure: bool

    def path(self, of: str) -> str:
        """The path of the API server that leads to a path of the pod."""
        scheme = "https:" if self.secure else ""
        proxy = f"pods/{scheme}{self.pod}:{self.port}/proxy"
        return f"/api/v1/namespaces/{self.namespace}/{proxy}{of}"


def metrics_of(pod: Mapping[str, Any]) -> Place | None:
    """The port that a pod calls ``metrics``; None when it has none."""
    for container in pod["spec"]["containers"]:
        for port in container.get("ports") or ():
            if port.get("name") == "metrics":
                secure = "--metrics-secure" in (container.get("args") or ())
                return Place(*key_of(PODS, pod), port["containerPort"], secure)
    return None


async def reader_headers(client: Client, operator: str) -> dict[str, str]:
    """What a request to a secured place has to bring. Raises ``ApiError``."""
    asked = {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenRequest",
        "metadata": {"name": _READER, "namespace": operator},
        "spec": {"expirationSeconds": _TOKEN_SECONDS},
    }
    made = await client.create(SERVICE_ACCOUNTS, asked, subresource="token")
    return {TOKEN_HEADER: f"Bearer {made['status']['token']}"}
