"""A service of one kind of workload on a fake cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ome.kube.resource import ObjectKey
from ome.kube.resources import EVENTS
from tests.controllers.inferenceservice import world

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ome.kube.resource import Resource
    from tests.support.fake_cluster import FakeCluster

GROUP = ObjectKey("demo", "lws-chat-engine")
MULTI: dict[str, Any] = {
    "minReplicas": 2,
    "leader": {"runner": world.RUNNER},
    "worker": {"size": 1, "runner": world.RUNNER},
}


def play(body: Callable[[FakeCluster], Awaitable[None]], *optional: Resource, **spec: Any) -> None:
    """Run a scenario with the operator at work and a service of this spec applied."""
    world.play(body, world.service(**spec), optional=optional)


def events(cluster: FakeCluster) -> list[str]:
    return [document["reason"] for document in cluster.objects(EVENTS)]


def names(cluster: FakeCluster, resource: Resource) -> list[str]:
    return [document["metadata"]["name"] for document in cluster.objects(resource, "demo")]
