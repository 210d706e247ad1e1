"""One call to the API server: its deadline, its place among those in flight, its attempts.

What may be repeated: a read after 429, 5xx or a broken connection; a write only when it certainly
had no effect (429, or no connection was made). The deadline of a call covers its wait for a place,
all its attempts, each of which the transport ends in time, and the pauses between them. The server
is told the time that is left, so that a write which we gave up on is not carried out long after.

A guarded write is asked for before each attempt, and its time ends when the guard says so: an
answer that comes later is of no use to a replica that does not lead any more. The guard also knows
which writes have no answer yet: one that was cancelled or lost may still arrive.
"""

from __future__ import annotations

import math
from contextlib import nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING

import anyio

from ome.errors import ApiError, OmeError, TransportError
from ome.kube.request import status_error
from ome.kube.spans import answered, request_span
from ome.kube.transport import NotSent
from ome.telemetry.flights import wrote
from ome.telemetry.tracing import traceparent

if TYPE_CHECKING:
    import random
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from ome.clock import Clock
    from ome.kube.request import Request
    from ome.kube.transport import Response, Transport

__all__ = ["NO_ANSWER", "Caller"]

_ATTEMPTS = 5
_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 5.0
_PASSING = frozenset({429, 500, 502, 503, 504})

NO_ANSWER = "<error>"
"""The code that metrics get when no answer came, as in client-go."""


class Caller:
    """Sends requests and gives answers of 2xx; everything else is raised.

    At most ``max_in_flight`` requests are on their way at once; a pause holds no place.
    """

    def __init__(
        self,
        transport: Transport,
        clock: Clock,
        rng: random.Random,
        max_in_flight: int,
        observe: Callable[[str, str, float], None] | None,
    ) -> None:
        self._transport = transport
        self._clock = clock
        self._rng = rng
        self._places = anyio.Semaphore(max_in_flight)
        self._observe = observe

    async def send(self, request: Request) -> Response:
        """The answer, after retries. Raises ``ApiError`` or ``TransportError``; cancellable."""
        deadline = self._clock.monotonic() + request.timeout
        for attempt in range(1, _ATTEMPTS + 1):
            outcome = await self._attempt(request, deadline, attempt)
            if not isinstance(outcome, OmeError):
                return outcome
            pause = self._pause(attempt, outcome)
            too_late = self._clock.monotonic() + pause >= deadline
            if attempt == _ATTEMPTS or too_late or not _repeatable(request, outcome):
                raise outcome
            await self._clock.sleep(pause)
        raise AssertionError("unreachable")

    async def _attempt(
        self, request: Request, deadline: float, attempt: int
    ) -> Response | ApiError | TransportError:
        """An attempt never raises its failure, so that cancellation stays the only exception."""
        if not await self._placed(deadline):
            return NotSent(f"{request}: not sent in {request.timeout:g} s, too many in flight")
        try:
            response = await self._observed(request, deadline, attempt)
        except TransportError as error:
            if isinstance(error, NotSent) or self._clock.monotonic() < deadline:
                return error
            return TransportError(
                f"{request}: no answer from {self._transport.host} in {request.timeout:g} s"
            )
        finally:
            self._places.release()
        if 200 <= response.status < 300:
            return response
        return status_error(response.status, response.headers, response.body, request)

    async def _placed(self, deadline: float) -> bool:
        """Whether a place among those in flight came free in time, which then is taken."""
        try:
            self._places.acquire_nowait()
        except anyio.WouldBlock:
            with anyio.move_on_after(deadline - self._clock.monotonic()) as waiting:
                await self._places.acquire()
            return not waiting.cancelled_caught
        return True

    async def _observed(self, request: Request, deadline: float, attempt: int) -> Response:
        started = self._clock.monotonic()
        left = deadline - started
        in_flight: AbstractContextManager[None] = nullcontext()
        if request.guard is not None:
            left = min(left, request.guard.admit())
        told = max(1, math.floor(left))  # the server counts in whole seconds
        if request.guard is not None:
            in_flight = request.guard.in_flight(max(left, told))
        query = (*request.query, ("timeout", f"{told}s"))
        code = NO_ANSWER
        try:
            with request_span(request, self._transport.host, attempt) as span:
                headers = (*request.headers, *_trace_context())
                bounded = replace(request, timeout=left, query=query, headers=headers)
                with in_flight:
                    response = await self._transport.send(bounded)
                answered(span, response)
            code = str(response.status)
            return response
        finally:
            self.count(request, code, started)
            if request.writes:
                wrote(f"{request} {code}")

    def count(self, request: Request, code: str, started: float) -> None:
        """Tell the metrics of one attempt."""
        if self._observe is not None:
            self._observe(request.method, code, self._clock.monotonic() - started)

    def _pause(self, attempt: int, failure: OmeError) -> float:
        asked = failure.retry_after if isinstance(failure, ApiError) else None
        if asked is not None:
            return asked * (1 + self._rng.random() / 4)  # never earlier than the server asked
        longest = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2.0 ** (attempt - 1))
        return longest * (0.5 + self._rng.random() / 2)


def _trace_context() -> tuple[tuple[str, str], ...]:
    """The header that lets the server go on with our trace."""
    value = traceparent()
    return (("traceparent", value),) if value else ()


def _repeatable(request: Request, failure: OmeError) -> bool:
    if isinstance(failure, NotSent):
        return True
    if isinstance(failure, ApiError):
        return failure.status == 429 or (request.method == "GET" and failure.status in _PASSING)
    return request.method == "GET"
