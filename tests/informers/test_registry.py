"""Sharing: one watch for all readers, handlers in order, readers that come late."""

from __future__ import annotations

import random
from typing import Any

import anyio
import anyio.lowlevel
import msgspec
import pytest
from structlog.testing import capture_logs

from ome.informers.projection import Metadata, PartialMetadata, ProjectionError, WholeObject
from ome.informers.registry import Informers
from ome.kube.resource import ObjectKey, Resource
from tests.informers.server import THINGS, Server, Thing
from tests.informers.support import Recorder, running, values
from tests.support.virtual_time import VirtualClock, run_virtual

OTHERS = Resource("example.com", "v1", "Other", "others")


class Labelled(msgspec.Struct, frozen=True, rename="camel"):
    metadata: Metadata
    api_version: str = ""
    value: int = 0


class Wrong(msgspec.Struct, frozen=True):
    metadata: Metadata
    value: str = ""


@pytest.fixture
def server() -> Server:
    server = Server(random.Random(3))
    for index, name in enumerate("abc"):
        server.put(name, index)
    return server


def registry(server: Server, **options: Any) -> Informers:
    return Informers(server, VirtualClock(), random.Random(7), **options)


def test_readers_of_the_same_share_one_watch(server: Server) -> None:
    async def main() -> None:
        informers = registry(server)
        one = informers.informer(THINGS, Thing)
        other = informers.informer(THINGS, Labelled)
        meta = informers.informer(THINGS, PartialMetadata, namespace="ns")
        async with anyio.create_task_group() as tasks:
            await tasks.start(informers.run)
            await informers.wait_synced(5)
            assert one.store is other.store  # type: ignore[comparison-overlap]
            assert [obj.value for obj in one.store.values()] == [0, 1, 2]
            assert {obj.api_version for obj in other.store.values()} == {"example.com/v1"}
            assert len(meta.store) == 3
            assert informers.synced
            assert set(informers.freshness()) == {"things.example.com", "things.example.com[ns]"}
            await anyio.sleep(1)
            assert len(server.streams) == 2
            tasks.cancel_scope.cancel()

    run_virtual(main)


def test_contradictions_are_errors_at_declaration(server: Server) -> None:
    informers = registry(server)
    informers.informer(THINGS, Thing)
    with pytest.raises(ProjectionError, match="Thing and Wrong declare value differently"):
        informers.informer(THINGS, Wrong)
    assert informers.informer(THINGS, Labelled) is not None
    with pytest.raises(ProjectionError, match=r"wants value of things\.example\.com"):
        informers.informer(THINGS, Thing, metadata_only=True)
    with pytest.raises(ProjectionError, match="NoMetadata must have metadata: Metadata"):
        informers.informer(THINGS, NoMetadata)  # type: ignore[type-var]


class NoMetadata(msgspec.Struct, frozen=True):
    value: int = 0


def test_a_late_handler_gets_what_is_present_then_what_comes(server: Server) -> None:
    async def main() -> None:
        async with running(server) as (_, informer, early):
            await informer.wait_synced(5)
            late = Recorder()
            informer.add_handler(late)
            assert late.kinds() == ["+a", "+b", "+c"]
            server.put("a", 5)
            server.delete("b")
            await anyio.sleep(0.1)
            assert late.kinds() == ["+a", "+b", "+c", "~a", "-b"]
            assert early.replay == late.replay

    run_virtual(main)


def test_a_handler_that_raises_stops_nobody(server: Server) -> None:
    async def main() -> list[Any]:
        def bad(old: Any, new: Any) -> None:
            raise RuntimeError("oops")

        with capture_logs() as logs:
            async with running(server) as (_, informer, _first):
                informer.add_handler(bad)
                last = Recorder()
                informer.add_handler(last)
                await informer.wait_synced(5)
                server.put("a", 5)
                await anyio.sleep(0.1)
                assert last.kinds() == ["+a", "+b", "+c", "~a"]
        return list(logs)

    logs = run_virtual(main)
    assert {entry["event"] for entry in logs} == {"informer.handler_failed"}
    assert "bad" in logs[0]["handler"]


def test_a_handler_that_is_added_by_a_handler_is_told_nothing_twice(server: Server) -> None:
    async def main() -> None:
        async with running(server) as (_, informer, _first):
            late = Recorder()

            def adds(old: Any, new: Any) -> None:
                if new is not None and new.metadata.name == "b":
                    informer.add_handler(late)

            informer.add_handler(adds)
            await informer.wait_synced(5)
            assert late.kinds() == ["+a", "+b", "+c"]

    run_virtual(main)


def test_a_reader_that_comes_late_and_wants_more_makes_the_watch_list_again(
    server: Server,
) -> None:
    async def main() -> None:
        async with running(server) as (informers, early, recorder):
            await early.wait_synced(5)
            await anyio.sleep(1)
            late = informers.informer(THINGS, Labelled)
            told = Recorder()
            late.add_handler(told)
            assert early.synced
            assert not late.synced
            assert told.calls == []
            await late.wait_synced(0.1)
            assert {obj.api_version for obj in late.store.values()} == {"example.com/v1"}
            assert told.kinds() == ["+a", "+b", "+c"]
            assert recorder.kinds() == ["+a", "+b", "+c", "~a", "~b", "~c"]
            again = informers.informer(THINGS, Thing)
            assert again.synced
            server.put("a", 5)
            await anyio.sleep(0.1)
            assert told.kinds()[3:] == ["~a"]
            assert len(server.streams) == 1

    run_virtual(main)


