"""Who may read the metrics: what the API server is asked, how often, and what readers see."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any

import aiohttp
import anyio
import pytest

from ome.kube import Client
from ome.reconciler.access import Access
from ome.reconciler.health import HttpServer, metrics_app
from ome.telemetry.metrics import Metrics
from tests.support.fake_api import FakeTransport
from tests.support.virtual_time import VirtualClock, run_virtual

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

USER = {"username": "prometheus", "uid": "u", "groups": ["g"], "extra": {"k": ["v"]}}
KNOWN = {"status": {"authenticated": True, "user": USER}}
BEARER = "Bearer secret-token"


def run(body: Callable[[Access, FakeTransport], Awaitable[None]]) -> FakeTransport:
    transport = FakeTransport()

    async def main() -> None:
        clock = VirtualClock()
        client = Client(transport, clock=clock, rng=random.Random(1))
        await body(Access(client, clock, "/metrics"), transport)

    run_virtual(main)
    return transport


def sent(transport: FakeTransport) -> list[tuple[str, Any]]:
    return [
        (request.path, json.loads(request.body or b"{}")["spec"]) for request in transport.requests
    ]


def test_the_server_is_asked_who_it_is_and_whether_they_may() -> None:
    async def body(access: Access, transport: FakeTransport) -> None:
        transport.answer(KNOWN, 201)
        transport.answer({"status": {"allowed": True}}, 201)
        assert await access.status(BEARER) == 200

    assert sent(run(body)) == [
        ("/apis/authentication.k8s.io/v1/tokenreviews", {"token": "secret-token"}),
        (
            "/apis/authorization.k8s.io/v1/subjectaccessreviews",
            {
                "user": "prometheus",
                "uid": "u",
                "groups": ["g"],
                "extra": {"k": ["v"]},
                "nonResourceAttributes": {"path": "/metrics", "verb": "get"},
            },
        ),
    ]


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Basic dXNlcjpwYXNz", "secret-token"])
def test_nobody_is_asked_about_what_is_no_token(header: str) -> None:
    async def body(access: Access, _: FakeTransport) -> None:
        assert await access.status(header) == 401

    assert run(body).requests == []


def test_answers_are_kept_for_a_while_and_refusals_for_less() -> None:
    async def body(access: Access, transport: FakeTransport) -> None:
        transport.answer({"status": {"authenticated": False}}, 201)
        assert await access.status(BEARER) == 401
        assert await access.status(BEARER) == 401
        await anyio.sleep(11)
        transport.answer(KNOWN, 201)
        transport.answer({"status": {"allowed": False}}, 201)
        assert await access.status(BEARER) == 403
        await anyio.sleep(11)
        transport.answer(KNOWN, 201)
        transport.answer({"status": {"allowed": True}}, 201)
        assert await access.status(BEARER) == 200
        await anyio.sleep(50)
        assert await access.status(BEARER) == 200
        await anyio.sleep(11)
        transport.answer({"status": {"authenticated": False}}, 201)
        assert await access.status(BEARER) == 401

    run(body)


def test_an_api_server_that_does_not_say_lets_nobody_in_and_is_asked_again() -> None:
    async def body(access: Access, transport: FakeTransport) -> None:
        transport.refuse(403, "Forbidden")
        assert await access.status(BEARER) == 503
        transport.answer(KNOWN, 201)
        transport.answer({"status": {"allowed": True}}, 201)
        assert await access.status(BEARER) == 200

    run(body)


async def test_readers_see_why_they_are_refused() -> None:
    async def admit(header: str) -> int:
        return {"Bearer good": 200, "Bearer weak": 403, "Bearer late": 503}.get(header, 401)

    server = HttpServer(metrics_app(Metrics().registry, lambda: None, admit), "127.0.0.1", 0)
    port = await server.start()
    try:
        async with aiohttp.ClientSession() as session:
            for header, status, text in (
                ("", 401, "a bearer token"),
                ("Bearer weak", 403, "ome-metrics-reader"),
                ("Bearer late", 503, "does not say"),
                ("Bearer good", 200, "ome_build_info"),
            ):
                url, headers = f"http://127.0.0.1:{port}/metrics", {"Authorization": header}
                async with session.get(url, headers=headers) as response:
                    assert response.status == status
                    assert text in await response.text()
    finally:
        await server.stop()
