"""A transport whose answers are written down by the test."""

from __future__ import annotations

import json
from collections import deque
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import anyio
import anyio.lowlevel

from ome.errors import TransportError
from ome.kube.transport import Response

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Iterator, Mapping

    from ome.kube.request import Request

__all__ = ["FakeTransport", "in_time", "status_body"]


@contextmanager
def in_time(request: Request) -> Iterator[None]:
    """What each transport does: no answer takes longer than its request's timeout."""
    try:
        with anyio.fail_after(request.timeout):
            yield
    except TimeoutError:
        raise TransportError(f"{request}: no answer in time") from None


def status_body(code: int, reason: str, message: str, **details: Any) -> dict[str, Any]:
    """A ``Status`` as an API server answers it."""
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": message,
        "reason": reason,
        "details": details,
        "code": code,
    }


@dataclass
class FakeStream:
    """The answer to a watch; an exception among the chunks is raised in its place."""

    status: int
    headers: Mapping[str, str]
    chunks: Iterable[bytes | Exception] = ()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self.chunks:
            await anyio.lowlevel.checkpoint()
            if isinstance(chunk, Exception):
                raise chunk
            yield chunk


@dataclass
class FakeTransport:
    """Answers in the order in which they were scripted, and keeps what was asked."""

    host: str = "fake:6443"
    delay: float = 0.0
    """Seconds that every answer takes."""
    requests: list[Request] = field(default_factory=list)
    in_flight: int = 0
    most_in_flight: int = 0
    _script: deque[Response | FakeStream | Exception] = field(default_factory=deque)

    def answer(
        self, body: Any = None, status: int = 200, headers: Mapping[str, str] | None = None
    ) -> None:
        """The next answer; ``body`` is bytes or becomes JSON."""
        data = body if isinstance(body, bytes) else json.dumps(body or {}).encode()
        self._script.append(Response(status, headers or {}, data))

    def refuse(
        self,
        status: int,
        reason: str = "",
        message: str = "refused",
        headers: Mapping[str, str] | None = None,
        **details: Any,
    ) -> None:
        """The next answer is a failure ``Status``."""
        self.answer(status_body(status, reason, message, **details), status, headers)

    def fail(self, error: Exception) -> None:
        """Instead of the next answer comes this."""
        self._script.append(error)

    def watch(
        self,
        *chunks: bytes | Exception,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """The next answer is a stream of these chunks, which then ends."""
        self._script.append(FakeStream(status, headers or {}, chunks))

    async def send(self, request: Request) -> Response:
        self.requests.append(request)
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            with in_time(request):
                await anyio.sleep(self.delay)
        finally:
            self.in_flight -= 1
        answer = self._next(request)
        assert isinstance(answer, Response), f"the script has a stream for {request}"
        return answer

    @asynccontextmanager
    async def stream(self, request: Request) -> AsyncIterator[FakeStream]:
        self.requests.append(request)
        await anyio.sleep(self.delay)
        answer = self._next(request)
        if isinstance(answer, Response):
            answer = FakeStream(answer.status, answer.headers, [answer.body])
        yield answer

    def _next(self, request: Request) -> Response | FakeStream:
        assert self._script, f"the script has no answer for {request}"
        answer = self._script.popleft()
        if isinstance(answer, Exception):
            raise answer
        return answer
