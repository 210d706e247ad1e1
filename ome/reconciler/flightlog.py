"""The flight recorder over HTTP, at ``/debug/flights/CONTROLLER/[NAMESPACE/]NAME``.

It is served beside metrics that are secured, and asks the API server about each reader.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from aiohttp import web

from ome.kube.resource import ObjectKey
from ome.reconciler.health import authorization, refusal

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ome.telemetry.flights import FlightRecorder

__all__ = ["FLIGHTS_PATH", "add_flights"]

FLIGHTS_PATH = "/debug/flights"


def add_flights(
    app: web.Application, recorder: FlightRecorder, admit: Callable[[str], Awaitable[int]]
) -> None:
    """Serve the recorder; ``admit`` gives the status for an ``Authorization`` header."""

    async def handle(request: web.Request) -> web.Response:
        status = await admit(authorization(request))
        if status != 200:
            return refusal(status, FLIGHTS_PATH, "ome-flight-reader")
        where = request.match_info
        key = ObjectKey(where.get("namespace", ""), where["name"])
        found = recorder.of(where["controller"], str(key))
        return web.Response(
            body=msgspec.json.encode({"flights": found}), content_type="application/json"
        )

    for path in ("/{controller}/{name}", "/{controller}/{namespace}/{name}"):
        app.router.add_get(FLIGHTS_PATH + path, handle)
