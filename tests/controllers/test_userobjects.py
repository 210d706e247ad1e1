"""Our writes into users' objects: what becomes of the finalizers, and what the store then shows."""

from __future__ import annotations

import random
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import anyio
import msgspec
import pytest

from ome.controllers.resources import ACCELERATOR_CLASSES
from ome.controllers.userobjects import UserObjects
from ome.errors import Conflict
from ome.informers.projection import WholeObject
from ome.informers.registry import Informers
from ome.kube import Applier, Client
from ome.kube.resource import ObjectKey
from tests.support.fake_cluster import FakeCluster
from tests.support.virtual_time import VirtualClock, run_virtual

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from ome.informers.informer import Informer

KEY = ObjectKey("", "h100")
OURS = "test/ours"


@asynccontextmanager
async def writing(
    *finalizers: str,
) -> AsyncIterator[tuple[FakeCluster, UserObjects, Informer[WholeObject]]]:
    clock, rng = VirtualClock(), random.Random(1)
    cluster = FakeCluster(ACCELERATOR_CLASSES, clock=clock)
    cluster.put(
        {
            "apiVersion": "ome.io/v1beta1",
            "kind": "AcceleratorClass",
            "metadata": {"name": "h100", "finalizers": list(finalizers)},
        }
    )
    client = Client(cluster, clock=clock, rng=rng)
    informers = Informers(client, clock, rng)
    objects = informers.informer(ACCELERATOR_CLASSES, WholeObject)
    async with anyio.create_task_group() as group:
        await group.start(informers.run)
        await informers.wait_synced()
        yield cluster, UserObjects(Applier(client), objects, OURS), objects
        group.cancel_scope.cancel()


def stored(objects: Informer[WholeObject]) -> dict[str, Any]:
    found = objects.store.get(KEY)
    assert found is not None
    return found.document()


@pytest.mark.parametrize("held", [(), ("theirs",), (OURS,), (OURS, "theirs")])
def test_held_once_and_released_alone(held: tuple[str, ...]) -> None:
    async def main() -> None:
        async with writing(*held) as (cluster, writes, objects):
            document = await writes.hold(stored(objects))
            assert document["metadata"]["finalizers"] == [*held, *([] if OURS in held else [OURS])]
            assert stored(objects)["metadata"]["finalizers"] == document["metadata"]["finalizers"]
            assert len(cluster.writes) == (0 if OURS in held else 1)

            released = await writes.release(document)
            kept = [name for name in held if name != OURS]
            assert (released["metadata"].get("finalizers") or []) == kept
            count = len(cluster.writes)
            assert await writes.release(released) == released
            assert len(cluster.writes) == count

    run_virtual(main)


def test_the_last_finalizer_takes_a_deleted_object_out_of_the_store() -> None:
    async def main() -> None:
        async with writing(OURS) as (cluster, writes, objects):
            cluster.remove(ACCELERATOR_CLASSES, KEY)
            await anyio.sleep(1)
            leaving = stored(objects)
            await writes.release(leaving)
            assert objects.store.get(KEY) is None

    run_virtual(main)


def test_an_object_that_is_gone_is_gone_from_the_store() -> None:
    async def main() -> None:
        async with writing(OURS, "theirs") as (cluster, writes, objects):
            seen = stored(objects)
            cluster.put({**seen, "metadata": {**seen["metadata"], "finalizers": []}})
            cluster.remove(ACCELERATOR_CLASSES, KEY)
            await writes.release(seen)
            assert objects.store.get(KEY) is None

    run_virtual(main)


def test_what_changed_since_is_a_conflict_and_stays() -> None:
    async def main() -> None:
        async with writing() as (cluster, writes, objects):
            seen = stored(objects)
            cluster.put({**seen, "metadata": {**seen["metadata"], "labels": {"a": "b"}}})
            with pytest.raises(Conflict):
                await writes.write_status(seen, {"availableNodes": 1})
            live = cluster.object(ACCELERATOR_CLASSES, KEY)
            assert live is not None
            assert "status" not in live

    run_virtual(main)


def test_a_status_is_shown_at_once_as_the_watch_will_show_it() -> None:
    async def main() -> None:
        async with writing(OURS) as (cluster, writes, objects):
            cluster.delay = 0.1  # the watch comes after the answer
            status = {"conditions": [], "nodes": ["a", "b"]}
            written = await writes.write_status(stored(objects), status)
            del written["metadata"]["managedFields"]  # the store has none
            assert stored(objects) == written
            assert written["status"] == status
            await anyio.sleep(1)
            assert stored(objects) == written

    run_virtual(main)


def test_only_the_echo_of_the_last_status_is_no_change_by_others() -> None:
    async def main() -> None:
        async with writing() as (cluster, writes, objects):
            told: list[bool] = []
            objects.add_handler(lambda old, new: told.append(writes.changed_by_others(old, new)))
            assert told == [True]  # there from the start
            ours = {"availableNodes": 1}
            await writes.write_last_status(stored(objects), ours)
            await anyio.sleep(1)
            assert told == [True, False]

            theirs = cluster.object(ACCELERATOR_CLASSES, KEY)
            assert theirs is not None
            cluster.put({**theirs, "status": {"availableNodes": 2}})
            await anyio.sleep(1)
            cluster.put({**theirs, "status": ours})  # as ours was, but not our write
            await anyio.sleep(1)
            assert len(told) > 3
            assert all(told[2:])

    run_virtual(main)


@pytest.mark.parametrize("change", [{"labels": {"a": "b"}}, {"finalizers": ["theirs"]}])
def test_an_echo_with_somebody_elses_change_is_a_change(change: dict[str, Any]) -> None:
    async def main() -> None:
        async with writing() as (_, writes, objects):
            old = objects.store.get(KEY)
            assert old is not None
            document = await writes.write_last_status(stored(objects), {"availableNodes": 1})
            document["metadata"] |= change
            new = msgspec.json.decode(msgspec.json.encode(document), type=WholeObject)
            assert writes.changed_by_others(old, new)

    run_virtual(main)


def test_a_status_that_the_server_refused_has_no_echo() -> None:
    async def main() -> None:
        async with writing() as (cluster, writes, objects):
            seen = stored(objects)
            cluster.put({**seen, "metadata": {**seen["metadata"], "labels": {"a": "b"}}})
            with pytest.raises(Conflict):
                await writes.write_last_status(seen, {"availableNodes": 1})
            await anyio.sleep(1)
            told: list[bool] = []
            objects.add_handler(lambda old, new: told.append(writes.changed_by_others(old, new)))
            cluster.put({**seen, "status": {"availableNodes": 1}})
            await anyio.sleep(1)
            assert len(told) > 1
            assert all(told)

    run_virtual(main)
