"""The HTTP side of admission: one POST, one answer, within the API server's patience.

Handlers run in aiohttp's own tasks: judging is synchronous, and the one request that a review may
make goes through the client, which any task of the loop may use. What is bounded: the size of a
body, the bodies in memory at once, and the time of each review.
"""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING

import anyio
import structlog
from aiohttp import web

from ome.telemetry.tracing import exemplar, span
from ome.webhooks.admission import NoReview, decode, encode, refuse
from ome.webhooks.judge import judge

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from opentelemetry.trace import Span

    from ome.clock import Clock
    from ome.webhooks.admission import Asked
    from ome.webhooks.judge import Reads, Route
    from ome.webhooks.metrics import WebhookMetrics

__all__ = ["BODY_LIMIT", "webhook_app"]

BODY_LIMIT = 7 * 1024 * 1024
_IN_MEMORY = 64
"""Reviews whose bodies are in memory at once; more wait, within their deadline."""
_DEFAULT_TIMEOUT = 10.0
_LONGEST = 30.0
_MARGIN = 0.1
"""The share of the API server's patience that is left for the answer's way back."""
_DURATION = re.compile(r"(?:(\d+)m(?!s))?(?:(\d+(?:\.\d+)?)s)?(?:(\d+)ms)?")

log = structlog.get_logger(__name__)


def webhook_app(
    routes: Sequence[Route],
    reading: Callable[[], Reads],
    metrics: WebhookMetrics,
    clock: Clock,
    draining: Callable[[], bool] = lambda: False,
) -> web.Application:
    """The application that answers reviews at the paths of the routes.

    ``reading`` gives the lookups of one review. While ``draining`` every answer closes its
    connection, so that clients come back to another replica.
    """
    app = web.Application(client_max_size=BODY_LIMIT)
    room = anyio.Semaphore(_IN_MEMORY, fast_acquire=True)
    for route in routes:
        endpoint = _Endpoint(route, reading, metrics, clock, draining, room)
        app.router.add_post(route.path, endpoint.handle)
    return app


class _Endpoint:
    """One path."""

    def __init__(
        self,
        route: Route,
        reading: Callable[[], Reads],
        metrics: WebhookMetrics,
        clock: Clock,
        draining: Callable[[], bool],
        room: anyio.Semaphore,
    ) -> None:
        self._route = route
        self._reading = reading
        self._clock = clock
        self._draining = draining
        self._room = room
        self._requests = metrics.requests
        self._latency = metrics.latency.labels(route.path)
        self._in_flight = metrics.in_flight.labels(route.path)
        self._panicked = metrics.panics.inc
        self._ok = metrics.requests.labels(route.path, "200")

    async def handle(self, request: web.Request) -> web.StreamResponse:
        attributes = {"http.request.method": "POST", "http.route": self._route.path}
        caller = request.headers.get("traceparent")
        name = f"POST {self._route.path}"
        with span(name, attributes, kind="server", parent=caller) as current:
            response = await self._counted(request, current)
        if self._draining():
            response.force_close()
        return response

    async def _counted(self, request: web.Request, current: Span) -> web.Response:
        started = self._clock.monotonic()
        self._in_flight.inc()
        code = HTTPStatus.INTERNAL_SERVER_ERROR.value
        try:
            response = await self._respond(request, current)
            code = response.status
        except web.HTTPException as error:
            code = error.status
            raise
        finally:
            self._in_flight.dec()
            self._latency.observe(self._clock.monotonic() - started, exemplar())
            current.set_attribute("http.response.status_code", code)
            if code == HTTPStatus.OK:
                self._ok.inc()
            else:
                self._requests.labels(self._route.path, str(code)).inc()
        return response

    async def _respond(self, request: web.Request, current: Span) -> web.Response:
        if request.content_type != "application/json":
            raise web.HTTPUnsupportedMediaType(
                text=f"expected application/json, not {request.content_type}\n"
            )
        if (request.content_length or 0) > BODY_LIMIT:
            raise web.HTTPRequestEntityTooLarge(BODY_LIMIT, request.content_length or 0)
        asked: Asked | None = None
        seconds = _patience(request.query.get("timeout", ""))
        try:
            with anyio.fail_after(seconds):
                async with self._room:
                    asked = decode(await request.read())
                    return _json(await self._judged(asked, current))
        except NoReview as error:
            return web.Response(status=HTTPStatus.BAD_REQUEST, text=f"{error}\n")
        except TimeoutError:
            text = f"the review took longer than {seconds:g} s; try again"
            log.warning("webhook.timeout", path=self._route.path, seconds=seconds)
            if asked is None:
                return web.Response(status=HTTPStatus.REQUEST_TIMEOUT, text=f"{text}\n")
            return _json(encode(asked, refuse(HTTPStatus.GATEWAY_TIMEOUT, text, "Timeout")))

    async def _judged(self, asked: Asked, current: Span) -> bytes:
        review = asked.review
        if review is not None and current.is_recording():
            current.set_attributes(
                {
                    "k8s.object.kind": review.kind,
                    "k8s.namespace.name": review.namespace,
                    "k8s.object.name": review.name,
                    "k8s.admission.operation": review.operation,
                }
            )
        answer = await judge(self._route, asked, self._reading(), self._panicked)
        current.set_attribute("k8s.admission.allowed", answer.allowed)
        if not answer.allowed:
            log.info(
                "webhook.refused",
                code=int(answer.code),
                message=answer.message,
                webhook=self._route.path,
                kind=review.kind if review else "",
                namespace=review.namespace if review else "",
                name=review.name if review else "",
                operation=review.operation if review else "",
            )
        return encode(asked, answer)


def _json(body: bytes) -> web.Response:
    return web.Response(body=body, content_type="application/json")


def _patience(text: str) -> float:
    """Seconds from a Go duration as the API server sends it (``10s``), less the way back."""
    match = _DURATION.fullmatch(text) if text else None
    seconds = 0.0
    if match:
        minutes, whole, milli = match.groups()
        seconds = int(minutes or 0) * 60 + float(whole or 0) + int(milli or 0) / 1000
    return min(seconds or _DEFAULT_TIMEOUT, _LONGEST) * (1 - _MARGIN)
