"""What follows from the end of a run."""

from __future__ import annotations

import itertools
import random
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from ome.errors import (
    Conflict,
    NotLeading,
    OmeError,
    RetryAfter,
    ServiceUnavailable,
    TerminalError,
)
from ome.kube.resource import ObjectKey
from ome.reconciler.controller import Controller, Origin, Result
from ome.telemetry.flights import FlightRecorder
from tests.support.spans import recording
from tests.support.virtual_time import VirtualClock, run_virtual

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


class Report:
    def __init__(self) -> None:
        self.results: list[str] = []
        self.terminal = 0
        self.panics = 0

    def started(self) -> None: ...
    def finished(self, result: str, seconds: float) -> None:
        self.results.append(result)

    def terminal_error(self) -> None:
        self.terminal += 1

    def panicked(self) -> None:
        self.panics += 1

    def added(self) -> None: ...
    def depth(self, size: int) -> None: ...
    def waited(self, seconds: float) -> None: ...
    def worked(self, seconds: float) -> None: ...
    def retried(self) -> None: ...


def play(
    behave: Callable[[int], Awaitable[Result | None]], seconds: float
) -> tuple[list[float], Report]:
    """The times of the runs of one key, and what was reported."""

    async def body() -> tuple[list[float], Report]:
        clock, report = VirtualClock(), Report()
        start = clock.monotonic()
        times: list[float] = []

        async def reconcile(_: str) -> Result | None:
            times.append(clock.monotonic() - start)
            return await behave(len(times))

        controller: Controller[str] = Controller(
            "test", reconcile, clock=clock, rng=random.Random(1), workers=2, timeout=10
        )
        controller.observe(report, report)
        controller.queue.add("key")
        with anyio.move_on_after(seconds):
            await controller.run()
        return times, report

    return run_virtual(body)


async def raising(error: BaseException) -> Result | None:
    raise error.with_traceback(None)  # else each run's would hold those of all before


@pytest.mark.parametrize(
    ("error", "result"),
    [
        (Conflict("stale"), "requeue"),
        (OmeError("server away"), "error"),
        (RuntimeError("a bug"), "error"),
    ],
)
def test_failures_run_again_with_back_off(error: Exception, result: str) -> None:
    times, report = play(lambda _: raising(error), 120)
    gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert len(times) > 10
    assert gaps[0] <= 0.005
    assert all(later > earlier for earlier, later in itertools.pairwise(gaps))
    assert max(gaps) <= 60
    assert set(report.results) == {result}
    assert report.panics == (len(times) if isinstance(error, RuntimeError) else 0)


def test_a_terminal_error_is_not_tried_again() -> None:
    times, report = play(lambda _: raising(TerminalError("never")), 600)
    assert len(times) == 1
    assert report.terminal == 1


def test_retry_after_keeps_its_delay_and_is_no_error() -> None:
    times, report = play(lambda _: raising(RetryAfter(7)), 29)
    assert [round(time) for time in times] == [0, 7, 14, 21, 28]
    assert set(report.results) == {"requeue_after"}


@pytest.mark.parametrize(("asked", "waits"), [(20.0, 20.0), (9000.0, 120.0)])
def test_a_server_that_asks_for_a_pause_is_given_it(asked: float, waits: float) -> None:
    """The request itself is not repeated: a write after a 503, or the pause is too long for it."""

    async def behave(number: int) -> Result | None:
        if number < 3:
            raise ServiceUnavailable("busy", retry_after=asked)
        return None

    times, report = play(behave, 300)
    assert times == pytest.approx([0, waits, 2 * waits])
    assert report.results == ["error", "error", "success"]


def test_a_result_comes_back_when_it_asked_to() -> None:
    async def behave(_: int) -> Result | None:
        return Result(requeue_after=10)

    times, _ = play(behave, 35)
    assert [round(time) for time in times] == [0, 10, 20, 30]


def test_a_run_without_end_times_out_and_runs_again() -> None:
    async def behave(number: int) -> Result | None:
        if number == 1:
            await anyio.sleep_forever()
        return None

    times, report = play(behave, 60)
    assert round(times[1]) == 10
    assert report.results == ["error", "success"]


def test_success_ends_the_back_off() -> None:
    async def behave(number: int) -> Result | None:
        if number in (1, 2, 3, 5):
            raise OmeError("once more")
        return Result(requeue_after=100) if number == 4 else None

    times, _ = play(behave, 500)
    assert len(times) == 6
    assert times[5] - times[4] <= 0.005