def test_more_is_wanted_in_the_middle_of_a_list(server: Server) -> None:
    async def main() -> None:
        async with running(server) as (informers, early, _recorder):
            for _ in range(3):
                await anyio.lowlevel.checkpoint()
            assert not early.synced
            late = informers.informer(THINGS, Labelled)
            await late.wait_synced(5)
            assert {obj.api_version for obj in late.store.values()} == {"example.com/v1"}
            assert early.synced

    run_virtual(main)


def test_a_resource_that_is_declared_while_running_starts_at_once(server: Server) -> None:
    async def main() -> None:
        async with running(server) as (informers, informer, _recorder):
            await informer.wait_synced(5)
            other = informers.informer(OTHERS, PartialMetadata, metadata_only=True)
            await other.wait_synced(5)
            assert len(other.store) == 3
            assert str(other) == "others.example.com[metadata]"

    run_virtual(main)


def test_an_optional_resource_that_is_absent_does_not_hold_up_the_start(server: Server) -> None:
    async def main() -> None:
        server.installed = False
        informers = registry(server)
        informer = informers.informer(THINGS, Thing, optional=True)
        told = Recorder()
        informer.add_handler(told)
        with capture_logs():
            async with anyio.create_task_group() as tasks:
                await tasks.start(informers.run)
                await informers.wait_synced(5)
                assert informer.absent
                await anyio.sleep(100)
                server.installed = True
                informers.retry_now(OTHERS)
                await anyio.sleep(0.1)
                assert informer.absent
                informers.retry_now(THINGS)
                await anyio.sleep(0.1)
                assert values(informer) == {"a": 0, "b": 1, "c": 2}
                assert told.kinds() == ["+a", "+b", "+c"]
                tasks.cancel_scope.cancel()

    run_virtual(main)


def test_waiting_names_what_is_missing(server: Server) -> None:
    async def main() -> None:
        server.installed = False
        with capture_logs():
            async with running(server) as (informers, informer, _recorder):
                with pytest.raises(TimeoutError) as one:
                    await informer.wait_synced(3)
                with pytest.raises(TimeoutError) as all_:
                    await informers.wait_synced(3)
        assert str(one.value) == "things.example.com is not in sync after 3 s (absent)"
        assert str(all_.value) == "not in sync after 3 s: things.example.com (absent)"

    run_virtual(main)


def test_running_twice_is_refused(server: Server) -> None:
    async def main() -> None:
        async with running(server) as (informers, _informer, _recorder):
            with pytest.raises(RuntimeError, match="running already"):
                await informers.run()

    run_virtual(main)


def test_our_own_writes_are_seen_at_once_and_told_once(server: Server) -> None:
    async def main() -> None:
        async with running(server) as (_, informer, recorder):
            await informer.wait_synced(5)
            recorder.clear()
            await anyio.sleep(1)
            server.deafen()
            made = server.put("new", 1)
            informer.observed(made)
            changed = server.put("a", 9)
            informer.observed(changed)
            gone = server.delete("b")
            assert gone is not None
            informer.observed_deleted(ObjectKey("ns", "b"), gone["metadata"]["uid"])
            assert values(informer) == {"a": 9, "c": 2, "new": 1}
            await anyio.sleep(5)
            assert values(informer) == {"a": 0, "b": 1, "c": 2}, "nothing confirmed them"
            await anyio.sleep(90)
            assert values(informer) == {"a": 9, "c": 2, "new": 1}
            assert recorder.kinds() == ["+new", "~a", "-b"]

    run_virtual(main)


def test_responses_that_are_not_ours_to_show(server: Server) -> None:
    async def main() -> list[Any]:
        informers = registry(server)
        informer = informers.informer(THINGS, Thing, namespace="ns")
        with capture_logs() as logs:
            async with anyio.create_task_group() as tasks:
                await tasks.start(informers.run)
                await informer.wait_synced(5)
                server.deafen()
                informer.observed(server.put("x", 1, namespace="elsewhere"))
                informer.observed(server.put("bad", "no number"))
                assert set(values(informer)) == set("abc")
                tasks.cancel_scope.cancel()
        return list(logs)

    assert [entry["event"] for entry in run_virtual(main)] == ["informer.undecodable"]


def test_whole_objects_have_kind_and_version(server: Server) -> None:
    async def main() -> None:
        informers = registry(server)
        informer = informers.informer(THINGS, WholeObject)
        async with anyio.create_task_group() as tasks:
            await tasks.start(informers.run)
            await informer.wait_synced(5)
            obj = informer.store.get(ObjectKey("ns", "a"))
            assert obj is not None
            assert obj.document()["apiVersion"] == "example.com/v1"
            assert obj.document()["kind"] == "Thing"
            tasks.cancel_scope.cancel()

    run_virtual(main)
