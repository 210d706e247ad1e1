from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from ome.errors import (
    Expired,
    InternalError,
    NotFound,
    ServerTimeout,
    ServiceUnavailable,
    TooManyRequests,
    TransportError,
)
from ome.kube import Client, NotSent, ObjectKey, Request
from ome.kube.caller import Caller
from ome.kube.resources import CONFIGMAPS
from tests.support.fake_api import FakeTransport
from tests.support.virtual_time import VirtualClock, run_virtual

if TYPE_CHECKING:
    from ome.kube.transport import Response

KEY = ObjectKey("ns", "a")
OBJECT = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "ns"}}

Body = Callable[[Client, FakeTransport], Awaitable[None]]


def run(body: Body, **options: Any) -> FakeTransport:
    """Run in virtual time with a scripted transport."""
    transport = FakeTransport()

    async def main() -> None:
        await body(
            Client(transport, clock=VirtualClock(), rng=random.Random(1), **options), transport
        )

    run_virtual(main)
    return transport


def test_a_request_tells_who_asks_and_how_long_it_waits() -> None:
    async def body(client: Client, transport: FakeTransport) -> None:
        transport.answer(OBJECT)
        assert await client.get(CONFIGMAPS, KEY) == OBJECT

    request = run(body, user_agent="me/1", timeout=12.5).requests[0]
    assert request.user_agent == "me/1"
    assert request.query == (("timeout", "12s"),)
    assert request.timeout == 12.5


def test_an_answer_of_something_that_is_no_api_server_is_no_bug_of_ours() -> None:
    async def body(client: Client, transport: FakeTransport) -> None:
        transport.answer(b"<html>welcome</html>")
        with pytest.raises(TransportError, match=r"GET /version: what .* answered is no JSON"):
            await client.raw_get("/version")
        for nonsense in (b"<html>welcome</html>", b'"\xff"'):
            transport.answer(nonsense)
            with pytest.raises(TransportError, match="no JSON"):
                await client.get(CONFIGMAPS, KEY)
        transport.answer(b"[" * 9000 + b"]" * 9000)
        with pytest.raises(TransportError, match="nested too deeply to be read"):
            await client.get(CONFIGMAPS, KEY)

    run(body)


def test_reads_are_repeated_after_server_errors_and_broken_connections() -> None:
    async def body(client: Client, transport: FakeTransport) -> None:
        transport.refuse(503)
        transport.refuse(500)
        transport.fail(TransportError("cut"))
        transport.answer(OBJECT)
        assert await client.get(CONFIGMAPS, KEY) == OBJECT

    assert len(run(body).requests) == 4


def test_reads_give_up_after_five_attempts() -> None:
    async def body(client: Client, transport: FakeTransport) -> None:
        for _ in range(5):
            transport.refuse(503)
        with pytest.raises(ServiceUnavailable):
            await client.get(CONFIGMAPS, KEY)

    assert len(run(body).requests) == 5


@pytest.mark.parametrize("failure", [500, 503, 504, "cut"])
def test_a_write_that_may_have_had_effect_is_not_repeated(failure: int | str) -> None:
    async def body(client: Client, transport: FakeTransport) -> None:
        if isinstance(failure, int):
            transport.refuse(failure)
        else:
            transport.fail(TransportError(failure))
        with pytest.raises((InternalError, ServiceUnavailable, ServerTimeout, TransportError)):
            await client.create(CONFIGMAPS, OBJECT)

    assert len(run(body).requests) == 1


def test_a_write_that_certainly_had_none_is_repeated() -> None:
    async def body(client: Client, transport: FakeTransport) -> None:
        transport.refuse(429)
        transport.fail(NotSent("refused"))
        transport.answer(OBJECT)
        assert await client.create(CONFIGMAPS, OBJECT) == OBJECT

    assert len(run(body).requests) == 3


def test_retry_after_is_honoured() -> None:
    async def body(client: Client, transport: FakeTransport) -> None:
        transport.refuse(429, headers={"retry-after": "4"})
        transport.answer(OBJECT)
        before = anyio.current_time()
        await client.get(CONFIGMAPS, KEY)
        assert 4 <= anyio.current_time() - before <= 5

    run(body)


def test_a_retry_that_would_come_too_late_is_not_waited_for() -> None:
    async def body(client: Client, transport: FakeTransport) -> None:
        transport.refuse(429, headers={"retry-after": "60"})
        before = anyio.current_time()
        with pytest.raises(TooManyRequests) as caught:
            await client.get(CONFIGMAPS, KEY)
        assert caught.value.retry_after == 60
        assert anyio.current_time() == before

    run(body)


def test_other_refusals_are_final() -> None:
    async def body(client: Client, transport: FakeTransport) -> None:
        transport.refuse(404, "NotFound", 'configmaps "a" not found')
        with pytest.raises(NotFound, match='configmaps "a" not found'):
            await client.get(CONFIGMAPS, KEY)

    assert len(run(body).requests) == 1


def test_a_call_ends_at_its_deadline() -> None:
    async def body(client: Client, transport: FakeTransport) -> None:
        transport.delay = 100
        before = anyio.current_time()
        with pytest.raises(TransportError, match=r"no answer from fake:6443 in 5 s"):
            await client.get(CONFIGMAPS, KEY)
        assert anyio.current_time() - before == pytest.approx(5)

    run(body, timeout=5)


