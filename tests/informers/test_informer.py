"""One watch against a server that misbehaves, in virtual time."""

from __future__ import annotations

import itertools
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from structlog.testing import capture_logs

from ome.errors import Expired
from tests.informers.server import Server, broken, line
from tests.informers.support import running, values, verbs
from tests.support.virtual_time import run_virtual

pytestmark = pytest.mark.usefixtures("quiet")


@pytest.fixture
def quiet() -> Any:
    with capture_logs():
        yield


def test_lists_in_pages_and_watches_from_there(server: Server) -> None:
    async def main() -> None:
        async with running(server) as (_, informer, recorder):
            assert not informer.synced
            await informer.wait_synced(5)
            assert values(informer) == {"a": 0, "b": 1, "c": 2, "d": 3, "e": 4}
            assert recorder.kinds() == ["+a", "+b", "+c", "+d", "+e"]
            recorder.clear()
            server.put("a", 7)
            server.delete("b")
            server.put("f", 9)
            await anyio.sleep(0.1)
            assert recorder.kinds() == ["~a", "-b", "+f"]
            assert values(informer) == {"a": 7, "c": 2, "d": 3, "e": 4, "f": 9}

    run_virtual(main)
    assert verbs(server) == ["list"] * 3 + ["watch"]
    assert [r.limit for r in server.requests[:3]] == [500] * 3
    assert server.requests[3].version == "15"
    assert 300 <= server.requests[3].seconds <= 600


def test_a_watch_that_ends_is_reopened_at_once_from_the_last_version(server: Server) -> None:
    async def main() -> None:
        async with running(server) as (_, informer, recorder):
            await informer.wait_synced(5)
            await anyio.sleep(20)
            server.put("a", 7)
            await anyio.lowlevel.checkpoint()
            server.send(None)
            server.put("b", 8)
            await anyio.sleep(0.5)
            assert recorder.kinds()[5:] == ["~a", "~b"]

    run_virtual(main)
    assert verbs(server).count("list") == 3
    assert verbs(server).count("watch") == 2


def test_a_watch_that_brings_nothing_backs_off(server: Server) -> None:
    def end(request: Any) -> None:
        if request.verb == "watch":
            server.fail("watch", broken())

    async def main() -> None:
        async with running(server) as (_, informer, _recorder):
            server.before = end
            await informer.wait_synced(5)
            await anyio.sleep(300)

    run_virtual(main)
    times = [r.at for r in server.requests if r.verb == "watch"]
    gaps = [b - a for a, b in itertools.pairwise(times)]
    assert 1 <= gaps[0] <= 2
    assert all(gap <= 30 for gap in gaps)
    assert all(gap >= 15 for gap in gaps[5:])
    assert verbs(server).count("list") == 3, "the version is still good: no list is needed"


@pytest.mark.parametrize("how", ["status", "in stream"])
def test_410_leads_to_a_relist_whose_difference_is_delivered(server: Server, how: str) -> None:
    async def main() -> None:
        async with running(server) as (_, informer, recorder):
            await informer.wait_synced(5)
            await anyio.sleep(20)
            recorder.clear()
            if how == "in stream":
                server.expire()
            else:
                server.fail("watch", Expired("too old"))
                server.send(None)
            stream, server.streams = server.streams, []  # what happens now is not heard
            server.put("a", 7)
            server.delete("b")
            server.delete("c")
            server.put("c", 8)
            server.put("f", 9)
            server.compact()
            server.streams = stream
            await anyio.sleep(1)
            assert sorted(recorder.kinds()) == sorted(["~a", "-b", "-c", "+c", "+f"])
            assert recorder.replay == {obj.metadata.key: obj for obj in informer.store.values()}

    run_virtual(main)
    assert [r.at for r in server.requests][-1] - server.requests[0].at < 22


def test_410_again_and_again_backs_off(server: Server) -> None:
    def before(request: Any) -> None:
        if request.verb == "watch":
            server.fail("watch", Expired("too old"))

    async def main() -> None:
        server.before = before
        async with running(server) as (_, informer, _recorder):
            await anyio.sleep(600)
            assert informer.synced

    run_virtual(main)
    assert verbs(server).count("watch") < 40


