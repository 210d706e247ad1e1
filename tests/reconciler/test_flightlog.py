"""The flight recorder over HTTP: only for who may, by either header."""

from __future__ import annotations

import aiohttp
import pytest
from aiohttp import web

from ome.reconciler.flightlog import add_flights
from ome.telemetry.flights import FlightRecorder, decided
from tests.reconciler.test_health import serving

GOOD = "Bearer good"


async def admit(header: str) -> int:
    return {GOOD: 200, "Bearer weak": 403}.get(header, 401)


def app() -> web.Application:
    recorder = FlightRecorder(lambda: 5.0)
    for controller, key in (("inferenceservice", "demo/chat"), ("clusterbasemodel", "llama")):
        with recorder.flight(controller, key) as flight:
            decided(f"about {key}")
            flight.result = "success"
    made = web.Application()
    add_flights(made, recorder, admit)
    return made


@pytest.mark.parametrize(
    ("path", "headers", "status", "said"),
    [
        ("inferenceservice/demo/chat", {"Authorization": GOOD}, 200, "about demo/chat"),
        ("clusterbasemodel/llama", {"X-Ome-Authorization": GOOD}, 200, "about llama"),
        ("inferenceservice/demo/none", {"Authorization": GOOD}, 200, '{"flights":[]}'),
        ("inferenceservice/demo/chat", {}, 401, "bearer token"),
        ("inferenceservice/demo/chat", {"Authorization": "Bearer weak"}, 403, "ome-flight-reader"),
    ],
)
async def test_who_reads_what(path: str, headers: dict[str, str], status: int, said: str) -> None:
    async with serving(app()) as address, aiohttp.ClientSession() as session:
        async with session.get(address(f"/debug/flights/{path}"), headers=headers) as answer:
            assert answer.status == status
            assert said in await answer.text()