def test_requests_in_flight_are_bounded_and_a_place_is_waited_for() -> None:
    async def body(client: Client, transport: FakeTransport) -> None:
        transport.delay = 1
        for _ in range(7):
            transport.answer(OBJECT)
        async with anyio.create_task_group() as group:
            for _ in range(7):
                group.start_soon(client.get, CONFIGMAPS, KEY)

    transport = run(body, max_in_flight=3)
    assert len(transport.requests) == 7
    assert transport.most_in_flight == 3


def test_a_place_that_comes_free_too_late_means_not_sent() -> None:
    async def main() -> None:
        transport = FakeTransport(delay=100)
        caller = Caller(transport, VirtualClock(), random.Random(1), 1, None)
        async with anyio.create_task_group() as group:
            group.start_soon(caller.send, Request("GET", "/first", timeout=50))
            await anyio.sleep(1)
            with pytest.raises(NotSent, match="too many in flight"):
                await caller.send(Request("POST", "/second", timeout=5))
            group.cancel_scope.cancel()
        assert [request.path for request in transport.requests] == ["/first"]

    run_virtual(main)


def test_what_could_not_be_sent_until_the_deadline_is_not_told_as_unanswered() -> None:
    class Unreachable(FakeTransport):
        async def send(self, request: Request) -> Response:
            await anyio.sleep(request.timeout)
            raise NotSent("cannot reach fake:6443: no connection")

    async def main() -> None:
        caller = Caller(Unreachable(), VirtualClock(), random.Random(1), 1, None)
        with pytest.raises(NotSent, match="cannot reach"):
            await caller.send(Request("POST", "/x", timeout=5))

    run_virtual(main)


def test_cancelling_frees_the_place() -> None:
    async def body(client: Client, transport: FakeTransport) -> None:
        transport.delay = 10
        with anyio.move_on_after(1):
            await client.get(CONFIGMAPS, KEY)
        transport.delay = 0
        transport.answer(OBJECT)
        assert await client.get(CONFIGMAPS, KEY) == OBJECT

    run(body, max_in_flight=1)


def test_a_list_is_read_in_pages_and_its_items_know_their_kind() -> None:
    async def body(client: Client, transport: FakeTransport) -> None:
        first = {"metadata": {"continue": "next"}, "items": [{"metadata": {"name": "a"}}]}
        transport.answer(first)
        transport.answer({"metadata": {}, "items": [{"metadata": {"name": "b"}}]})
        items = await client.list(CONFIGMAPS, "ns", limit=1)
        assert [item["metadata"]["name"] for item in items] == ["a", "b"]
        assert {(item["apiVersion"], item["kind"]) for item in items} == {("v1", "ConfigMap")}

    queries = [dict(request.query) for request in run(body).requests]
    assert [query.get("continue") for query in queries] == [None, "next"]


def test_a_list_whose_pages_expire_is_read_in_one_piece() -> None:
    async def body(client: Client, transport: FakeTransport) -> None:
        page = {"metadata": {"continue": "next"}, "items": [{"metadata": {"name": "old"}}]}
        transport.answer(page)
        transport.refuse(410, "Expired")
        transport.answer({"metadata": {}, "items": [{"metadata": {"name": "new"}}]})
        items = await client.list(CONFIGMAPS)
        assert [item["metadata"]["name"] for item in items] == ["new"]

    assert "limit" not in dict(run(body).requests[2].query)


def test_a_watch_gives_raw_chunks_and_does_not_count_as_in_flight() -> None:
    async def body(client: Client, transport: FakeTransport) -> None:
        transport.watch(b'{"type":', b'"ADDED"}\n')
        transport.answer(OBJECT)
        async with client.watch(CONFIGMAPS, resource_version="5") as chunks:
            await client.get(CONFIGMAPS, KEY)
            assert [chunk async for chunk in chunks] == [b'{"type":', b'"ADDED"}\n']

    assert dict(run(body, max_in_flight=1).requests[0].query)["resourceVersion"] == "5"


def test_a_refused_watch_raises_by_reason_and_is_not_repeated() -> None:
    async def body(client: Client, transport: FakeTransport) -> None:
        transport.refuse(410, "Expired", "too old")
        with pytest.raises(Expired, match="too old"):
            async with client.watch(CONFIGMAPS, resource_version="5"):
                pass

    assert len(run(body).requests) == 1


def test_a_watch_that_breaks_raises_in_the_middle() -> None:
    async def body(client: Client, transport: FakeTransport) -> None:
        transport.watch(b"x", TransportError("reset"))
        async with client.watch(CONFIGMAPS) as chunks:
            assert await anext(chunks) == b"x"
            with pytest.raises(TransportError, match="reset"):
                await anext(chunks)

    run(body)


def test_every_attempt_is_observed() -> None:
    seen: list[tuple[str, str]] = []

    async def body(client: Client, transport: FakeTransport) -> None:
        transport.refuse(503)
        transport.answer(OBJECT)
        transport.fail(TransportError("cut"))
        transport.watch(b"")
        transport.fail(NotSent("away"))
        await client.get(CONFIGMAPS, KEY)
        with pytest.raises(TransportError):
            await client.delete(CONFIGMAPS, KEY)
        async with client.watch(CONFIGMAPS):
            pass
        with pytest.raises(NotSent):
            async with client.watch(CONFIGMAPS):
                pass

    run(body, observe=lambda method, code, seconds: seen.append((method, code)))
    assert seen == [
        ("GET", "503"),
        ("GET", "200"),
        ("DELETE", "<error>"),
        ("GET", "200"),
        ("GET", "<error>"),
    ]
