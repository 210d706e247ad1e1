"""Probes and metrics over real sockets."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import aiohttp
import pytest

from ome.errors import UserError
from ome.reconciler.health import HttpServer, PortInUse, metrics_app, parse_address, probe_app
from ome.reconciler.tls import self_signed_context
from ome.telemetry.metrics import Metrics
from ome.telemetry.tracing import span
from tests.support.spans import recording

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from aiohttp import web


@asynccontextmanager
async def serving(app: web.Application) -> AsyncIterator[Callable[[str], str]]:
    server = HttpServer(app, "127.0.0.1", 0)
    port = await server.start()
    try:
        yield lambda path: f"http://127.0.0.1:{port}{path}"
    finally:
        await server.stop()


async def get(url: str) -> tuple[int, str]:
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        return response.status, await response.text()


async def test_probes_answer_for_all_one_and_without_one_check() -> None:
    problems: dict[str, str | None] = {"loop": None, "caches": "not in sync"}
    checks = {name: (lambda name=name: problems[name]) for name in problems}
    async with serving(probe_app({"loop": checks["loop"]}, checks)) as at:
        assert await get(at("/healthz")) == (200, "ok")
        status, text = await get(at("/readyz"))
        assert status == 500
        assert "[-]caches failed: not in sync" in text
        assert "[+]loop ok" in text
        assert await get(at("/readyz?exclude=caches")) == (200, "ok")
        assert (await get(at("/readyz/caches")))[0] == 500
        assert await get(at("/readyz/loop")) == (200, "ok")
        assert (await get(at("/readyz/readyz")))[0] == 500
        assert (await get(at("/readyz/none")))[0] == 404
        problems["caches"] = None
        assert await get(at("/readyz")) == (200, "ok")
        status, text = await get(at("/readyz?verbose=1"))
        assert (status, text.splitlines()[-1]) == (200, "readyz check passed")


async def test_metrics_have_the_names_that_dashboards_know() -> None:
    metrics = Metrics()
    report, queue = metrics.controller("inferenceservice", 8), metrics.queue("inferenceservice")
    report.started()
    report.finished("success", 0.1)
    queue.added()
    queue.waited(0.2)
    metrics.request("server:443")("GET", "200", 0.1)
    async with serving(metrics_app(metrics.registry, lambda: None)) as at:
        status, text = await get(at("/metrics"))
    assert status == 200
    for line in (
        'controller_runtime_reconcile_total{controller="inferenceservice",result="success"} 1.0',
        'controller_runtime_max_concurrent_reconciles{controller="inferenceservice"} 8.0',
        'controller_runtime_active_workers{controller="inferenceservice"} 0.0',
        'workqueue_adds_total{name="inferenceservice"} 1.0',
        'rest_client_requests_total{code="200",host="server:443",method="GET"} 1.0',
    ):
        assert line in text


async def test_a_taken_port_is_named() -> None:
    async with serving(probe_app({}, {})) as at:
        port = int(at("").rsplit(":", 1)[1])
        with pytest.raises(PortInUse, match=f"127.0.0.1:{port}"):
            await HttpServer(probe_app({}, {}), "127.0.0.1", port).start()


@pytest.mark.parametrize("ipv6", [True, False])
async def test_every_interface_is_those_of_both_families(
    ipv6: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not ipv6:
        monkeypatch.setattr("socket.has_dualstack_ipv6", lambda: False)
    host, port = parse_address(":0", "flag")
    server = HttpServer(probe_app({}, {}), host, port)
    bound = await server.start()
    try:
        async with aiohttp.ClientSession() as session:
            for name in ("127.0.0.1", "[::1]") if ipv6 else ("127.0.0.1",):
                async with session.get(f"http://{name}:{bound}/healthz") as response:
                    assert response.status == 200
        with pytest.raises(PortInUse, match=f"cannot listen on :{bound}: "):
            await HttpServer(probe_app({}, {}), host, bound).start()
    finally:
        await server.stop()


@pytest.mark.parametrize(
    ("text", "expected"),
    [(":8080", ("", 8080)), ("127.0.0.1:0", ("127.0.0.1", 0)), ("[::1]:9", ("::1", 9))],
)
def test_addresses(text: str, expected: tuple[str, int]) -> None:
    assert parse_address(text, "flag") == expected


@pytest.mark.parametrize("text", ["", "8080", "host:", ":99999", ":x"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="--flag"):
        parse_address(text, "flag")


async def test_metrics_over_tls_with_a_certificate_of_its_own() -> None:
    server = HttpServer(
        metrics_app(Metrics().registry, lambda: None), "127.0.0.1", 0, self_signed_context("test")
    )
    port = await server.start()
    try:
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"https://127.0.0.1:{port}/metrics", ssl=False) as response,
        ):
            assert response.status == 200
    finally:
        await server.stop()


async def test_exemplars_are_for_who_asks_for_openmetrics() -> None:
    metrics = Metrics()
    report = metrics.controller("test", 1)
    report.started()
    with recording() as spans, span("run"):
        report.finished("success", 0.2)
    (run,) = spans()
    app = metrics_app(metrics.registry, lambda: None)
    async with serving(app) as address, aiohttp.ClientSession() as session:
        async with session.get(address("/metrics")) as answer:
            plain = await answer.text()
        accept = {"Accept": "application/openmetrics-text;version=1.0.0,text/plain;q=0.5"}
        async with session.get(address("/metrics"), headers=accept) as answer:
            rich, content_type = await answer.text(), answer.headers["Content-Type"]
    assert "trace_id" not in plain
    assert content_type.startswith("application/openmetrics-text; version=1.0.0")
    (line,) = (line for line in rich.splitlines() if run.trace_id in line)
    assert line.startswith('controller_runtime_reconcile_time_seconds_bucket{controller="test"')
    assert f'span_id="{run.span_id}"' in line
    assert "} 0.2" in line
    assert rich.endswith("# EOF\n")
