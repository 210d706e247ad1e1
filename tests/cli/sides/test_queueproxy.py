"""The queue proxy's metrics and the application's at one port, and the proxy as a child."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import aiohttp
import anyio
import pytest
from aiohttp import web

from ome.api import names
from ome.cli.sides.queueproxy import Sources, metrics_app
from tests.cli.sides.test_prober import asked, listening
from tests.cluster import eventually
from tests.e2e.harness import Process, free_port

if TYPE_CHECKING:
    from pathlib import Path

PROXY = "# TYPE queue_depth gauge\nqueue_depth 3"
APPLICATION = "# TYPE tokens counter\ntokens 7\nodd 1\n"
LABELS = {"service_name": "chat", "configuration_name": "", "revision_name": "chat-1"}
RELABELLED = (
    "# TYPE tokens counter\n"
    'tokens{service_name="chat",configuration_name="",revision_name="chat-1"} 7\n'
)


def source(text: str, headers: list[dict[str, str]] | None = None) -> web.Application:
    async def metrics(request: web.Request) -> web.Response:
        if headers is not None:
            headers.append(dict(request.headers))
        if "slow" in text:
            await anyio.sleep(5)
        return web.Response(text=text)

    app = web.Application()
    app.router.add_get("/metrics", metrics)
    return app


async def joined(proxy: str | None, application: str | None) -> str:
    nobody = f"http://127.0.0.1:{free_port()}"
    async with (
        listening(source(proxy or "")) as first,
        listening(source(application or "")) as second,
        listening(
            metrics_app(
                Sources(
                    f"{nobody if proxy is None else first}/metrics",
                    f"{nobody if application is None else second}/metrics",
                    LABELS,
                )
            )
        ) as url,
    ):
        status, text = await asked(url, "/metrics")
    assert status == 200
    return text


@pytest.mark.parametrize(
    ("proxy", "application", "text"),
    [
        (PROXY, APPLICATION, f"{PROXY}\n{RELABELLED}"),
        (None, APPLICATION, RELABELLED),
        (PROXY, None, f"{PROXY}\n"),
        (PROXY, "<html>", f"{PROXY}\n"),
        (None, None, ""),
    ],
)
async def test_what_can_be_had(proxy: str | None, application: str | None, text: str) -> None:
    assert await joined(proxy, application) == text


async def test_headers_go_on_and_set_the_limit() -> None:
    seen: list[dict[str, str]] = []
    async with listening(source(PROXY, seen)) as first, listening(source("slow")) as second:
        sources = Sources(f"{first}/metrics", f"{second}/metrics", LABELS)
        async with listening(metrics_app(sources)) as url, aiohttp.ClientSession() as session:
            given = {"X-Prometheus-Scrape-Timeout-Seconds": "0.2", "Cookie": "a=b"}
            async with session.get(f"{url}/metrics", headers=given) as response:
                assert response.status == 200
                assert response.content_type == "text/plain"
                assert await response.text() == f"{PROXY}\n"
    (headers,) = seen
    assert headers["X-Prometheus-Scrape-Timeout-Seconds"] == "0.2"
    assert "Cookie" not in headers


def test_sources_are_those_of_the_environment() -> None:
    environ = {
        names.ENV_CONTAINER_METRICS_PORT: "8080",
        names.ENV_CONTAINER_METRICS_PATH: "/m",
        "SERVING_SERVICE": "chat",
        "SERVING_REVISION": "chat-1",
    }
    found = Sources.of(environ)
    assert found == Sources("http://localhost:9091/metrics", "http://localhost:8080/m", LABELS)
    assert Sources.of({}).application is None


def program(path: Path, text: str) -> str:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


@pytest.mark.slow
@pytest.mark.timeout(120)
@pytest.mark.parametrize(("text", "code"), [("exit 0", 0), ("exit 3", 1), (None, 2)])
def test_the_end_of_the_proxy(
    text: str | None, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(os.environ, names.ENV_AGGREGATE_METRICS_PORT, str(free_port()))
    proxy = program(tmp_path / "queue", text) if text else str(tmp_path / "none")
    process = Process(tmp_path / "log", "qpext", f"--queue-proxy={proxy}")
    eventually(lambda: not process.running, 60)
    assert process.stop() == code
    if text is None:
        assert "No such file" in process.log.read_text()


@pytest.mark.timeout(120)
def test_a_signal_ends_both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    port = free_port()
    monkeypatch.setitem(os.environ, names.ENV_AGGREGATE_METRICS_PORT, str(port))
    text = f"trap 'echo gone > {tmp_path}/gone; exit 0' TERM\nwhile :; do sleep 0.05; done"
    proxy = program(tmp_path / "queue", text)
    process = Process(tmp_path / "log", "qpext", f"--queue-proxy={proxy}")

    async def served() -> tuple[int, str]:
        return await asked(f"http://127.0.0.1:{port}", "/metrics")

    assert eventually(lambda: anyio.run(served), 60)[0] == 200
    assert process.stop() == 0
    assert (tmp_path / "gone").exists()
