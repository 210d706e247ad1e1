"""``ome qpext``: Knative's queue proxy, and its metrics and the main container's at one port.

The proxy is a child process; whichever of the two ends with an error ends the other.
"""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING

import aiohttp
import anyio
import structlog
from aiohttp import web

from ome.api import names
from ome.cli.goflags import Flag, parse
from ome.cli.outcome import user_errors
from ome.cli.sides.relabel import relabelled
from ome.errors import UserError
from ome.reconciler.health import HttpServer
from ome.telemetry.logging import LogSettings, configure_logging

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from anyio.abc import Process

__all__ = ["FLAGS", "Sources", "metrics_app", "run"]

_COMMAND = "ome qpext"
_GRACE_SECONDS = 60.0
"""Knative's proxy lets requests end before it does; the kubelet ends both when it takes longer."""
_FORWARDED = ("Accept", "User-Agent", "X-Prometheus-Scrape-Timeout-Seconds")
_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_LABELS = {
    "service_name": "SERVING_SERVICE",
    "configuration_name": "SERVING_CONFIGURATION",
    "revision_name": "SERVING_REVISION",
}
FLAGS = (Flag("queue-proxy", "/ko-app/queue", "the program of Knative's queue proxy"),)
_MORE = """
Examples:
  ome qpext
  ome qpext --queue-proxy /usr/local/bin/queue"""
log = structlog.get_logger("qpext")


@dataclass(frozen=True, slots=True)
class Sources:
    """Where the metrics come from, and what is said of the main container's."""

    proxy: str
    application: str | None
    labels: Mapping[str, str]

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> Sources:
        """As the variables of the container say."""
        port = environ.get(names.ENV_CONTAINER_METRICS_PORT, "")
        path = environ.get(names.ENV_CONTAINER_METRICS_PATH, "")
        return cls(
            f"http://localhost:{names.PORT_METRICS_QUEUE_PROXY}{names.DEFAULT_METRICS_PATH}",
            f"http://localhost:{port}{path}" if port else None,
            {label: environ.get(name, "") for label, name in _LABELS.items()},
        )


def run(words: Sequence[str]) -> int:
    """Run until the proxy ends or a signal; the exit code."""
    flags = parse(_COMMAND, FLAGS, words, more=_MORE)
    port = os.environ.get(names.ENV_AGGREGATE_METRICS_PORT, "")
    if port and not (port.isdigit() and 0 < int(port) < 65536):
        raise UserError(f"{_COMMAND}: {names.ENV_AGGREGATE_METRICS_PORT}={port}: expected a port")
    configure_logging(LogSettings())
    with user_errors(_COMMAND) as outcome:
        ended = anyio.run(_main, flags["queue-proxy"], int(port or 0), Sources.of(os.environ))
        outcome.code = max(outcome.code, ended)
    return outcome.code


async def _main(program: str, port: int, sources: Sources) -> int:
    server = HttpServer(metrics_app(sources), "0.0.0.0", port) if port else None
    if server is None:
        log.warning("metrics.not_served", why=f"{names.ENV_AGGREGATE_METRICS_PORT} is not set")
    else:
        await server.start()
    try:
        return await _proxy(program)
    finally:
        if server is not None:
            with anyio.CancelScope(shield=True):
                await server.stop()


async def _proxy(program: str) -> int:
    """Run the queue proxy to its end, which a signal asks for; 0 when it was well."""
    try:
        process = await anyio.open_process([program], stdin=None, stdout=None, stderr=None)
    except OSError as error:
        raise UserError(f"--queue-proxy={program}: {error.strerror}") from error
    async with process, anyio.create_task_group() as group:
        group.start_soon(_stopped, process)
        code = await process.wait()
        group.cancel_scope.cancel()
    if code:
        log.error("proxy.ended", exit_code=code)
    return 1 if code else 0


async def _stopped(process: Process) -> None:
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as received:
        async for number in received:
            process.send_signal(number)
            break
    await anyio.sleep(_GRACE_SECONDS)
    process.kill()


def metrics_app(sources: Sources) -> web.Application:
    """The server of ``/metrics``: always 200, with what could be had."""

    async def metrics(request: web.Request) -> web.Response:
        headers = {name: request.headers[name] for name in _FORWARDED if name in request.headers}
        timeout = aiohttp.ClientTimeout(total=_seconds(headers))
        async with aiohttp.ClientSession(timeout=timeout) as session:
            proxy = await _scraped(session, sources.proxy, headers)
            application = await _application(session, sources, headers)
        return web.Response(body=proxy + application, headers={"Content-Type": _CONTENT_TYPE})

    app = web.Application()
    app.router.add_get(names.DEFAULT_METRICS_PATH, metrics)
    return app


async def _application(
    session: aiohttp.ClientSession, sources: Sources, headers: Mapping[str, str]
) -> bytes:
    if sources.application is None:
        return b""
    # Asked for the text format: that is what is read here.
    asked = {**headers, "Accept": "text/plain;version=0.0.4"}
    text = (await _scraped(session, sources.application, asked)).decode(errors="replace")
    try:
        written, dropped = relabelled(text, sources.labels)
    except ValueError as error:
        log.error("metrics.unreadable", url=sources.application, problem=str(error))
        return b""
    if dropped:
        log.error("metrics.untyped", url=sources.application, left_out=dropped[:10])
    return written.encode()


async def _scraped(session: aiohttp.ClientSession, url: str, headers: Mapping[str, str]) -> bytes:
    """What a source answers, with a line end; nothing when it does not."""
    try:
        async with session.get(url, headers=headers) as response:
            if response.status == 200:
                body = await response.read()
                return body if not body or body.endswith(b"\n") else body + b"\n"
            log.warning("scrape.failed", url=url, status=response.status)
    except (aiohttp.ClientError, TimeoutError) as error:
        log.warning("scrape.failed", url=url, problem=str(error) or "no answer in time")
    return b""


def _seconds(headers: Mapping[str, str]) -> float | None:
    """The time limit of a scrape that Prometheus gives; none without it."""
    try:
        return float(headers.get("X-Prometheus-Scrape-Timeout-Seconds", ""))
    except ValueError:
        return None
