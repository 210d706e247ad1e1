"""Busy streams are read seldom and lose nothing; quiet ones are read at once."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from aiohttp import web

from ome.errors import TransportError
from ome.kube import Request
from ome.kube.gathering import Gathering
from ome.kube.http import connect
from tests.kube.server import certificate, kubeconfig, server_context, serving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path


@asynccontextmanager
async def streaming(
    folder: Path, send: Callable[[web.StreamResponse], Awaitable[None]], *, tls: bool
) -> AsyncIterator[Any]:
    """The chunks of a stream whose body ``send`` writes."""

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await send(response)
        return response

    cert, key = certificate(folder)
    async with serving(answer, server_context(cert, key) if tls else None) as server:
        where = kubeconfig(folder / "k", server, {}, cert if tls else None)
        async with await connect(where) as transport:
            async with transport.stream(Request("GET", "/")) as stream:
                yield aiter(stream)


@pytest.mark.parametrize("tls", [False, True])
async def test_a_busy_stream_is_read_seldom_and_whole(tmp_path: Path, tls: bool) -> None:
    pieces = [f"{number:05}".encode() * 200 for number in range(500)]

    async def send(response: web.StreamResponse) -> None:
        for piece in pieces:
            await response.write(piece)
            await anyio.sleep(0.001)

    with anyio.fail_after(30):
        async with streaming(tmp_path, send, tls=tls) as chunks:
            read = [chunk async for chunk in chunks]
    assert b"".join(read) == b"".join(pieces)
    assert len(read) < len(pieces) / 3


class Held(asyncio.Transport):
    """A connection that knows how often its reading was paused, and whether it is."""

    def __init__(self) -> None:
        super().__init__()
        self.pauses = 0
        self.paused = False

    def is_closing(self) -> bool:
        return False

    def pause_reading(self) -> None:
        self.pauses += 1
        self.paused = True

    def resume_reading(self) -> None:
        self.paused = False


@pytest.mark.parametrize(("size", "pauses"), [(100, 9), (2**16 - 1, 9), (2**16, 0), (2**20, 0)])
async def test_only_small_pieces_are_waited_for(size: int, pauses: int) -> None:
    connection = Held()

    async def read() -> bytes:
        assert not connection.paused
        return bytes(size)

    pieces = Gathering(read, lambda: connection)
    for _ in range(10):
        assert len(await pieces.next()) == size
    assert connection.pauses == pauses


async def test_a_pause_that_is_given_up_leaves_the_connection_reading() -> None:
    connection = Held()

    async def read() -> bytes:
        return b"x"

    pieces = Gathering(read, lambda: connection)
    await pieces.next()
    with anyio.move_on_after(0.001) as scope:
        await pieces.next()
    assert scope.cancelled_caught
    assert not connection.paused


async def test_a_quiet_stream_is_never_paused() -> None:
    connection = Held()

    async def read() -> bytes:
        await anyio.sleep(0.02)
        return b"x"

    pieces = Gathering(read, lambda: connection)
    for _ in range(3):
        await pieces.next()
    assert connection.pauses == 0


@pytest.mark.parametrize("tls", [False, True])
async def test_the_end_of_a_busy_stream_is_seen(tmp_path: Path, tls: bool) -> None:
    async def send(response: web.StreamResponse) -> None:
        for _ in range(20):
            await response.write(b"x")
        raise ConnectionResetError

    with anyio.fail_after(10):
        async with streaming(tmp_path, send, tls=tls) as chunks:
            read = bytearray()

            async def read_on() -> None:
                async for chunk in chunks:
                    read.extend(chunk)

            with pytest.raises(TransportError, match="broke"):
                await read_on()
    assert read == b"x" * 20
