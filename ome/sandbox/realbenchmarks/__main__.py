"""The stand-in engine as a process: says its port, and ends when its standard input does."""

from __future__ import annotations

import random
import sys

import anyio

from ome.clock import SystemClock
from ome.reconciler.health import HttpServer
from ome.sandbox.realbenchmarks.engine import Engine


async def _main() -> None:
    engine = Engine(SystemClock(), random.Random())
    server = HttpServer(engine.app(), "127.0.0.1", 0)
    sys.stdout.write(f"{await server.start()}\n")
    sys.stdout.flush()
    try:
        await anyio.wait_readable(sys.stdin)
    finally:
        await server.stop()


anyio.run(_main)
