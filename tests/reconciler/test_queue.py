"""The queue against a plain model, and the promises that a model cannot show."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import anyio
import anyio.lowlevel
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ome.reconciler.queue import HIGH, LOW, QueueShutDown, WorkQueue
from ome.reconciler.ratelimiter import RateLimiter
from tests.support.tiers import examples
from tests.support.virtual_time import VirtualClock, run_virtual

if TYPE_CHECKING:
    from anyio.abc import TaskGroup

KEYS = ["a", "b", "c"]

actions = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.sampled_from(KEYS), st.sampled_from([HIGH, LOW])),
        st.tuples(st.just("after"), st.sampled_from(KEYS), st.floats(0.1, 30)),
        st.tuples(st.just("retry"), st.sampled_from(KEYS), st.just(0)),
        st.tuples(st.just("forget"), st.sampled_from(KEYS), st.just(0)),
        st.tuples(st.just("get"), st.just(""), st.just(0)),
        st.tuples(st.just("done"), st.sampled_from(KEYS), st.just(0)),
        st.tuples(st.just("sleep"), st.just(""), st.floats(0.1, 40)),
    ),
    max_size=40,
)


class Model:
    """What a queue of sets and a list of delays would do."""

    def __init__(self) -> None:
        self.ready: set[str] = set()
        self.processing: set[str] = set()
        self.dirty: set[str] = set()
        self.due: dict[str, float] = {}

    def add(self, key: str) -> None:
        (self.dirty if key in self.processing else self.ready).add(key)

    def later(self, key: str, due: float) -> None:
        self.due[key] = min(due, self.due.get(key, due))

    def tick(self, now: float) -> None:
        for key in [key for key, due in self.due.items() if due <= now]:
            del self.due[key]
            self.add(key)

    def done(self, key: str) -> None:
        if key in self.processing:
            self.processing.discard(key)
            if key in self.dirty:
                self.dirty.discard(key)
                self.ready.add(key)


@settings(max_examples=examples(300), deadline=None)
@given(actions)
def test_queue_equals_the_model(history: list[tuple[str, str, float]]) -> None:
    async def body() -> None:
        clock, rng = VirtualClock(), random.Random(1)
        limiter: RateLimiter[str] = RateLimiter(random.Random(2))
        shadow: RateLimiter[str] = RateLimiter(random.Random(2))
        queue: WorkQueue[str] = WorkQueue(clock, rng, limiter)
        model = Model()
        for action, key, value in history:
            if action == "add":
                queue.add(key, int(value))
                model.add(key)
            elif action == "after":
                queue.add_after(key, value)
                model.later(key, clock.monotonic() + value)
            elif action == "retry":
                queue.add_rate_limited(key)
                model.later(key, clock.monotonic() + shadow.next_delay(key))
            elif action == "forget":
                queue.forget(key)
                shadow.forget(key)
            elif action == "done":
                queue.done(key)
                model.done(key)
            elif action == "sleep":
                await clock.sleep(value)
            model.tick(clock.monotonic())
            if action == "get" and model.ready:
                taken = await queue.get()
                assert taken in model.ready
                model.ready.discard(taken)
                model.processing.add(taken)
            assert queue.processing == model.processing
        # In the end everything that was asked for comes out, each key once.
        for key in sorted(model.processing):
            queue.done(key)
            model.done(key)
        await clock.sleep(100)
        model.tick(clock.monotonic())
        drained = set()
        with anyio.move_on_after(1):
            while True:
                drained.add(await queue.get())
        assert drained == model.ready

    run_virtual(body)


def test_one_key_never_runs_twice_at_once_and_no_change_is_lost() -> None:
    async def body() -> None:
        clock = VirtualClock()
        queue: WorkQueue[str] = WorkQueue(clock, random.Random(1))
        state = {"version": 0, "seen": 0, "running": 0}

        async def worker() -> None:
            while True:
                key = await queue.get()
                state["running"] += 1
                assert state["running"] == 1
                seen = state["version"]
                await clock.sleep(0.3)
                state["seen"] = seen
                state["running"] -= 1
                queue.done(key)

        async with anyio.create_task_group() as group:
            for _ in range(4):
                group.start_soon(worker)
            for version in range(1, 50):
                state["version"] = version
                queue.add("key")
                await clock.sleep(0.07)
            await clock.sleep(2)
            assert state["seen"] == 49
            group.cancel_scope.cancel()

    run_virtual(body)


def test_an_edit_overtakes_a_relist_but_does_not_starve_it() -> None:
    async def body() -> list[str]:
        clock = VirtualClock()
        queue: WorkQueue[str] = WorkQueue(clock, random.Random(1))
        for number in range(5):
            queue.add(f"relist-{number}", LOW)
        queue.add("edit", HIGH)
        order = [await queue.get()]
        # Edits that never end: what waited longer than the priorities differ goes first.
        for number in range(200):
            queue.add(f"more-{number}", HIGH)
            await clock.sleep(0.1)
            order.append(await queue.get())
        return order

    order = run_virtual(body)
    assert order[0] == "edit"
    assert {f"relist-{number}" for number in range(5)} <= set(order)


def test_what_gathered_before_workers_came_is_no_older_than_an_edit() -> None:
    """A follower's queue is days old when it comes to lead."""

    async def body() -> tuple[list[str], list[float]]:
        clock = VirtualClock()
        queue: WorkQueue[str] = WorkQueue(clock, random.Random(1))
        for key in ("one", "two"):
            queue.add(key, LOW)
            await anyio.sleep(3600)
        queue.begin()
        await anyio.sleep(1)
        queue.add("edit", HIGH)
        taken = [await queue.get() for _ in range(3)]
        return taken, [queue.waited(key) for key in taken]

    assert run_virtual(body) == (["edit", "one", "two"], [0, 1, 1])


