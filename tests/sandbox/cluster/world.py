"""A whole cluster in virtual time: the embedded server, the simulated cluster, and a test on it."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import anyio
import yaml

from ome.kube.resource import ObjectKey, Resource
from ome.sandbox.apiserver.local import Local
from ome.sandbox.apiserver.server import ApiServer
from ome.sandbox.cluster import Cluster, Options
from tests.support.virtual_time import VirtualClock, run_virtual

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ome.sandbox.cluster.kubelets.programs import Programs

__all__ = ["NAMESPACE", "World", "play"]

NAMESPACE = "work"
_USER = "a-user"


class World:
    """What a test does with the cluster, and sees of it."""

    def __init__(self, server: ApiServer, local: Local, clock: VirtualClock) -> None:
        self.server = server
        self.local = local
        self.clock = clock

    def resource(self, kind: str) -> Resource:
        for found in self.server.kinds:
            if found.resource.kind == kind and found.preferred and not found.is_event_view:
                return found.resource
        raise LookupError(kind)

    async def apply(self, text: str, namespace: str = NAMESPACE) -> None:
        """Create all objects of a YAML text."""
        for document in yaml.safe_load_all(text):
            await self.create(document, namespace)

    async def create(self, document: dict[str, Any], namespace: str = NAMESPACE) -> dict[str, Any]:
        resource = self.resource(document["kind"])
        document.setdefault("apiVersion", resource.api_version)
        if resource.namespaced:
            document["metadata"].setdefault("namespace", namespace)
        return (await self.local.create(resource, document, user=_USER)).load()

    def get(self, kind: str, name: str, namespace: str = NAMESPACE) -> dict[str, Any] | None:
        resource = self.resource(kind)
        key = ObjectKey(namespace if resource.namespaced else "", name)
        stored = self.local.get(resource, key)
        return stored.load() if stored else None

    def there(self, kind: str, name: str, namespace: str = NAMESPACE) -> dict[str, Any]:
        found = self.get(kind, name, namespace)
        assert found is not None, f"{kind} {name}"
        return found

    def all(self, kind: str, namespace: str = NAMESPACE, **labels: str) -> list[dict[str, Any]]:
        resource = self.resource(kind)
        found = self.local.list(resource, namespace if resource.namespaced else "")
        return [
            stored.load()
            for stored in found
            if all(stored.labels.get(name) == value for name, value in labels.items())
        ]

    async def patch(
        self,
        kind: str,
        name: str,
        patch: dict[str, Any],
        namespace: str = NAMESPACE,
        *,
        subresource: str = "",
        strategic: bool = True,
    ) -> None:
        resource = self.resource(kind)
        key = ObjectKey(namespace if resource.namespaced else "", name)
        await self.local.patch(
            resource, key, patch, user=_USER, subresource=subresource, strategic=strategic
        )

    async def delete(
        self,
        kind: str,
        name: str,
        namespace: str = NAMESPACE,
        *,
        propagation: str = "Background",
        grace: int | None = None,
    ) -> None:
        resource = self.resource(kind)
        key = ObjectKey(namespace if resource.namespaced else "", name)
        await self.local.delete(resource, key, user=_USER, propagation=propagation, grace=grace)

    async def until(self, holds: Callable[[], Any], seconds: float = 30.0) -> Any:
        """Wait until something is true; looks often, since looking costs no time here."""
        deadline = self.clock.monotonic() + seconds
        while not (found := holds()):
            assert self.clock.monotonic() < deadline, f"not so after {seconds:g} s"
            await anyio.sleep(0.05)
        return found

    async def settle(self, seconds: float = 5.0) -> None:
        await anyio.sleep(seconds)

    def events(self, name: str, namespace: str = NAMESPACE) -> list[tuple[str, str, str]]:
        """(type, reason, message) of what was said of an object, in order."""
        found = sorted(
            (
                event
                for event in self.all("Event", namespace)
                if event["involvedObject"]["name"] == name
            ),
            key=lambda event: event["metadata"]["name"],
        )
        return [(event["type"], event["reason"], event["message"]) for event in found]


def play(
    body: Callable[[World], Awaitable[None]],
    options: Options | None = None,
    seed: int = 1,
    programs: Programs | None = None,
) -> World:
    """Run a test on a cluster of its own, with a namespace to work in."""

    async def main() -> World:
        clock = VirtualClock()
        rng = random.Random(seed)
        server = ApiServer(clock, rng)
        local = Local(server)
        world = World(server, local, clock)
        async with anyio.create_task_group() as group:
            group.start_soon(server.run)
            made = Cluster(local, clock, rng, options or Options(nodes=3), programs)
            group.start_soon(made.run)
            await world.create({"kind": "Namespace", "metadata": {"name": NAMESPACE}})
            await world.settle(1.0)
            await body(world)
            group.cancel_scope.cancel()
        return world

    return run_virtual(main)
