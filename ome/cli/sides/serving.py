"""A server of one address that runs until a signal."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import anyio

from ome.reconciler.health import HttpServer

if TYPE_CHECKING:
    from aiohttp import web

__all__ = ["serve", "until_signal"]


async def serve(app: web.Application, host: str, port: int, *, keep_alive: float = 75.0) -> None:
    """Serve until SIGTERM or SIGINT. Raises ``PortInUse``."""
    server = HttpServer(app, host, port, keep_alive=keep_alive)
    await server.start()
    try:
        await until_signal()
    finally:
        with anyio.CancelScope(shield=True):
            await server.stop()


async def until_signal() -> None:
    """Return at the first SIGTERM or SIGINT."""
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as received:
        async for _ in received:
            return