def test_adding_again_raises_the_priority() -> None:
    async def body() -> list[str]:
        queue: WorkQueue[str] = WorkQueue(VirtualClock(), random.Random(1))
        queue.add("first", LOW)
        queue.add("second", LOW)
        queue.add("second", HIGH)
        return [await queue.get(), await queue.get()]

    assert run_virtual(body) == ["second", "first"]


def test_debounce_runs_at_once_and_then_once_each_interval() -> None:
    async def body() -> list[float]:
        clock = VirtualClock()
        queue: WorkQueue[str] = WorkQueue(clock, random.Random(1))
        start, runs = clock.monotonic(), []

        async def worker() -> None:
            while True:
                queue.done(await queue.get())
                runs.append(round(clock.monotonic() - start, 1))

        async with anyio.create_task_group() as group:
            group.start_soon(worker)
            for _ in range(35):
                queue.add_debounced("key", 1.0)
                await clock.sleep(0.1)
            await clock.sleep(5)
            group.cancel_scope.cancel()
        return runs

    assert run_virtual(body) == [0.0, 1.0, 2.0, 3.0, 4.0]


def test_shut_down_ends_waiting_workers_and_keeps_running_ones() -> None:
    async def body() -> None:
        queue: WorkQueue[str] = WorkQueue(VirtualClock(), random.Random(1))
        queue.add("running")
        key = await queue.get()
        queue.add("waiting")
        queue.shut_down()
        with pytest.raises(QueueShutDown):
            await queue.get()
        queue.add("late")
        assert len(queue) == 0
        queue.done(key)
        assert queue.processing == frozenset()

    run_virtual(body)


def test_an_earlier_delay_wins() -> None:
    async def body() -> float:
        clock = VirtualClock()
        queue: WorkQueue[str] = WorkQueue(clock, random.Random(1))
        start = clock.monotonic()
        queue.add_after("key", 30)
        queue.add_after("key", 5)
        queue.add_after("key", 60)
        await queue.get()
        return clock.monotonic() - start

    assert run_virtual(body) == pytest.approx(5)


