"""Watches of the embedded server in virtual time."""

from __future__ import annotations

import random

import anyio
import pytest

from ome.sandbox.apiserver.calls import Call, User
from ome.sandbox.apiserver.server import ApiServer
from tests.support.virtual_time import VirtualClock, run_virtual


@pytest.mark.parametrize("wait", [0.0, 9.385958677423488])
def test_bookmarks_come_each_minute_whatever_the_time_is(wait: float) -> None:
    """Also where adding 60 to it and taking it off again gives a little less than 60."""

    async def main() -> list[float]:
        await anyio.sleep(wait)
        clock = VirtualClock()
        server = ApiServer(clock, random.Random(1))
        began = clock.monotonic()
        query = {"watch": "true", "allowWatchBookmarks": "true", "timeoutSeconds": "125"}
        version = {"resourceVersion": str(server.store.version)}
        user = User("a-user", ("system:masters",))
        call = Call("GET", "/api/v1/namespaces", query | version, user=user)
        stream = (await server.handle(call)).stream
        assert stream is not None
        return [round(clock.monotonic() - began, 3) async for _ in stream]

    assert run_virtual(main) == [60.0, 120.0, 125.0]
