from __future__ import annotations

import random
from collections.abc import Awaitable, Callable

import anyio
import anyio.lowlevel
import pytest

from ome.errors import Forbidden, UserError
from ome.kube import Client, Discovery, Resource
from ome.kube.resources import CONFIGMAPS, DEPLOYMENTS
from tests.support.fake_api import FakeTransport
from tests.support.fake_cluster import FakeCluster
from tests.support.virtual_time import VirtualClock, run_virtual

THINGS = Resource("kube.ome.io", "v1", "Thing", "things")

Body = Callable[[FakeCluster, Discovery], Awaitable[None]]


def run(body: Body, version: str = "v1.36.3") -> FakeCluster:
    cluster = FakeCluster(clock=VirtualClock(), version=version)

    async def main() -> None:
        client = Client(cluster, clock=VirtualClock(), rng=random.Random(1))
        await body(cluster, Discovery(client, VirtualClock()))

    run_virtual(main)
    return cluster


def test_what_is_served_is_asked_once() -> None:
    async def body(cluster: FakeCluster, discovery: Discovery) -> None:
        for _ in range(3):
            assert await discovery.serves(DEPLOYMENTS)
            assert await discovery.serves(CONFIGMAPS)
        await anyio.sleep(601)
        assert await discovery.serves(DEPLOYMENTS)

    paths = [request.path for request in run(body).requests]
    assert paths == ["/apis/apps/v1", "/api/v1", "/apis/apps/v1"]


def test_what_is_missing_is_asked_again_after_a_minute() -> None:
    async def body(cluster: FakeCluster, discovery: Discovery) -> None:
        assert not await discovery.serves(THINGS)
        cluster.install(THINGS)
        await anyio.sleep(59)
        assert not await discovery.serves(THINGS)
        await anyio.sleep(2)
        assert await discovery.serves(THINGS)

    run(body)


def test_or_at_once_when_a_crd_appeared() -> None:
    async def body(cluster: FakeCluster, discovery: Discovery) -> None:
        assert not await discovery.serves(THINGS)
        cluster.install(THINGS)
        discovery.invalidate()
        assert await discovery.serves(THINGS)

    run(body)


def test_an_answer_from_before_the_crd_is_not_kept() -> None:
    async def body(cluster: FakeCluster, discovery: Discovery) -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(discovery.serves, THINGS)
            await anyio.lowlevel.checkpoint()
            await anyio.lowlevel.checkpoint()
            discovery.invalidate()
        cluster.install(THINGS)
        assert await discovery.serves(THINGS)

    run(body)


def test_those_who_ask_at_once_share_a_request() -> None:
    async def body(cluster: FakeCluster, discovery: Discovery) -> None:
        cluster.delay = 1
        async with anyio.create_task_group() as group:
            for _ in range(5):
                group.start_soon(discovery.serves, THINGS)

    assert len(run(body).requests) == 1


async def test_other_failures_are_not_taken_for_an_answer() -> None:
    transport = FakeTransport()
    transport.refuse(403, "Forbidden")
    clock = VirtualClock()
    discovery = Discovery(Client(transport, clock=clock, rng=random.Random(1)), clock)
    with pytest.raises(Forbidden):
        await discovery.serves(THINGS)


@pytest.mark.parametrize("version", ["v1.30.0", "v1.36.3", "v2.0.0"])
def test_a_server_of_today(version: str) -> None:
    async def body(cluster: FakeCluster, discovery: Discovery) -> None:
        await discovery.require_version()

    run(body, version)


def test_an_old_server_is_refused_in_one_line() -> None:
    async def body(cluster: FakeCluster, discovery: Discovery) -> None:
        with pytest.raises(UserError) as caught:
            await discovery.require_version()
        assert str(caught.value) == (
            "the API server at fake-cluster:6443 is v1.29.7; "
            "v1.30 or later is needed: upgrade the cluster"
        )

    run(body, "v1.29.7")


async def test_a_minor_version_with_a_plus() -> None:
    transport = FakeTransport()
    transport.answer({"major": "1", "minor": "33+", "gitVersion": "v1.33.1-eks-1"})
    clock = VirtualClock()
    discovery = Discovery(Client(transport, clock=clock, rng=random.Random(1)), clock)
    assert await discovery.server_version() == (1, 33, "v1.33.1-eks-1")
