"""Two managers of one Lease: what the first had under way arrives before the second may write."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, cast

import anyio
import pytest
from anyio.lowlevel import checkpoint

from ome.reconciler.controller import Controller
from ome.reconciler.manager import Listen, Manager
from ome.telemetry.metrics import Metrics
from tests.reconciler.candidates import Candidate, authors, prepare
from tests.reconciler.test_manager import Caches
from tests.support.fake_cluster import FakeCluster
from tests.support.virtual_time import VirtualClock, run_virtual

if TYPE_CHECKING:
    from ome.informers.registry import Informers

GRACE = 6.0


def managed(candidate: Candidate, slow: float = 0.0) -> tuple[Manager, Controller[str]]:
    """A manager whose only run writes into the notebook, twice; each arrives so late."""

    async def reconcile(_: str) -> None:
        candidate.line.there = slow
        try:
            await candidate.write()
            await candidate.write()
        finally:
            candidate.line.there = 0.0

    caches = Caches()
    caches.synced.set()
    clock = candidate.clock
    rng = random.Random(candidate.name)
    controller = Controller("notebook", reconcile, clock=clock, rng=rng)
    manager = Manager(
        clock=clock,
        metrics=Metrics(),
        informers=cast("Informers", caches),
        listen=Listen(None, None),
        reach=checkpoint,
        controllers=[controller],
        leadership=candidate.election,
        grace=GRACE,
    )
    return manager, controller


@pytest.mark.parametrize(
    ("slow", "story", "most"),
    [
        (0.0, ["a", "a", "nobody holds the Lease", "b holds the Lease"], 1.0),
        # The run ends within the grace period.
        (2.0, ["a", "a", "nobody holds the Lease", "b holds the Lease"], 4.5),
        # It does not, so the Lease runs out.
        (4.0, ["a", "a", "b holds the Lease"], 6.0 + 17.0),
    ],
)
def test_a_lease_is_given_back_when_the_runs_have_ended(
    slow: float, story: list[str], most: float
) -> None:
    async def main() -> None:
        cluster = FakeCluster(clock=VirtualClock(), delay=0.005)
        prepare(cluster)
        a, b = Candidate(cluster, "a"), Candidate(cluster, "b")
        async with anyio.create_task_group() as group:
            a.line.carriers = b.line.carriers = group
            first, controller = managed(a, slow)
            second, _ = managed(b)
            group.start_soon(first.run)
            await anyio.sleep(1)
            group.start_soon(second.run)
            await anyio.sleep(4)
            controller.queue.add("key")
            await anyio.sleep(0.001)
            began = anyio.current_time()
            first.stop()
            while not b.leads:  # noqa: ASYNC110 - waiting costs nothing in virtual time
                await anyio.sleep(0.01)
            assert anyio.current_time() - began < most
            second.stop()
        assert authors(cluster)[1 : len(story) + 1] == story

    run_virtual(main)
