"""Start, waiting, stop: what the manager does around its controllers."""

from __future__ import annotations

import random
import socket
import time
from typing import TYPE_CHECKING, cast

import aiohttp
import anyio

from ome.clock import SystemClock
from ome.errors import NotFound, TransportError, Unauthorized
from ome.reconciler.controller import Controller
from ome.reconciler.manager import Listen, Manager
from ome.telemetry.metrics import Metrics

if TYPE_CHECKING:
    from anyio.abc import TaskStatus

    from ome.informers.registry import Informers


class Caches:
    """Informers that are in sync when told."""

    def __init__(self) -> None:
        self.synced = anyio.Event()
        self.stuck: list[str] = []
        self.ended = False

    async def run(self, *, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED) -> None:
        task_status.started()
        try:
            await anyio.sleep_forever()
        finally:
            self.ended = True

    async def wait_synced(self, deadline: float) -> None:
        await self.synced.wait()

    def ok(self) -> list[str]:
        return self.stuck


def free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port: int = held.getsockname()[1]
        return port


class Stage:
    """A manager with one controller, seen from outside."""

    def __init__(self, *problems: Exception) -> None:
        self.problems = list(problems)
        self.metrics = Metrics()
        self.caches = Caches()
        self.port = free_port()
        self.runs: list[str] = []
        self.running = anyio.Event()
        self.finish = anyio.Event()
        clock = SystemClock()
        self.controller: Controller[str] = Controller(
            "test", self._reconcile, clock=clock, rng=random.Random(1), workers=1
        )
        self.manager = Manager(
            clock=clock,
            metrics=self.metrics,
            informers=cast("Informers", self.caches),
            listen=Listen(("127.0.0.1", self.port), None),
            reach=self._reach,
            controllers=[self.controller],
            grace=3,
        )

    async def _reach(self) -> None:
        if self.problems:
            raise self.problems.pop(0)

    async def _reconcile(self, key: str) -> None:
        self.runs.append(key)
        self.running.set()
        await self.finish.wait()
        self.runs.append(f"{key} done")

    async def probe(self, path: str) -> tuple[int, str]:
        url = f"http://127.0.0.1:{self.port}{path}"
        async with aiohttp.ClientSession() as session, session.get(url) as response:
            return response.status, await response.text()

    async def until(self, path: str, status: int, text: str = "") -> None:
        with anyio.fail_after(15):
            while True:
                try:
                    found = await self.probe(path)
                except aiohttp.ClientError:
                    found = (0, "")
                if found[0] == status and text in found[1]:
                    return
                await anyio.sleep(0.05)


async def test_it_waits_for_the_server_and_says_why_until_it_is_there() -> None:
    stage = Stage(
        NotFound("CustomResourceDefinition inferenceservices.ome.io is not installed"),
        Unauthorized("Unauthorized"),
        TransportError("127.0.0.1:1: connection refused"),
    )
    async with anyio.create_task_group() as group:
        group.start_soon(stage.manager.run)
        await stage.until("/readyz", 500, "install the CRDs (ome crds | kubectl apply")
        await stage.until("/readyz", 500, "renew the token")
        await stage.until("/readyz", 500, "connection refused")
        await stage.until("/readyz", 500, "caches are not in sync yet")
        assert (await stage.probe("/healthz"))[0] == 200
        stage.caches.synced.set()
        await stage.until("/readyz", 200)
        stage.manager.stop()


async def test_a_stop_lets_a_run_finish_and_hands_out_nothing_more() -> None:
    stage = Stage()
    stage.caches.synced.set()
    stage.controller.queue.add("one")
    stage.controller.queue.add("two")
    async with anyio.create_task_group() as group:
        group.start_soon(stage.manager.run)
        with anyio.fail_after(5):
            await stage.running.wait()
        stage.manager.stop()
        await anyio.sleep(0.2)
        stage.finish.set()
    assert stage.runs == ["one", "one done"]
    assert stage.caches.ended


async def test_a_run_that_does_not_finish_ends_with_the_grace_period() -> None:
    stage = Stage()
    stage.caches.synced.set()
    stage.controller.queue.add("one")
    with anyio.fail_after(10):
        async with anyio.create_task_group() as group:
            group.start_soon(stage.manager.run)
            await stage.running.wait()
            stage.manager.stop()
    assert stage.runs == ["one"]


async def test_only_our_own_trouble_fails_liveness() -> None:
    stage = Stage()
    async with anyio.create_task_group() as group:
        group.start_soon(stage.manager.run)
        await stage.until("/healthz", 200)
        stage.caches.stuck = ["pods: no attempt for 300 s"]
        await stage.until("/healthz", 500, "pods: no attempt")
        stage.manager.stop()


async def test_a_loop_that_was_held_up_is_told() -> None:
    stage = Stage()

    def told(what: str) -> float:
        return stage.metrics.registry.get_sample_value(f"ome_loop_lag_seconds_{what}") or 0

    async with anyio.create_task_group() as group:
        group.start_soon(stage.manager.run)
        await stage.until("/healthz", 200)
        time.sleep(1.5)  # noqa: ASYNC251  # what the metric is there for
        with anyio.fail_after(15):
            while not told("count"):  # noqa: ASYNC110  # a metric has no event
                await anyio.sleep(0.02)
        assert told("sum") > 0.3
        stage.manager.stop()
