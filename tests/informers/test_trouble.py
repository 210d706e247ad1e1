"""Errors, absence, refusal and our own faults: what ends an attempt, and what comes next."""

from __future__ import annotations

import itertools
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from structlog.testing import capture_logs

from ome.errors import Forbidden, ServiceUnavailable, TooManyRequests
from tests.informers.server import Server, broken
from tests.informers.support import running, values, verbs
from tests.support.virtual_time import run_virtual

pytestmark = pytest.mark.usefixtures("quiet")


@pytest.fixture
def quiet() -> Any:
    with capture_logs():
        yield


@pytest.mark.parametrize(
    ("error", "shortest"),
    [
        (broken(), 1),
        (ServiceUnavailable("starting"), 1),
        (TooManyRequests("slow down", retry_after=17), 17),
        (RuntimeError("a fault of ours"), 1),
        (ExceptionGroup("wrapped", [TooManyRequests("slow down", retry_after=9)]), 9),
        (OSError("no route"), 1),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
@pytest.mark.parametrize("verb", ["list", "watch"])
def test_any_error_is_retried_after_a_pause(
    server: Server, verb: str, error: Exception, shortest: float
) -> None:
    async def main() -> None:
        server.fail(verb, error)
        async with running(server) as (_, informer, _recorder):
            await anyio.sleep(0.5)
            asked = len(server.requests)
            await anyio.sleep(shortest - 0.6)
            assert len(server.requests) == asked
            await anyio.sleep(2.2)
            assert len(server.requests) > asked
            server.put("a", 7)
            await anyio.sleep(2)
            assert values(informer)["a"] == 7

    run_virtual(main)


@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize("initial", [False, True])
def test_a_fault_of_ours_loses_nothing(
    server: Server, monkeypatch: pytest.MonkeyPatch, streaming: bool, initial: bool
) -> None:
    async def main() -> None:
        async with running(server, streaming_list=streaming) as (_, informer, recorder):
            real = informer.store.put
            faults: list[Any] = []

            def put(*args: Any) -> Any:
                if not faults:
                    faults.append(args)
                    raise RuntimeError("a fault of ours")
                return real(*args)

            if not initial:
                await informer.wait_synced(5)
                await anyio.sleep(1)
            monkeypatch.setattr(informer.store, "put", put)
            server.put("a", 7)
            server.put("b", 8)
            await anyio.sleep(5)
            assert len(faults) == 1
            assert values(informer) == {"a": 7, "b": 8, "c": 2, "d": 3, "e": 4}
            assert len(recorder.replay) == 5

    run_virtual(main)


def test_a_list_without_an_answer_has_a_deadline(server: Server) -> None:
    real = server.list_page

    async def hang(*args: Any, **kwargs: Any) -> bytes:
        if len(server.requests) == 0:
            await real(*args, **kwargs)
            await anyio.sleep_forever()
        return await real(*args, **kwargs)

    async def main() -> None:
        server.list_page = hang  # type: ignore[method-assign]
        async with running(server) as (informers, informer, _recorder):
            await anyio.sleep(59)
            assert informers.ok() == []
            await informer.wait_synced(10)

    run_virtual(main)


def test_a_missing_resource_is_said_once_and_asked_for_again_within_a_minute(
    server: Server,
) -> None:
    async def main() -> list[Any]:
        server.installed = False
        with capture_logs() as logs:
            async with running(server) as (informers, informer, _):
                await anyio.sleep(600)
                assert informer.absent
                assert not informer.synced
                assert informers.ok() == []
                asked = [request.at for request in server.requests]
                server.installed = True
                informers.retry_now()
                await informer.wait_synced(0.1)
                assert informer.state != "absent"
        gaps = [b - a for a, b in itertools.pairwise(asked)]
        assert max(gaps) <= 60
        assert len(asked) < 30
        return list(logs)

    logs = run_virtual(main)
    assert [entry["event"] for entry in logs] == ["informer.absent", "informer.appeared"]
    assert logs[0]["resource"] == "things.example.com"


def test_what_was_known_stays_when_the_resource_goes_away(server: Server) -> None:
    async def main() -> None:
        async with running(server) as (_, informer, recorder):
            await informer.wait_synced(5)
            server.installed = False
            server.send(None)
            await anyio.sleep(30)
            assert informer.absent
            assert informer.synced
            assert len(informer.store) == 5
            assert "-a" not in recorder.kinds()

    run_virtual(main)


@pytest.mark.parametrize("verb", ["list", "watch"])
def test_a_refusal_names_verb_and_resource_each_half_minute(server: Server, verb: str) -> None:
    def before(request: Any) -> None:
        if request.verb == verb:
            server.fail(verb, Forbidden(f'User "x" cannot {verb} resource "things"'))

    async def main() -> list[Any]:
        server.before = before
        with capture_logs() as logs:
            async with running(server) as (_, informer, _recorder):
                await anyio.sleep(290)
                assert informer.synced is (verb == "watch")
                server.before = lambda request: None
                server.errors.clear()
                await anyio.sleep(31)
                assert informer.synced
                assert informer.state == "watching"
        return list(logs)

    logs = [entry for entry in run_virtual(main) if entry["event"] == "informer.refused"]
    assert 5 <= len(logs) <= 10
    assert logs[0]["verb"] == verb
    assert logs[0]["resource"] == "things.example.com"
    assert "cannot" in logs[0]["message"]


def test_a_stale_list_is_refused_thrice_then_believed(server: Server) -> None:
    async def main() -> None:
        async with running(server) as (_, informer, recorder):
            await informer.wait_synced(5)
            await anyio.sleep(100)
            server.put("f", 1)
            await anyio.sleep(1)
            server.stale_list = 3
            server.delete("f")
            await anyio.sleep(1)
            recorder.clear()
            server.put("g", 1)
            server.expire()
            await anyio.sleep(3)
            assert recorder.kinds() == ["+g"]
            await anyio.sleep(60)
            assert informer.state == "watching"
            assert set(values(informer)) == set("abcdeg")

    run_virtual(main)


def test_a_stuck_task_is_a_problem_and_a_server_that_is_away_is_none(server: Server) -> None:
    async def stuck(*args: Any, **kwargs: Any) -> bytes:
        with anyio.CancelScope(shield=True):
            await anyio.sleep(1000)
        return b""

    async def main() -> None:
        def away(request: Any) -> None:
            server.errors.clear()
            server.fail(request.verb, broken())

        async with running(server) as (informers, _informer, _recorder):
            server.before = away
            for _ in range(100):
                await anyio.sleep(20)
                assert informers.ok() == []
            server.list_page = stuck  # type: ignore[method-assign]
            await anyio.sleep(300)
            [problem] = informers.ok()
            assert "things.example.com" in problem
            assert "stuck" in problem

    run_virtual(main)


@pytest.mark.parametrize("served", [True, False])
def test_streaming_lists_where_the_server_has_them(server: Server, served: bool) -> None:
    async def main() -> None:
        server.streaming = served
        async with running(server, streaming_list=True) as (_, informer, recorder):
            await informer.wait_synced(5)
            assert recorder.kinds() == ["+a", "+b", "+c", "+d", "+e"]
            server.put("a", 7)
            await anyio.sleep(0.1)
            lost, server.streams = server.streams, []
            server.delete("b")
            server.streams = lost
            server.expire()
            await anyio.sleep(3)
            assert recorder.kinds()[5:] == ["~a", "-b"]

    run_virtual(main)
    assert verbs(server).count("list") == (0 if served else 5)


def test_a_server_that_ignores_the_wish_for_a_streaming_list_is_listed(server: Server) -> None:
    async def main() -> None:
        real = server.watch

        def ignorant(*args: Any, **kwargs: Any) -> Any:
            kwargs["send_initial_events"] = False
            return real(*args, **kwargs)

        server.watch = ignorant  # type: ignore[method-assign]
        async with running(server, streaming_list=True) as (_, informer, _recorder):
            await informer.wait_synced(70)
            assert len(informer.store) == 5

    run_virtual(main)
    assert verbs(server)[0] == "watch"
    assert verbs(server).count("list") == 3
