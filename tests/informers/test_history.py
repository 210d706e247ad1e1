"""Whatever happens between server and reflector, the store ends up as the server is."""

from __future__ import annotations

import random
from typing import Any

import anyio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from ome.errors import Expired, ServiceUnavailable, TooManyRequests
from tests.informers.server import Server, broken
from tests.informers.support import Recorder, running
from tests.support.tiers import examples
from tests.support.virtual_time import run_virtual

NAMES = st.sampled_from("abcd")

HAPPENINGS = st.one_of(
    st.tuples(st.just("put"), NAMES, st.integers(0, 3)),
    st.tuples(st.just("put"), NAMES, st.integers(0, 3)),
    st.tuples(st.just("delete"), NAMES),
    st.tuples(st.just("recreate"), NAMES),
    st.tuples(st.just("unfit"), NAMES),
    st.tuples(st.just("wait"), st.sampled_from([0.0, 0.01, 1.0, 12.0, 100.0])),
    st.tuples(st.just("repeat")),
    st.tuples(st.just("bookmark")),
    st.tuples(st.just("compact")),
    st.tuples(st.just("end")),
    st.tuples(st.just("break")),
    st.tuples(st.just("expire")),
    st.tuples(st.just("garbage")),
    st.tuples(st.just("deafen")),
    st.tuples(st.just("fail"), st.sampled_from(["list", "watch"]), st.integers(0, 3)),
    st.tuples(st.just("uninstall")),
    st.tuples(st.just("install")),
)

ERRORS = (
    lambda: broken(),
    lambda: Expired("too old"),
    lambda: TooManyRequests("slow down", retry_after=3),
    lambda: ServiceUnavailable("starting"),
)


async def happen(server: Server, what: tuple[Any, ...]) -> None:
    match what:
        case ("put", name, value):
            server.put(name, value, parity="odd" if value % 2 else "even")
        case ("delete", name):
            server.delete(name)
        case ("recreate", name):
            server.delete(name)
            server.put(name, 9)
        case ("unfit", name):
            server.put(name, "not a number")
        case ("wait", seconds):
            await anyio.sleep(seconds)
        case ("compact",):
            server.compact()
        case ("end",):
            server.send(None)
        case ("break",):
            server.send(broken())
        case ("garbage",):
            server.send(b'{"type": "MOD\n')
        case ("fail", verb, index):
            server.fail(verb, ERRORS[index]())
        case ("uninstall",):
            server.installed = False
            server.send(None)
        case ("install",):
            server.installed = True
        case _:
            getattr(server, what[0])()


def expected(server: Server) -> dict[Any, tuple[str, str, int]]:
    return {
        key: (o["metadata"]["uid"], o["metadata"]["resourceVersion"], o["value"])
        for key, o in server.objects.items()
    }


def held(objects: dict[Any, Any]) -> dict[Any, tuple[str, str, int]]:
    return {
        key: (o.metadata.uid, o.metadata.resource_version, o.value) for key, o in objects.items()
    }


def parity(obj: Any) -> tuple[str, ...]:
    return tuple(filter(None, [obj.metadata.labels.get("parity", "")]))


def assert_never_back(recorder: Recorder) -> None:
    seen: dict[Any, int] = {}
    for old, new in recorder.calls:
        obj = new or old
        version = int(obj.metadata.resource_version)
        assert version >= seen.get(obj.metadata.key, 0)
        assert old is None or new is None or version > seen[obj.metadata.key]
        seen[obj.metadata.key] = version


@settings(
    max_examples=examples(600),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=True,
)
@given(
    happenings=st.lists(HAPPENINGS, min_size=3, max_size=60),
    before=st.lists(NAMES, max_size=4),
    seed=st.integers(0, 2**32),
    streaming=st.booleans(),
)
def test_the_store_ends_up_as_the_server_is(
    happenings: list[tuple[Any, ...]], before: list[str], seed: int, streaming: bool
) -> None:
    async def main() -> None:
        server = Server(random.Random(seed))
        for name in before:
            server.put(name)
        async with running(server, streaming_list=streaming) as (informers, informer, recorder):
            informer.store.add_index("parity", parity)
            for what in happenings:
                await happen(server, what)
            late = Recorder()
            informer.add_handler(late)
            # From here on the network is well, and objects fit.
            server.installed = True
            server.errors.clear()
            for key, obj in list(server.objects.items()):
                if isinstance(obj["value"], str):
                    server.put(key.name, 5)
            await anyio.sleep(400)
            assert informers.ok() == []
            assert informer.synced

            store = {obj.metadata.key: obj for obj in informer.store.values()}
            assert held(store) == expected(server)
            assert held(recorder.replay) == expected(server)
            assert held(late.replay) == expected(server)
            assert_never_back(recorder)
            for label in ("odd", "even"):
                assert {o.metadata.key for o in informer.store.by_index("parity", label)} == {
                    key for key, obj in store.items() if label in parity(obj)
                }
            assert len(informer.store.namespace("ns")) == len(store)

    with capture_logs():
        run_virtual(main)
