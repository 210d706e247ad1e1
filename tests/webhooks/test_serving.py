"""One replica over TLS on a fake cluster: from start to the last answer."""

from __future__ import annotations

import base64
import random
import ssl
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import aiohttp
import anyio
import pytest
from prometheus_client import CollectorRegistry

from ome.cli.webhooks import make_webhooks
from ome.clock import SystemClock
from ome.controllers import ControllerContext
from ome.controllers import resources as kinds
from ome.informers.registry import Informers
from ome.kube import Applier, Client, EventRecorder
from ome.kube.resource import ObjectKey, Resource
from ome.kube.resources import VALIDATING_WEBHOOKS
from ome.reconciler.health import PortInUse
from ome.webhooks.serving import WebhookSettings, service_hosts
from ome.webhooks.table import client_config, configurations
from tests.support.fake_cluster import FakeCluster
from tests.webhooks.support import pod
from tests.webhooks.test_server import body, check

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from ome.webhooks.serving import Webhooks

HOST = service_hosts("ome")[-1]


def cluster(*, registered: bool = True) -> FakeCluster:
    found = [value for value in vars(kinds).values() if isinstance(value, Resource)]
    made = FakeCluster(*found, clock=SystemClock())
    for document in configurations(client_config("ome")) if registered else ():
        made.put(document)
    return made


@asynccontextmanager
async def replica(cluster: FakeCluster, folder: Path, port: int = 0) -> AsyncIterator[Webhooks]:
    clock, rng = SystemClock(), random.Random(1)
    client = Client(cluster, clock=clock, rng=rng)
    informers = Informers(client, clock, rng)
    context = ControllerContext(
        client,
        informers,
        Applier(client, "ome-controller", "ome.io/applied-hash"),
        EventRecorder(client, "test", clock),
        clock,
        rng,
        "ome",
    )
    settings = WebhookSettings("ome", port, host="127.0.0.1", folder=folder, linger=0.3)
    webhooks = make_webhooks(context, settings, CollectorRegistry())
    async with anyio.create_task_group() as group:
        await group.start(informers.run)
        async with anyio.create_task_group() as serving:
            serving.start_soon(webhooks.run)
            yield webhooks
            serving.cancel_scope.cancel()
        group.cancel_scope.cancel()


async def ready(webhooks: Webhooks) -> None:
    with anyio.fail_after(10):
        while True:
            if webhooks.problem() is None:
                return
            await anyio.sleep(0.02)


def trusting(cluster: FakeCluster) -> ssl.SSLContext:
    """A caller that knows what the configuration says, as the API server does."""
    found = cluster.object(VALIDATING_WEBHOOKS, ObjectKey("", "benchmarkjob.ome.io"))
    assert found is not None
    bundle = base64.b64decode(found["webhooks"][0]["clientConfig"]["caBundle"])
    return ssl.create_default_context(cadata=bundle.decode())


async def post(
    session: aiohttp.ClientSession, webhooks: Webhooks, context: ssl.SSLContext
) -> aiohttp.ClientResponse:
    return await session.post(
        f"https://127.0.0.1:{webhooks.port}/mutate-pods",
        json=body(pod()),
        ssl=context,
        server_hostname=HOST,
    )


async def test_a_caller_that_trusts_the_configuration_gets_its_answer(tmp_path: Path) -> None:
    there = cluster()
    async with replica(there, tmp_path) as webhooks, aiohttp.ClientSession() as session:
        assert webhooks.problem() is not None
        await ready(webhooks)
        answer = await post(session, webhooks, trusting(there))
        assert check(await answer.json())["allowed"]


async def test_it_is_not_ready_before_its_configurations_are_there(tmp_path: Path) -> None:
    there = cluster(registered=False)
    async with replica(there, tmp_path) as webhooks:
        with anyio.fail_after(10):
            while True:
                if webhooks.port:
                    break
                await anyio.sleep(0.02)
        await anyio.sleep(0.1)
        assert "benchmarkjob.ome.io is not installed" in (webhooks.problem() or "")
        for document in configurations(client_config("ome")):
            there.put(document)
        await ready(webhooks)


async def test_a_replica_that_leaves_answers_on_and_closes_each_connection(tmp_path: Path) -> None:
    there = cluster()
    answers: list[str | None] = []
    async with aiohttp.ClientSession() as session, anyio.create_task_group() as group:
        async with replica(there, tmp_path) as webhooks:
            await ready(webhooks)
            context = trusting(there)
            answer = await post(session, webhooks, context)
            assert answer.headers.get("Connection") is None
            await answer.read()

            async def later() -> None:
                for _ in range(3):
                    answer = await post(session, webhooks, context)
                    check(await answer.json())
                    answers.append(answer.headers.get("Connection"))
                    await anyio.sleep(0.02)

            async def soon() -> None:
                await anyio.sleep(0.05)
                await later()

            group.start_soon(soon)
    assert answers == ["close"] * 3


async def test_a_port_that_is_taken_ends_the_process_with_a_line(tmp_path: Path) -> None:
    there = cluster()
    async with replica(there, tmp_path) as first:
        await ready(first)
        with pytest.RaisesGroup(
            pytest.RaisesExc(PortInUse, match="cannot listen on"),
            allow_unwrapped=True,
            flatten_subgroups=True,
        ):
            async with replica(there, tmp_path, first.port):
                await anyio.sleep(5)


async def test_hosts_end_with_the_name_that_the_api_server_calls() -> None:
    hosts: Any = service_hosts("other")
    assert hosts[-1] == "ome-webhook-server-service.other.svc"
    assert len(hosts) == 5
