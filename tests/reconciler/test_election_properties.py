"""Whatever happens to three replicas and their ways to the server: never two that may write."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import anyio
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ome.kube.resources import LEASES
from tests.reconciler.candidates import KEY, Candidate, prepare
from tests.support.fake_cluster import FakeCluster
from tests.support.virtual_time import VirtualClock, run_virtual

if TYPE_CHECKING:
    from collections.abc import Sequence

FAULTS = ("freeze", "thaw", "cut", "heal", "late", "slow", "lose", "sleep", "delete")
MORTAL = 0
ENDS = ("kill", "stop", "cut off")
"""Of one candidate, which does not come back; mostly it leads at first."""


@dataclass(frozen=True)
class Fault:
    after: float
    who: int
    what: str
    much: float

    def happen(self, candidates: Sequence[Candidate], cluster: FakeCluster) -> None:
        victim = candidates[self.who]
        match self.what:
            case "freeze" | "thaw":
                victim.clock.frozen = self.what == "freeze"
            case "cut":
                victim.line.cut = True
            case "heal":
                victim.line.cut = False
                victim.line.there = victim.line.back = 0.0
            case "late":
                victim.line.there = self.much
            case "slow":
                victim.line.back = self.much
            case "lose":
                victim.line.lose_answers = 2
            case "sleep":
                victim.clock.suspended += self.much * 3
            case "delete" if cluster.object(LEASES, KEY):
                cluster.remove(LEASES, KEY)
            case "kill" if self.who == MORTAL:
                victim.kill()
            case "stop" if self.who == MORTAL:
                victim.stop()
            case "cut off" if self.who == MORTAL:
                victim.cut_off()
            case _:
                pass


faults = st.lists(
    st.builds(
        Fault,
        st.sampled_from([0.0, 0.5, 1.9, 4.0, 9.5, 10.5, 14.9, 16.0]),
        st.integers(0, 2),
        st.sampled_from((*FAULTS, *ENDS)),
        st.sampled_from([0.5, 3.0, 4.9, 9.0, 13.9]),
    ),
    max_size=15,
)


class Watcher:
    """Looks at every moment, and at every write that the server takes."""

    def __init__(self, cluster: FakeCluster, candidates: Sequence[Candidate]) -> None:
        self._cluster = cluster
        self._candidates = candidates
        self._looked_at = 0
        self._holder = ""
        self.wrong: list[str] = []

    async def run(self) -> None:
        while True:
            may = [candidate.name for candidate in self._candidates if candidate.may_write()]
            if len(may) > 1:
                self.wrong.append(f"{may} may write at {anyio.current_time():.2f}")
            for write in self._cluster.writes[self._looked_at :]:
                if write.resource == LEASES:
                    self._holder = write.body["spec"]["holderIdentity"]
                elif write.body["data"]["by"] != self._holder:
                    author, holder = write.body["data"]["by"], self._holder or "nobody"
                    self.wrong.append(f"{author} wrote while the Lease was held by {holder}")
            self._looked_at = len(self._cluster.writes)
            await anyio.sleep(0.05)


@pytest.mark.timeout(150)
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(faults)
def test_never_two_that_may_write(script: list[Fault]) -> None:
    async def main() -> None:
        cluster = FakeCluster(clock=VirtualClock(), delay=0.004)
        prepare(cluster)
        candidates = [Candidate(cluster, name) for name in "abc"]
        watcher = Watcher(cluster, candidates)
        async with anyio.create_task_group() as group:
            for candidate in candidates:
                group.start_soon(candidate.run)
            group.start_soon(watcher.run)
            await anyio.sleep(5)
            for fault in script:
                await anyio.sleep(fault.after)
                fault.happen(candidates, cluster)
            ended = any(fault.what in ENDS and fault.who == MORTAL for fault in script)
            for candidate in candidates:
                candidate.clock.frozen = False
                candidate.line.there = candidate.line.back = 0.0
                candidate.line.lose_answers = 0
                if candidate is not candidates[MORTAL] or not ended:
                    candidate.line.cut = False
            await anyio.sleep(45)
            assert not watcher.wrong, watcher.wrong[:3]
            assert sum(candidate.may_write() for candidate in candidates) == 1
            group.cancel_scope.cancel()

    run_virtual(main)
