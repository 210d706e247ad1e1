"""The server as a ``Transport``: for clients in its own process and event loop, without sockets."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import anyio
import anyio.lowlevel

from ome.errors import TransportError
from ome.kube.transport import Response
from ome.sandbox.apiserver.calls import Call
from ome.sandbox.apiserver.faults import LostAnswer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from ome.kube.request import Request
    from ome.kube.transport import ByteStream
    from ome.sandbox.apiserver.calls import Answer, User
    from ome.sandbox.apiserver.server import ApiServer

__all__ = ["EmbeddedTransport"]


class EmbeddedTransport:
    """Implements ``ome.kube.transport.Transport`` for one user of the server."""

    def __init__(self, server: ApiServer, user: User) -> None:
        self._server = server
        self._user = user

    @property
    def host(self) -> str:
        return "sandbox"

    async def send(self, request: Request) -> Response:
        """Answer, within the request's deadline; see ``Transport.send``."""
        answer = await self._answer(request)
        if answer.stream is not None:
            body = b"".join([chunk async for chunk in answer.stream])
            return Response(answer.status, {}, body)
        return Response(answer.status, _lower(answer.headers), answer.body)

    @asynccontextmanager
    async def stream(self, request: Request) -> AsyncIterator[ByteStream]:
        """Answer with a body that is still coming; see ``Transport.stream``."""
        answer = await self._answer(request)
        yield _Stream(answer)

    async def _answer(self, request: Request) -> Answer:
        call = Call(
            request.method,
            request.path,
            dict(request.query),
            {
                "accept": request.accept,
                "content-type": request.content_type,
                "user-agent": request.user_agent,
                **dict(request.headers),
            },
            request.body or b"",
            self._user,
        )
        # As with a socket, others get their turn before the answer is there.
        await anyio.lowlevel.checkpoint()
        if request.guard is not None:
            request.guard.admit()
        try:
            with anyio.fail_after(request.timeout):
                return await self._server.handle(call)
        except TimeoutError:
            raise TransportError(f"{request}: no answer in {request.timeout:g} s") from None
        except LostAnswer:
            raise TransportError(f"{request}: the connection broke") from None


class _Stream:
    """An answer's body, whole or as it comes."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    @property
    def status(self) -> int:
        return self._answer.status

    @property
    def headers(self) -> Mapping[str, str]:
        return _lower(self._answer.headers)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        if self._answer.stream is None:
            yield self._answer.body
            return
        try:
            async for chunk in self._answer.stream:
                yield chunk
        except LostAnswer:
            raise TransportError("the connection broke") from None


def _lower(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}
