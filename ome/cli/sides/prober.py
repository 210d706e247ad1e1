"""``ome multinode-prober``: says of a model server on a Ray cluster whether it lives and answers.

It is the pod of a Deployment, whose readiness is thereby that of the server.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import aiohttp
import anyio
import structlog
from aiohttp import web
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)

from ome.cli.goflags import Flag, duration, parse
from ome.cli.outcome import user_errors
from ome.cli.sides.serving import serve
from ome.errors import UserError
from ome.reconciler.health import parse_address
from ome.telemetry.logging import LogSettings, configure_logging

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["FLAGS", "Prober", "probe_app", "run"]

_COMMAND = "ome multinode-prober"
_HEALTH_SECONDS = 5.0
_MARGIN_SECONDS = 5.0
_QUESTION = {
    "model": "vllm-model",
    "messages": [
        {"role": "system", "content": "You are a helpful assistant."},
        {"role": "user", "content": "Hello, how are you?"},
    ],
}
FLAGS = (
    Flag("vllm-endpoint", "http://localhost:8080", "address of the model server"),
    Flag("addr", ":8081", "address to listen on"),
    Flag("inference-timeout", "100s", "how long the server may take to answer /startupz"),
    Flag("read-timeout", "10s", "accepted; requests of probes have no body to wait for"),
    Flag("write-timeout", "10s", "how long an answer may take; that of a startup check is longer"),
    Flag("idle-timeout", "120s", "how long an idle connection is kept"),
)
_MORE = """
Examples:
  ome multinode-prober --vllm-endpoint http://chat-head.demo.svc.cluster.local:8080 --addr :8080"""
log = structlog.get_logger("prober")


def run(words: Sequence[str]) -> int:
    """Serve until a signal; the exit code."""
    flags = parse(_COMMAND, FLAGS, words, more=_MORE)
    inference = duration(_COMMAND, flags, "inference-timeout")
    answer = duration(_COMMAND, flags, "write-timeout")
    idle = duration(_COMMAND, flags, "idle-timeout")
    duration(_COMMAND, flags, "read-timeout")
    endpoint = _endpoint(flags["vllm-endpoint"])
    host, port = parse_address(flags["addr"], "addr")
    configure_logging(LogSettings())
    prober = Prober(endpoint, inference, answer)

    async def main() -> None:
        await serve(probe_app(prober), host, port, keep_alive=idle)

    with user_errors(_COMMAND) as outcome:
        anyio.run(main)
    return outcome.code


def _endpoint(text: str) -> str:
    """Without the ``/health`` or ``/`` that may end it: paths are added here."""
    if not text.startswith(("http://", "https://")):
        raise UserError(
            f"{_COMMAND}: --vllm-endpoint={text}: expected a URL such as http://head:8080"
        )
    return text.removesuffix("/health").removesuffix("/")


@dataclass(frozen=True, slots=True)
class Prober:
    """What is asked of a model server; only the status of its answer counts."""

    endpoint: str
    inference_seconds: float = 100.0
    answer_seconds: float = 10.0

    async def healthy(self) -> bool:
        """Whether it says that it is well."""
        seconds = min(_HEALTH_SECONDS, self.answer_seconds)
        return await self._asked("GET", "/health", seconds)

    async def answers(self) -> bool:
        """Whether it answers a question."""
        # The margin lets its own answer come before our connection is given up.
        seconds = max(self.inference_seconds, self.answer_seconds - _MARGIN_SECONDS)
        return await self._asked("POST", "/v1/chat/completions", seconds, _QUESTION)

    async def _asked(
        self, method: str, path: str, seconds: float, body: object | None = None
    ) -> bool:
        url = f"{self.endpoint}{path}"
        timeout = aiohttp.ClientTimeout(total=seconds)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout) as session,
                session.request(method, url, json=body, allow_redirects=False) as response,
            ):
                if response.status == 200:
                    return True
                log.info("probe.failed", url=url, status=response.status)
        except (aiohttp.ClientError, TimeoutError) as error:
            log.info("probe.failed", url=url, problem=str(error) or f"no answer in {seconds:g} s")
        return False


def probe_app(prober: Prober) -> web.Application:
    """The server: three probes and the metrics of the process."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    asked = Counter(
        "ome_prober_checks", "Checks of the model server.", ["check", "result"], registry=registry
    )

    async def checked(check: str, well: bool, failed: int) -> web.Response:
        asked.labels(check.lower(), "passed" if well else "failed").inc()
        text = f"{check} check {'passed' if well else 'failed'}\n"
        return web.Response(status=200 if well else failed, text=text)

    async def live(_: web.Request) -> web.Response:
        return await checked("Liveness", await prober.healthy(), 500)

    async def ready(_: web.Request) -> web.Response:
        return await checked("Readiness", await prober.healthy(), 503)

    async def started(_: web.Request) -> web.Response:
        return await checked("Startup", await prober.answers(), 500)

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(
            body=generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST}
        )

    app = web.Application()
    for path, handler in (("/healthz", live), ("/readyz", ready), ("/startupz", started)):
        app.router.add_get(path, handler)
    app.router.add_get("/metrics", metrics)
    return app
