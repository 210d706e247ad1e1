"""Optional kinds: watched while their CRD is there, missing until their first list is whole."""

from __future__ import annotations

import random
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import anyio

from ome.errors import Forbidden
from ome.informers.optional import OptionalKinds
from ome.informers.projection import WholeObject
from ome.informers.registry import Informers
from ome.kube import Client
from ome.kube.resource import ObjectKey, Resource
from ome.kube.resources import CRDS
from tests.informers.support import Recorder
from tests.support.fake_cluster import FakeCluster
from tests.support.virtual_time import VirtualClock, run_virtual

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from ome.informers.informer import Informer

GROUPS = Resource("groups.example", "v1", "Group", "groups")
KEY = ObjectKey("ns", "a")


def group(name: str = "a") -> dict[str, Any]:
    metadata = {"name": name, "namespace": "ns"}
    return {"apiVersion": GROUPS.api_version, "kind": GROUPS.kind, "metadata": metadata}


class World:
    def __init__(self, cluster: FakeCluster) -> None:
        clock, rng = VirtualClock(), random.Random(5)
        client = Client(cluster, clock=clock, rng=rng)
        self.informers = Informers(client, clock, rng)
        self.kinds = OptionalKinds(self.informers)
        self.groups: Informer[WholeObject] = self.kinds.informer(GROUPS, WholeObject)
        self.told = Recorder()
        self.groups.add_handler(self.told)
        self.changes: list[bool] = []
        self.kinds.on_change(GROUPS, lambda: self.changes.append(not self.kinds.missing(GROUPS)))

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async with anyio.create_task_group() as tasks:
            await tasks.start(self.informers.run)
            await self.informers.wait_synced(10)
            yield
            tasks.cancel_scope.cancel()


def asked(cluster: FakeCluster) -> int:
    return len([request for request in cluster.requests if "groups.example" in request.path])


def test_a_cluster_without_the_kind_is_asked_nothing_about_it() -> None:
    async def main() -> None:
        cluster = FakeCluster(clock=VirtualClock())
        world = World(cluster)
        async with world.running():
            await anyio.sleep(600)
            assert asked(cluster) == 0
            assert world.kinds.missing(GROUPS) == (
                "the cluster has no kind Group of groups.example/v1: CRD groups.groups.example is"
                " not installed"
            )
            assert world.changes == []
            assert world.informers.ok() == []

    run_virtual(main)


def test_a_kind_that_is_there_is_in_sync_at_the_start() -> None:
    async def main() -> None:
        cluster = FakeCluster(clock=VirtualClock())
        cluster.install(GROUPS)
        cluster.put(group())
        world = World(cluster)
        async with world.running():
            assert world.kinds.missing(GROUPS) == ""
            assert world.groups.store.keys() == [KEY]
            assert world.changes == [True]

    run_virtual(main)


def test_a_kind_comes_goes_and_comes_again() -> None:
    async def main() -> None:
        cluster = FakeCluster(clock=VirtualClock())
        world = World(cluster)
        async with world.running():
            for _ in range(2):
                cluster.install(GROUPS)
                cluster.put(group())
                await anyio.sleep(1)
                assert world.kinds.missing(GROUPS) == ""
                assert world.groups.store.keys() == [KEY]
                assert cluster.watching(GROUPS) == 1
                cluster.uninstall(GROUPS)
                await anyio.sleep(1)
                assert "is not installed" in world.kinds.missing(GROUPS)
                assert world.groups.store.keys() == []
                assert cluster.watching(GROUPS) == 0
            assert world.changes == [True, False, True, False]
            assert world.told.kinds() == ["+a", "-a", "+a", "-a"]
            before = asked(cluster)
            await anyio.sleep(600)
            assert asked(cluster) == before
            assert world.informers.ok() == []

    run_virtual(main)


def test_the_server_may_serve_a_kind_later_than_it_shows_its_definition() -> None:
    async def main() -> None:
        cluster = FakeCluster(clock=VirtualClock())
        world = World(cluster)
        async with world.running():
            named = {"name": GROUPS.group_resource, "labels": {"not": "established"}}
            document = {"apiVersion": CRDS.api_version, "kind": CRDS.kind}
            cluster.put({**document, "metadata": named})
            await anyio.sleep(0.1)
            assert "has no served version v1" in world.kinds.missing(GROUPS)
            assert world.changes == []
            await anyio.sleep(120)
            assert world.changes == [False], "told once, when the server has said so twice"
            cluster.install(GROUPS)  # which also changes the definition
            await anyio.sleep(0.1)
            assert world.kinds.missing(GROUPS) == ""
            assert world.changes == [False, True]

    run_virtual(main)


def test_a_definition_that_is_still_changing_is_not_blamed_for_its_versions() -> None:
    """As at its creation: names are accepted, then it is established, then it is served."""

    async def main() -> None:
        cluster = FakeCluster(clock=VirtualClock())
        world = World(cluster)
        async with world.running():
            document = {"apiVersion": CRDS.api_version, "kind": CRDS.kind}
            for step in ("created", "accepted", "established"):
                named = {"name": GROUPS.group_resource, "labels": {"step": step}}
                cluster.put({**document, "metadata": named})
                await anyio.sleep(0.1)
            assert world.changes == []
            cluster.install(GROUPS)
            await anyio.sleep(0.1)
            assert world.changes == [True]

    run_virtual(main)


def test_a_kind_that_may_not_be_listed_says_what_to_grant() -> None:
    async def main() -> None:
        cluster = FakeCluster(clock=VirtualClock())
        world = World(cluster)
        async with world.running():
            cluster.fail("list", GROUPS, Forbidden("no"), times=1000)
            cluster.install(GROUPS)
            await anyio.sleep(5)
            assert world.kinds.missing(GROUPS) == (
                "objects of kind Group of groups.example/v1 cannot be listed: the operator's role"
                " lacks get, list or watch on groups.groups.example; grant them"
            )
            assert world.changes == [False], "it lacks something else than before"
            await anyio.sleep(600)
            assert world.changes == [False]

    run_virtual(main)
