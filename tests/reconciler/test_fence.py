"""When writes are admitted, and that one which waited for its connection is looked at again."""

from __future__ import annotations

import asyncio
import random
from contextlib import nullcontext, suppress
from typing import TYPE_CHECKING

import anyio
import pytest
from aiohttp import web

from ome.clock import SystemClock
from ome.errors import NotLeading, TransportError
from ome.kube import Client, ObjectKey, Request
from ome.kube.http import connect
from ome.kube.resources import CONFIGMAPS
from ome.kube.transport import NotSent
from ome.reconciler.fence import Fence, Timing
from tests.kube.server import kubeconfig, serving
from tests.support.fake_cluster import FakeCluster
from tests.support.virtual_time import VirtualClock, run_virtual

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from pathlib import Path

    from ome.kube.transport import Response

KEY = ObjectKey("ns", "a")


def test_it_admits_until_ten_seconds_after_the_renewal_was_sent() -> None:
    async def main() -> None:
        clock = VirtualClock()
        refused: list[int] = []
        fence = Fence(clock, Timing(), lambda: refused.append(1))
        with pytest.raises(NotLeading):
            fence.admit()
        fence.renewed(clock.boottime() - 3)
        assert (fence.left(), fence.admit()) == (7, 11)
        await clock.sleep(6.5)
        assert fence.admit() == 4.5
        clock.suspended = 0.5
        with pytest.raises(NotLeading):
            fence.admit()
        fence.renewed(clock.boottime())
        fence.close()
        assert fence.left() == 0
        assert len(refused) == 2

    run_virtual(main)


def test_writes_are_refused_and_reads_and_dry_runs_are_not() -> None:
    async def main() -> None:
        clock = VirtualClock()
        cluster = FakeCluster(clock=clock)
        obj = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}
        obj["metadata"] = {"name": "a", "namespace": "ns"}
        client = Client(cluster, clock=clock, rng=random.Random(1), guard=Fence(clock, Timing()))
        await client.create(CONFIGMAPS, obj, dry_run=True)
        for write in (
            client.create(CONFIGMAPS, obj),
            client.merge_patch(CONFIGMAPS, KEY, {}),
            client.delete(CONFIGMAPS, KEY),
        ):
            with pytest.raises(NotLeading):
                await write
        assert cluster.writes == []
        assert await client.list(CONFIGMAPS) == []

    run_virtual(main)


def test_the_server_is_told_to_give_up_before_others_may_lead() -> None:
    async def main() -> None:
        clock = VirtualClock()
        cluster = FakeCluster(clock=clock)
        cluster.put({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {**_place()}})
        fence = Fence(clock, Timing())
        client = Client(cluster, clock=clock, rng=random.Random(1), guard=fence)
        fence.renewed(clock.boottime() - 9)
        await client.merge_patch(CONFIGMAPS, KEY, {"data": {"a": "b"}})
        assert dict(cluster.requests[-1].query)["timeout"] == "5s"
        assert cluster.requests[-1].timeout == 5

    run_virtual(main)


def test_a_write_may_arrive_for_as_long_as_the_server_was_told() -> None:
    """It is told whole seconds, and so a second where less is left."""

    class Broken(FakeCluster):
        async def send(self, request: Request) -> Response:
            self.requests.append(request)
            raise TransportError("the connection broke")

    async def main() -> None:
        clock = VirtualClock()
        cluster, fence = Broken(clock=clock), Fence(clock, Timing())
        client = Client(cluster, clock=clock, rng=random.Random(1), guard=fence, timeout=0.3)
        fence.renewed(clock.boottime())
        with pytest.raises(TransportError):
            await client.merge_patch(CONFIGMAPS, KEY, {"data": {"a": "b"}})
        assert dict(cluster.requests[-1].query)["timeout"] == "1s"
        await clock.sleep(0.9)
        assert fence.may_arrive()
        await clock.sleep(0.2)
        assert not fence.may_arrive()

    run_virtual(main)


def _place() -> dict[str, str]:
    return {"name": KEY.name, "namespace": KEY.namespace}


@pytest.mark.parametrize(
    ("failure", "unknown"),
    [
        (None, False),
        (NotSent("no route"), False),
        (NotLeading("closed at the socket"), False),
        (TransportError("the connection broke"), True),
        (asyncio.CancelledError(), True),
    ],
)
def test_a_write_may_arrive_until_it_is_answered_or_its_time_is_over(
    failure: BaseException | None, unknown: bool
) -> None:
    async def main() -> None:
        clock = VirtualClock()
        fence = Fence(clock, Timing())
        assert not fence.may_arrive()
        with suppress(BaseException), fence.in_flight(7):
            with fence.in_flight(2):
                await clock.sleep(1)
            assert fence.may_arrive()
            if failure is not None:
                raise failure
        assert fence.may_arrive() == unknown
        await clock.sleep(5.9)
        assert fence.may_arrive() == unknown
        await clock.sleep(0.2)
        assert not fence.may_arrive()

    run_virtual(main)


class Door:
    """A guard that is open once: the write then waits for its connection."""

    def __init__(self, opens: int) -> None:
        self.opens = opens

    def admit(self) -> float:
        self.opens -= 1
        if self.opens < 0:
            raise NotLeading("closed")
        return 5.0

    def in_flight(self, seconds: float) -> AbstractContextManager[None]:
        return nullcontext()


async def test_what_waited_for_its_connection_is_asked_for_again(tmp_path: Path) -> None:
    bodies: list[bytes] = []

    async def handler(request: web.BaseRequest) -> web.StreamResponse:
        bodies.append(await request.read())
        return web.json_response({"kind": "ConfigMap", "metadata": {"name": "a"}})

    async with serving(handler) as server:
        async with await connect(kubeconfig(tmp_path / "k", server, {})) as transport:

            async def put(opens: int) -> Response:
                guard = Door(opens)
                return await transport.send(Request("PUT", "/x", body=b"{}", guard=guard))

            assert (await put(1)).status == 200
            with pytest.raises(NotLeading):
                await put(0)  # on the connection of the first
            await anyio.sleep(0.05)
            assert bodies == [b"{}"]
            client = Client(transport, clock=SystemClock(), rng=random.Random(1), guard=Door(1))
            with pytest.raises(NotLeading):  # admitted by the client, closed at the socket
                await client.merge_patch(CONFIGMAPS, KEY, {})
            assert bodies == [b"{}"]
            assert (await put(1)).status == 200