def test_one_key_that_panics_does_not_stop_the_others() -> None:
    async def body() -> list[str]:
        done: list[str] = []

        async def reconcile(key: str) -> None:
            if key == "bad":
                raise RuntimeError("a bug")
            done.append(key)

        controller: Controller[str] = Controller(
            "test", reconcile, clock=VirtualClock(), rng=random.Random(1), workers=1
        )
        for key in ("bad", "one", "two"):
            controller.queue.add(key)
        with anyio.move_on_after(5):
            await controller.run()
        return done

    assert run_virtual(body) == ["one", "two"]


def test_a_run_that_was_cut_off_runs_again_when_the_controller_does() -> None:
    async def main() -> None:
        clock = VirtualClock()
        runs: list[str] = []

        async def reconcile(key: str) -> None:
            runs.append(key)
            await clock.sleep(5 if len(runs) == 1 else 0)

        controller: Controller[str] = Controller(
            "test", reconcile, clock=clock, rng=random.Random(1), workers=1
        )
        controller.queue.add("a")
        with anyio.move_on_after(1):
            await controller.run()
        assert controller.queue.processing == frozenset()
        with anyio.move_on_after(1):
            await controller.run()
        assert runs == ["a", "a"]

    run_virtual(main)


def test_a_write_that_was_not_sent_is_no_error() -> None:
    async def behave(run: int) -> None:
        if run == 1:
            raise NotLeading("not sent")

    times, report = play(behave, 10)
    assert len(times) == 2
    assert report.results == ["requeue", "success"]


TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


def test_a_run_belongs_to_the_trace_of_the_change_that_it_acts_on() -> None:
    """The first one; later ones have traces of their own that point there."""
    key = ObjectKey("demo", "chat")
    origins = [Origin(f"00-{TRACE}-{SPAN}-01", open=True), Origin(f"00-{TRACE}-{SPAN}-01", False)]

    async def body() -> None:
        async def reconcile(_: ObjectKey) -> Result | None:
            await clock.sleep(1)
            return None if not origins else Result(10)

        clock = VirtualClock()
        controller = Controller(
            "test",
            reconcile,
            clock=clock,
            rng=random.Random(1),
            workers=1,
            origin=lambda _: origins.pop(0) if origins else None,
        )
        controller.queue.add(ObjectKey("demo", "other"))
        controller.queue.add(key)
        origins.insert(0, Origin("", open=True))
        with anyio.move_on_after(20):
            await controller.run()

    with recording() as spans:
        run_virtual(body)
    runs = [item for item in spans() if item.name == "reconcile test"]
    waits = {item.parent_id: item for item in spans() if item.name == "queue test"}
    other, first, later = runs[:3]
    assert (other.parent_id, other.links) == ("", [])
    assert (first.trace_id, first.parent_id, first.links) == (TRACE, SPAN, [])
    assert later.trace_id != TRACE
    assert (later.parent_id, later.links) == ("", [(TRACE, SPAN)])
    assert first.attributes["k8s.namespace.name"] == "demo"
    assert first.attributes["k8s.object.name"] == "chat"
    assert first.attributes["reconcile.result"] == "requeue_after"
    # It was ready from the beginning, and waited for the other one's second.
    wait = waits[first.span_id]
    assert wait.trace_id == TRACE
    assert wait.end - wait.start == 1_000_000_000
    assert wait.start == first.start


def test_the_flight_recorder_has_what_became_of_a_key() -> None:
    async def body() -> list[dict[str, Any]]:
        clock, report = VirtualClock(), Report()
        recorder = FlightRecorder(clock.wall)
        outcomes: list[Exception | None] = [OmeError("server away"), TerminalError("no"), None]

        async def reconcile(_: str) -> Result | None:
            outcome = outcomes.pop(0)
            if outcome is not None:
                raise outcome
            return None

        controller: Controller[str] = Controller(
            "test", reconcile, clock=clock, rng=random.Random(1), workers=1
        )
        controller.observe(report, report, recorder)
        for _ in range(2):
            controller.queue.add("key")
            with anyio.move_on_after(5):
                await controller.run()
        return recorder.of("test", "key")

    away, terminal, done = run_virtual(body)
    assert away["decided"] == ["failed, will try again: server away"]
    assert terminal["decided"] == ["gave up: no"]
    assert [item["result"] for item in (away, terminal, done)] == ["error", "error", "success"]