def test_a_page_token_that_expires_begins_the_list_anew(server: Server) -> None:
    def before(request: Any) -> None:
        if request.continue_:
            server.fail("list", Expired("the continue token is too old"))

    async def main() -> None:
        server.before = before
        async with running(server) as (_, informer, _recorder):
            await informer.wait_synced(1)
            assert len(informer.store) == 5

    run_virtual(main)
    lists = [(r.limit, bool(r.continue_)) for r in server.requests if r.verb == "list"]
    assert lists == [(500, False), (500, True), (500, False), (500, True), (0, False)]


def test_a_silent_watch_is_closed_and_reopened(server: Server) -> None:
    async def main() -> None:
        async with running(server) as (_, informer, recorder):
            await informer.wait_synced(5)
            await anyio.sleep(1)
            server.deafen()
            server.put("a", 7)
            await anyio.sleep(80)
            assert recorder.kinds()[5:] == []
            await anyio.sleep(12)
            assert recorder.kinds()[5:] == ["~a"]

    run_virtual(main)
    assert verbs(server) == ["list"] * 3 + ["watch"] * 2


def test_bookmarks_keep_a_quiet_watch_open_and_move_its_version(server: Server) -> None:
    async def main() -> None:
        async with running(server) as (informers, informer, _):
            await informer.wait_synced(5)
            server.version += 100
            await anyio.sleep(250)
            assert verbs(server).count("watch") == 1
            assert informer.freshness is not None
            assert informer.freshness < 61
            assert informers.freshness() == {"things.example.com": informer.freshness}
            server.compact()
            server.send(None)
            await anyio.sleep(1)

    run_virtual(main)
    assert verbs(server) == ["list"] * 3 + ["watch"] * 2
    assert server.requests[-1].version == "115"


def test_repeated_and_old_events_change_nothing(server: Server) -> None:
    async def main() -> None:
        async with running(server) as (_, informer, recorder):
            await informer.wait_synced(5)
            server.put("a", 7)
            server.delete("b")
            await anyio.sleep(0.1)
            recorder.clear()
            for version, type_, obj in server.history:
                server.send(line(type_, obj))
                assert version
            await anyio.sleep(0.1)
            assert recorder.calls == []
            assert "b" not in values(informer)

    run_virtual(main)


def test_an_object_that_does_not_fit_is_skipped_and_its_last_good_version_kept(
    server: Server,
) -> None:
    async def main() -> list[Any]:
        server.put("bad", "not a number")
        async with running(server) as (_, informer, recorder):
            await informer.wait_synced(5)
            assert "bad" not in values(informer)
            with capture_logs() as logs:
                server.put("a", "seven")
                server.put("a", "eight")
                server.put("b", 7)
                await anyio.sleep(0.1)
            assert values(informer) == {"a": 0, "b": 7, "c": 2, "d": 3, "e": 4}
            server.expire()
            await anyio.sleep(5)
            assert values(informer)["a"] == 0, "also kept over a relist"
            server.delete("a")
            await anyio.sleep(0.1)
            assert "a" not in values(informer)
            assert recorder.kinds()[-1] == "-a"
            assert verbs(server).count("watch") == 2
            return list(logs)

    logs = run_virtual(main)
    assert [(entry["event"], entry["key"]) for entry in logs] == [("informer.undecodable", "ns/a")]
    assert "Expected `int`, got `str`" in logs[0]["why"]


def test_a_garbage_line_costs_a_reconnection_and_loses_nothing(server: Server) -> None:
    async def main() -> None:
        async with running(server) as (_, informer, recorder):
            await informer.wait_synced(5)
            await anyio.sleep(1)
            recorder.clear()
            server.send(b'{"type":"MODI\x00\xff garbage\n')
            server.put("a", 7)
            await anyio.sleep(3)
            assert recorder.kinds() == ["~a"]

    run_virtual(main)
    assert verbs(server)[3:] == ["watch", "watch"]


def test_garbage_at_the_same_place_leads_to_a_relist(server: Server) -> None:
    async def main() -> None:
        async with running(server) as (_, informer, _recorder):
            await informer.wait_synced(5)
            for _ in range(2):
                await anyio.sleep(5)
                server.send(b"garbage\n")
            await anyio.sleep(10)

    run_virtual(main)
    assert verbs(server)[3:] == ["watch", "watch", "list", "list", "list", "watch"]
