"""The prober: what each path asks of the model server, and what it answers for it."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import aiohttp
import anyio
import pytest
from aiohttp import web

from ome.cli.sides.prober import Prober, probe_app, run
from ome.errors import UserError
from ome.reconciler.health import HttpServer
from ome.workloads.prober import ProberConfig, prober_pod
from tests.cluster import eventually
from tests.e2e.harness import Process, free_port

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@dataclass
class Model:
    """A model server that answers as a test says."""

    health: int = 200
    chat: int = 200
    slow: float = 0
    asked: list[Any] = field(default_factory=list)

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/health", self._health)
        app.router.add_post("/v1/chat/completions", self._chat)
        return app

    async def _health(self, _: web.Request) -> web.Response:
        await anyio.sleep(self.slow)
        return web.Response(status=self.health, headers={"Location": "/elsewhere"})

    async def _chat(self, request: web.Request) -> web.Response:
        self.asked.append((request.content_type, await request.json()))
        await anyio.sleep(self.slow)
        return web.Response(status=self.chat)


@asynccontextmanager
async def listening(app: web.Application) -> AsyncIterator[str]:
    server = HttpServer(app, "127.0.0.1", 0)
    port = await server.start()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        await server.stop()


async def asked(url: str, path: str) -> tuple[int, str]:
    async with aiohttp.ClientSession() as session, session.get(f"{url}{path}") as response:
        return response.status, await response.text()


@pytest.mark.parametrize(
    ("path", "model", "answer"),
    [
        ("/healthz", Model(), (200, "Liveness check passed\n")),
        ("/healthz", Model(health=503), (500, "Liveness check failed\n")),
        ("/healthz", Model(health=302), (500, "Liveness check failed\n")),
        ("/readyz", Model(), (200, "Readiness check passed\n")),
        ("/readyz", Model(health=500), (503, "Readiness check failed\n")),
        ("/startupz", Model(), (200, "Startup check passed\n")),
        ("/startupz", Model(chat=404), (500, "Startup check failed\n")),
    ],
)
async def test_probes(path: str, model: Model, answer: tuple[int, str]) -> None:
    async with listening(model.app()) as server, listening(probe_app(Prober(server))) as url:
        assert await asked(url, path) == answer


async def test_the_question_of_the_startup_check() -> None:
    model = Model()
    async with listening(model.app()) as server, listening(probe_app(Prober(server))) as url:
        await asked(url, "/startupz")
    ((content_type, body),) = model.asked
    assert content_type == "application/json"
    assert body["model"] == "vllm-model"
    assert [entry["role"] for entry in body["messages"]] == ["system", "user"]


async def test_a_slow_first_answer_counts_as_long_as_it_may_take() -> None:
    model = Model(slow=0.2)
    async with listening(model.app()) as server:
        patient, hasty = Prober(server, 5.0, 0.1), Prober(server, 0.05, 0.1)
        assert (await patient.answers(), await patient.healthy()) == (True, False)
        assert not await hasty.answers()


async def test_a_server_that_is_not_there() -> None:
    prober = Prober(f"http://127.0.0.1:{free_port()}")
    async with listening(probe_app(prober)) as url:
        assert await asked(url, "/readyz") == (503, "Readiness check failed\n")
        text = (await asked(url, "/metrics"))[1]
    assert 'ome_prober_checks_total{check="readiness",result="failed"} 1.0\n' in text
    assert "\nprocess_cpu_seconds_total " in text


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--vllm-endpoint=head:8080"], "--vllm-endpoint=head:8080: expected a URL"),
        (["--write-timeout=soon"], "--write-timeout=soon: expected a duration"),
        (["--addr=8080"], "--addr=8080: expected HOST:PORT"),
    ],
)
def test_wrong_flags(words: list[str], said: str) -> None:
    with pytest.raises(UserError, match=said):
        run(words)


@pytest.mark.timeout(120)
def test_as_the_pod_of_a_ray_cluster_starts_it(tmp_path: Path) -> None:
    """With the arguments that the operator gives it, up to the port."""
    (container,) = prober_pod(ProberConfig(), "http://127.0.0.1:1/health")["containers"]
    arguments = [word.replace("0.0.0.0:8080", "127.0.0.1:0") for word in container["args"]]
    port = free_port()
    arguments[arguments.index("127.0.0.1:0")] = f"127.0.0.1:{port}"
    process = Process(tmp_path / "log", "multinode-prober", *arguments)
    probe = container["readinessProbe"]["httpGet"]["path"]

    async def answered() -> tuple[int, str]:
        return await asked(f"http://127.0.0.1:{port}", probe)

    try:
        assert eventually(lambda: anyio.run(answered), 60)[0] == 500
        # One /health was stripped, one added.
        assert "http://127.0.0.1:1/health'" in process.log.read_text().replace('"', "'")
    finally:
        assert process.stop() == 0
