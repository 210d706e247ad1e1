from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import pytest

from ome.errors import Forbidden, TransportError
from ome.kube import Client, EventRecorder
from ome.kube.resources import EVENTS
from tests.support.fake_cluster import FakeCluster
from tests.support.virtual_time import VirtualClock, run_virtual

POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "namespace": "ns",
    "name": "p",
    "uid": "u",
    "resourceVersion": "7",
}

Body = Callable[[FakeCluster, EventRecorder], Awaitable[None]]


def run(body: Body, **options: Any) -> list[dict[str, Any]]:
    """Run the recorder beside ``body``, cancel it, and give the events that are stored."""
    cluster = FakeCluster(clock=VirtualClock())

    async def main() -> None:
        client = Client(cluster, clock=VirtualClock(), rng=random.Random(1))
        recorder = EventRecorder(client, "ome-test", VirtualClock(), instance="i", **options)
        async with anyio.create_task_group() as group:
            group.start_soon(recorder.run)
            await anyio.sleep(1)
            await body(cluster, recorder)
            group.cancel_scope.cancel()

    run_virtual(main)
    return cluster.objects(EVENTS)


def test_an_event_says_what_happened_to_what() -> None:
    async def body(cluster: FakeCluster, recorder: EventRecorder) -> None:
        recorder.record(POD, "Warning", "Failed", "it did", "Starting")

    (event,) = run(body)
    assert event["metadata"]["namespace"] == "ns"
    assert event["metadata"]["name"].startswith("p.")
    assert event["regarding"] == POD
    assert (event["type"], event["reason"], event["action"]) == ("Warning", "Failed", "Starting")
    assert event["note"] == "it did"
    assert (event["reportingController"], event["reportingInstance"]) == ("ome-test", "i")
    assert "series" not in event


def test_a_cluster_scoped_object_has_its_events_in_default() -> None:
    async def body(cluster: FakeCluster, recorder: EventRecorder) -> None:
        recorder.record({"apiVersion": "v1", "kind": "Node", "name": "n"}, "Normal", "R", "m")

    (event,) = run(body)
    assert event["metadata"]["namespace"] == "default"
    assert event["action"] == "R"


def test_long_texts_are_cut() -> None:
    async def body(cluster: FakeCluster, recorder: EventRecorder) -> None:
        recorder.record({**POD, "name": "p" * 253}, "Normal", "R", "m" * 3000)

    (event,) = run(body)
    assert len(event["note"]) == 1024
    assert len(event["metadata"]["name"]) == 253


def test_texts_are_cut_to_the_bytes_that_the_server_takes() -> None:
    async def body(cluster: FakeCluster, recorder: EventRecorder) -> None:
        recorder.record(POD, "Normal", "R", "模" * 400)
        recorder.record(POD, "Normal", "R", "é" * 512)

    long, short = (event["note"] for event in run(body))
    assert (long, short) == ("模" * 340 + "...", "é" * 512)


def test_a_name_is_not_cut_next_to_a_dot() -> None:
    async def body(cluster: FakeCluster, recorder: EventRecorder) -> None:
        recorder.record({**POD, "name": "p." * 126 + "p"}, "Normal", "R", "m")
        recorder.record({**POD, "name": "pp." * 84 + "p"}, "Normal", "R", "m")

    assert all(".." not in event["metadata"]["name"] for event in run(body))


def test_the_same_again_becomes_a_series_that_is_sent_at_most_once_a_minute() -> None:
    async def body(cluster: FakeCluster, recorder: EventRecorder) -> None:
        for _ in range(30):
            recorder.record(POD, "Normal", "R", "m")
            await anyio.sleep(1)
        assert [write.verb for write in cluster.writes] == ["create", "patch"]
        await anyio.sleep(120)
        assert [write.verb for write in cluster.writes] == ["create", "patch", "patch"]

    (event,) = run(body)
    assert event["series"]["count"] == 30


def test_after_ten_quiet_minutes_it_is_a_new_event() -> None:
    async def body(cluster: FakeCluster, recorder: EventRecorder) -> None:
        recorder.record(POD, "Normal", "R", "m")
        await anyio.sleep(601)
        recorder.record(POD, "Normal", "R", "m")
        await anyio.sleep(1)

    assert len(run(body)) == 2


def test_an_event_that_the_server_forgot_is_made_anew() -> None:
    async def body(cluster: FakeCluster, recorder: EventRecorder) -> None:
        recorder.record(POD, "Normal", "R", "m")
        await anyio.sleep(1)
        cluster.remove(EVENTS, _key(cluster.objects(EVENTS)[0]))
        recorder.record(POD, "Normal", "R", "m")
        await anyio.sleep(1)

    (event,) = run(body)
    assert event["series"]["count"] == 2


def _key(event: dict[str, Any]) -> Any:
    from ome.kube import ObjectKey

    return ObjectKey(event["metadata"]["namespace"], event["metadata"]["name"])


def test_recording_never_waits_and_drops_under_pressure() -> None:
    lost: list[None] = []

    async def body(cluster: FakeCluster, recorder: EventRecorder) -> None:
        cluster.delay = 1000
        for number in range(50):
            recorder.record({**POD, "name": f"p{number}"}, "Normal", "R", "m")
        assert recorder.dropped == 40

    assert run(body, capacity=10, dropped=lambda: lost.append(None)) == []
    assert len(lost) >= 40


def test_one_object_cannot_flood() -> None:
    async def body(cluster: FakeCluster, recorder: EventRecorder) -> None:
        for number in range(40):
            recorder.record(POD, "Normal", "R", f"m{number}")
        recorder.record({**POD, "name": "other"}, "Normal", "R", "m")
        assert recorder.dropped == 15
        await anyio.sleep(301)
        recorder.record(POD, "Normal", "R", "later")
        assert recorder.dropped == 15

    assert len(run(body)) == 27


@pytest.mark.parametrize("error", [Forbidden("terminating"), TransportError("cut")])
def test_a_refused_event_is_dropped_and_the_next_one_sent(error: Exception) -> None:
    async def body(cluster: FakeCluster, recorder: EventRecorder) -> None:
        cluster.fail("create", EVENTS, error)
        recorder.record(POD, "Normal", "R", "one")
        recorder.record(POD, "Normal", "R", "two")
        await anyio.sleep(1)
        assert recorder.dropped == 1

    assert [event["note"] for event in run(body)] == ["two"]


def test_an_event_that_is_on_its_way_at_the_end_arrives_once() -> None:
    seen: list[FakeCluster] = []

    async def body(cluster: FakeCluster, recorder: EventRecorder) -> None:
        seen.append(cluster)
        cluster.delay = 1
        recorder.record(POD, "Normal", "R", "m")
        await anyio.sleep(0.5)

    assert len(run(body)) == 1
    assert len(seen[0].requests) == 1


def test_what_waits_at_the_end_is_sent_but_not_waited_for_long() -> None:
    async def quick(cluster: FakeCluster, recorder: EventRecorder) -> None:
        recorder.record(POD, "Normal", "R", "m")

    async def slow(cluster: FakeCluster, recorder: EventRecorder) -> None:
        cluster.delay = 1000
        recorder.record(POD, "Normal", "R", "m")

    assert len(run(quick)) == 1
    assert run(slow) == []