@given(st.integers(0, 200), st.integers(0, 2**32))
def test_back_off_doubles_within_its_bounds(failures: int, seed: int) -> None:
    limiter: RateLimiter[str] = RateLimiter(random.Random(seed))
    delay = 0.0
    for _ in range(failures + 1):
        delay = limiter.next_delay("key")
    nominal = min(0.005 * 2.0**failures, 60.0)
    assert nominal * 0.75 <= delay <= nominal
    limiter.forget("key")
    assert limiter.next_delay("key") <= 0.005


class CountingQueue(WorkQueue[str]):
    """Counts how often a worker is woken."""

    wakes = 0

    async def _wait(self) -> None:
        await super()._wait()
        self.wakes += 1


async def _workers(queue: WorkQueue[str], group: TaskGroup, taken: list[str]) -> None:
    async def work() -> None:
        while True:
            key = await queue.get()
            taken.append(key)
            await anyio.lowlevel.checkpoint()
            queue.done(key)

    for _ in range(4):
        group.start_soon(work)
    await anyio.sleep(1.0)


def test_a_key_wakes_one_idle_worker_also_while_others_are_delayed() -> None:
    async def body() -> int:
        queue = CountingQueue(VirtualClock(), random.Random(1))
        taken: list[str] = []
        async with anyio.create_task_group() as group:
            await _workers(queue, group, taken)
            queue.add_after("later", 1_000.0)
            for number in range(50):
                queue.add(f"key-{number}")
                await anyio.sleep(1.0)
            group.cancel_scope.cancel()
        assert len(taken) == 50
        return queue.wakes

    # One for each key, and few for who minds the timer.
    assert run_virtual(body) <= 60


def test_delays_are_kept_whoever_minded_the_timer() -> None:
    async def body() -> list[float]:
        queue: WorkQueue[str] = WorkQueue(VirtualClock(), random.Random(1))
        runs: list[float] = []
        began = anyio.current_time()

        async def work(seconds: float) -> None:
            while True:
                key = await queue.get()
                runs.append(round(anyio.current_time() - began, 1))
                await anyio.sleep(seconds)
                queue.done(key)

        async with anyio.create_task_group() as group:
            for _ in range(3):
                group.start_soon(work, 50.0)
            await anyio.sleep(0.1)
            for second in (10, 5, 20):
                queue.add_after(f"in-{second}", second - 0.1)
            await anyio.sleep(100.0)
            group.cancel_scope.cancel()
        return runs

    assert run_virtual(body) == [5.0, 10.0, 20.0]


@pytest.mark.parametrize("cancelled", range(3))
@pytest.mark.parametrize("woken", [False, True])
def test_a_cancelled_worker_leaves_its_key_and_the_timer_to_another(
    cancelled: int, woken: bool
) -> None:
    async def body() -> list[str]:
        queue: WorkQueue[str] = WorkQueue(VirtualClock(), random.Random(1))
        taken: list[str] = []
        scopes = [anyio.CancelScope() for _ in range(3)]

        async def work(scope: anyio.CancelScope) -> None:
            with scope:
                while True:
                    key = await queue.get()
                    taken.append(key)
                    queue.done(key)

        async with anyio.create_task_group() as group:
            for scope in scopes:
                group.start_soon(work, scope)
            queue.add_after("later", 5.0)
            await anyio.sleep(1.0)
            if woken:  # all three are, and one of them is cancelled before it runs
                for name in ("a", "b", "c"):
                    queue.add(name)
            scopes[cancelled].cancel()
            await anyio.sleep(10.0)
            group.cancel_scope.cancel()
        return sorted(taken)

    expected = ["a", "b", "c", "later"] if woken else ["later"]
    assert run_virtual(body) == expected
