"""The controller on a fake cluster with settings for what leads to services."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import anyio

from ome.controllers.resources import HTTP_ROUTES
from ome.kube.resource import ObjectKey
from ome.kube.resources import INGRESSES
from tests.controllers.inferenceservice.world import (
    SERVICE,
    condition,
    found,
    model,
    new_cluster,
    operator,
    runtime,
    service,
    status,
)
from tests.support.virtual_time import run_virtual

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ome.kube.resource import Resource
    from tests.support.fake_cluster import FakeCluster

SETTINGS = ObjectKey("ome", "inferenceservice-config")
PLAIN: dict[str, Any] = {"ingressDomain": "example.com"}
GATEWAY = {**PLAIN, "enableGatewayAPI": True, "omeIngressGateway": "edge/public"}
ISTIO = {
    "ingressGateway": "knative-serving/knative-ingress-gateway",
    "ingressService": "istio-ingressgateway.istio-system.svc.cluster.local",
    "localGateway": "knative-serving/knative-local-gateway",
    "localGatewayService": "local.istio-system.svc.cluster.local",
    "knativeLocalGatewayService": "local.istio-system.svc.cluster.local",
}


def play(
    body: Callable[[FakeCluster], Awaitable[None]],
    ingress: dict[str, Any] | None,
    *optional: Resource,
    annotations: dict[str, str] | None = None,
    before: Callable[[FakeCluster], object] | None = None,
    **spec: Any,
) -> None:
    """Run a scenario; ``ingress`` is key ``ingress`` of the settings, None for no ConfigMap."""

    async def main() -> None:
        cluster = new_cluster(*optional)
        wanted = service(**spec)
        wanted["metadata"]["annotations"] = annotations or {}
        for item in (model(), runtime(), wanted):
            cluster.put(item)
        if ingress is not None:
            settle(cluster, **ingress)
        if before is not None:
            before(cluster)
        async with operator(cluster):
            await anyio.sleep(1)
            await body(cluster)

    run_virtual(main)


def settle(cluster: FakeCluster, **ingress: Any) -> None:
    """Write the operator's settings."""
    cluster.put(
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": SETTINGS.name, "namespace": SETTINGS.namespace},
            "data": {"ingress": json.dumps(ingress)},
        }
    )


def names(cluster: FakeCluster, resource: Resource) -> list[str]:
    return sorted(item["metadata"]["name"] for item in cluster.objects(resource))


def ingress_ready(cluster: FakeCluster) -> tuple[str, str, str]:
    entry = condition(cluster, "IngressReady")
    return entry.get("status", ""), entry.get("reason", ""), entry.get("message", "")


def urls(cluster: FakeCluster) -> tuple[str | None, str | None]:
    held = status(cluster)
    return held.get("url"), (held.get("address") or {}).get("url")


def hosts(cluster: FakeCluster) -> list[str]:
    spec = found(cluster, INGRESSES, SERVICE)["spec"]
    return [rule["host"] for rule in spec["rules"]]


def answer(cluster: FakeCluster, name: str, *conditions: dict[str, str]) -> None:
    """What a gateway says of a route."""
    route = found(cluster, HTTP_ROUTES, ObjectKey("demo", name))
    route["status"] = {
        "parents": [{"parentRef": {"name": "public"}, "conditions": list(conditions)}]
    }
    cluster.put(route)


ACCEPTED = {"type": "Accepted", "status": "True", "reason": "Accepted", "message": ""}
REJECTED = {
    "type": "Accepted",
    "status": "False",
    "reason": "NotAllowedByListeners",
    "message": "no listener takes 100% of it",
}
