"""The API server on a TLS port (aiohttp)."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import anyio
from aiohttp import web

from ome.sandbox.apiserver.calls import Call
from ome.sandbox.apiserver.faults import LostAnswer
from ome.sandbox.refusal import Refused

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from ome.sandbox.apiserver.calls import Answer
    from ome.sandbox.apiserver.certificates import Serving
    from ome.sandbox.apiserver.server import ApiServer

__all__ = ["serve"]

_MOST_BYTES = 3 * 2**20
_STOP_SECONDS = 0.5


@asynccontextmanager
async def serve(
    server: ApiServer, serving: Serving, host: str = "127.0.0.1", port: int = 0
) -> AsyncIterator[str]:
    """Serve until the context is left; gives the base URL. ``port`` 0 takes a free one.

    Raises ``OSError`` when the port is taken.
    """
    app = web.Application(client_max_size=_MOST_BYTES)
    front = _Front(server)
    app.router.add_route("*", "/{path:.*}", front.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=_STOP_SECONDS)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port, ssl_context=serving.context())
        await site.start()
        bound = runner.addresses[0][1]
        yield f"https://{host}:{bound}"
    finally:
        front.stop()
        with anyio.CancelScope(shield=True):
            await runner.cleanup()


class _Front:
    """Turns HTTP requests into calls."""

    def __init__(self, server: ApiServer) -> None:
        self._server = server
        self._streams: set[asyncio.Task[object]] = set()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        call = Call(
            request.method,
            request.path,
            dict(request.query),
            {name.lower(): value for name, value in request.headers.items()},
        )
        try:
            call.user = self._server.users.authenticate(call.headers.get("authorization", ""))
            call.body = await request.read()
        except Refused as refused:
            return web.json_response(refused.status(), status=refused.code)
        except web.HTTPRequestEntityTooLarge:
            text = f"the request is larger than {_MOST_BYTES} bytes"
            too_large = Refused(413, "RequestEntityTooLarge", text)
            return web.json_response(too_large.status(), status=413)
        try:
            answer = await self._server.handle(call)
            if answer.stream is None:
                return _whole(answer, call.warnings)
            return await self._stream(request, answer.stream, dict(answer.headers))
        except LostAnswer:
            if request.transport is not None:
                request.transport.abort()
            raise ConnectionResetError from None

    def stop(self) -> None:
        """End every watch: a server that goes away waits for none of them."""
        for task in self._streams:
            task.cancel()

    async def _stream(
        self, request: web.Request, chunks: AsyncIterator[bytes], headers: dict[str, str]
    ) -> web.StreamResponse:
        response = web.StreamResponse(headers={**headers, "Content-Type": "application/json"})
        response.enable_chunked_encoding()
        await response.prepare(request)
        task = asyncio.current_task()
        assert task is not None
        self._streams.add(task)
        try:
            async for chunk in chunks:
                await response.write(chunk)
        except (ConnectionResetError, BrokenPipeError):
            pass  # the client has left
        finally:
            self._streams.discard(task)
        return response


def _whole(answer: Answer, warnings: Sequence[str]) -> web.Response:
    headers = dict(answer.headers)
    # A refusal brings the warnings of the webhook that refused; what came before stands first.
    last = headers.pop("Warning", None)
    response = web.Response(body=answer.body, status=answer.status, headers=headers)
    response.headers["Content-Type"] = answer.content_type
    for text in dict.fromkeys(warnings):
        response.headers.add("Warning", f"299 - {_quoted(text)}")
    if last is not None:
        response.headers.add("Warning", last)
    return response


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ")
    return f'"{escaped}"'
