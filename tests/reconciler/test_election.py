"""Elections in virtual time: who leads when, and that nobody writes who does not."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from ome.errors import ApiError, Conflict, Forbidden, ServiceUnavailable
from ome.kube.resources import CONFIGMAPS, LEASES
from ome.reconciler.fence import Timing
from tests.reconciler.candidates import KEY, Candidate, authors, lease, prepare
from tests.support.fake_cluster import FakeCluster
from tests.support.virtual_time import VirtualClock, run_virtual, virtual

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from ome.reconciler.lease import Held


@asynccontextmanager
async def electing(*names: str) -> AsyncIterator[tuple[FakeCluster, list[Candidate]]]:
    """A cluster and its candidates; the first one leads."""
    cluster = FakeCluster(clock=VirtualClock(), delay=0.005)
    prepare(cluster)
    candidates = [Candidate(cluster, name) for name in names]
    async with anyio.create_task_group() as group:
        for candidate in candidates:
            group.start_soon(candidate.run)
            await until(lambda: candidates[0].leads)
        yield cluster, candidates
        group.cancel_scope.cancel()


async def until(holds: Callable[[], bool], seconds: float = 60) -> float:
    """Wait until it holds; gives the virtual seconds that it took."""
    began = anyio.current_time()
    with anyio.fail_after(seconds):
        while not holds():  # noqa: ASYNC110 - waiting costs nothing in virtual time
            await anyio.sleep(0.01)
    return anyio.current_time() - began


async def slow_write(candidate: Candidate) -> None:
    """Come to where a write of the leader is on its way; it arrives a second later."""
    await anyio.sleep(7)
    candidate.line.there = 1.5
    await anyio.sleep(0.75)
    candidate.line.there = 0.0


async def lost_answer(candidate: Candidate) -> None:
    """Come to where a write of the leader has got no answer."""
    candidate.line.losing, candidate.line.lose_answers = ("PATCH",), 1
    await until(lambda: candidate.line.lose_answers == 0)


@virtual
async def test_the_first_leads_and_says_so() -> None:
    async with electing("a", "b") as (cluster, (a, b)):
        await anyio.sleep(60)
        assert a.leads
        assert not b.leads
        assert a.terms == 1
        assert a.told == ["a became leader"]
        spec = lease(cluster)
        assert spec["holderIdentity"] == "a"
        assert spec["leaseDurationSeconds"] == 15
        assert spec["leaseTransitions"] == 0
        renewals = [write for write in cluster.writes if write.resource == LEASES]
        assert 28 <= len(renewals) <= 33  # one each two seconds


@virtual
async def test_a_clean_stop_hands_over_within_a_second() -> None:
    async with electing("a", "b") as (cluster, (a, b)):
        await anyio.sleep(7)
        a.stop()
        assert await until(lambda: b.leads) < 1
        assert not a.may_write()
        assert lease(cluster)["leaseTransitions"] == 1


@virtual
async def test_a_clean_stop_hands_over_after_the_write_that_is_under_way() -> None:
    async with electing("a", "b") as (cluster, (a, b)):
        await slow_write(a)
        written = len(authors(cluster))
        a.stop()
        assert await until(lambda: b.leads) < 1.5
        told = authors(cluster)[written:]
        assert told[:3] == ["a", "nobody holds the Lease", "b holds the Lease"]


@virtual
async def test_a_write_that_a_stop_cut_off_arrives_while_the_lease_is_still_its_senders() -> None:
    async with electing("a", "b") as (cluster, (a, b)):
        await slow_write(a)
        written = len(authors(cluster))
        a.cut_off()
        assert 10 < await until(lambda: b.leads) < 17
        assert not a.may_write()
        assert authors(cluster)[written : written + 2] == ["a", "b holds the Lease"]


@virtual
async def test_a_write_whose_answer_was_lost_keeps_the_lease_until_it_must_have_ended() -> None:
    async with electing("a", "b") as (_, (a, b)):
        await lost_answer(a)
        a.stop()
        assert 10 < await until(lambda: b.leads) < 17


@virtual
async def test_a_lost_write_of_long_ago_keeps_no_lease() -> None:
    async with electing("a", "b") as (_, (a, b)):
        await lost_answer(a)
        await anyio.sleep(15)
        a.stop()
        assert await until(lambda: b.leads) < 1


@virtual
async def test_a_kill_hands_over_within_17_seconds() -> None:
    async with electing("a", "b") as (_, (a, b)):
        await anyio.sleep(8)
        a.kill()
        assert 10 < await until(lambda: b.leads) < 17


@virtual
async def test_a_frozen_leader_wakes_up_and_writes_nothing() -> None:
    async with electing("a", "b") as (cluster, (a, b)):
        await anyio.sleep(5)
        a.clock.frozen = True
        await until(lambda: b.leads, 17)
        await anyio.sleep(4)
        a.clock.frozen = False
        before = len(cluster.writes)
        assert not a.may_write()
        await anyio.sleep(30)
        assert not a.leads
        assert b.leads
        later = cluster.writes[before:]
        assert {w.body["data"]["by"] for w in later if w.resource == CONFIGMAPS} == {"b"}
        holders = {w.body["spec"]["holderIdentity"] for w in later if w.resource == LEASES}
        assert holders == {"b"}


@virtual
async def test_a_machine_that_slept_closes_the_fence_before_anything_runs() -> None:
    async with electing("a", "b") as (_, (a, b)):
        await anyio.sleep(5)
        a.clock.suspended += 11
        assert not a.may_write()
        await until(lambda: not a.leads, 3)
        assert not b.leads  # it saw a renewal a moment ago


@virtual
async def test_a_lost_answer_of_a_renewal_that_took_effect() -> None:
    async with electing("a", "b") as (_, (a, _)):
        await anyio.sleep(5)
        a.line.lose_answers = 1
        await anyio.sleep(30)
        assert a.leads
        assert a.terms == 1


@virtual
async def test_a_lost_answer_of_the_taking() -> None:
    async with electing("a", "b") as (cluster, (a, b)):
        b.line.lose_answers = 1
        a.stop()
        assert await until(lambda: b.leads) < 4
        assert lease(cluster)["leaseTransitions"] == 1


@virtual
async def test_an_answer_to_the_taking_that_comes_too_late_makes_no_leader() -> None:
    async with electing("a", "b") as (_, (a, b)):
        b.line.back = 4.5  # a look and a write, each within its deadline
        a.kill()
        await until(lambda: b.leads)
        assert 0 < b.fence.left() < 6


@pytest.mark.parametrize("error", [Conflict("changed"), ServiceUnavailable("starting")])
def test_a_renewal_that_fails_is_tried_again(error: ApiError) -> None:
    async def main() -> None:
        async with electing("a", "b") as (cluster, (a, b)):
            cluster.fail("update", LEASES, error, times=3)
            await anyio.sleep(30)
            assert a.leads
            assert a.terms == 1
            assert b.terms == 0

    run_virtual(main)


@virtual
async def test_a_server_that_is_away_for_two_minutes() -> None:
    async with electing("a", "b") as (_, (a, b)):
        await anyio.sleep(5)
        a.line.cut = b.line.cut = True
        lost = await until(lambda: not a.leads)
        assert 8 <= lost <= 10
        await anyio.sleep(120 - lost)
        assert not a.gave_up
        a.line.cut = b.line.cut = False
        await until(lambda: a.leads or b.leads, 20)
        await anyio.sleep(30)
        assert a.leads != b.leads


@virtual
async def test_only_the_leader_is_cut_off() -> None:
    async with electing("a", "b") as (_, (a, b)):
        await anyio.sleep(5)
        a.line.cut = True
        await until(lambda: b.may_write(), 17)
        assert not a.may_write()
        a.line.cut = False
        await anyio.sleep(30)
        assert (a.leads, b.leads) == (False, True)


@virtual
async def test_a_stolen_lease_ends_the_term_at_once() -> None:
    async with electing("a", "b") as (cluster, (a, b)):
        await anyio.sleep(5)
        stolen = cluster.object(LEASES, KEY)
        assert stolen is not None
        stolen["spec"]["holderIdentity"] = "somebody"
        cluster.put(stolen)
        assert await until(lambda: not a.leads) < 0.5
        assert 14 < await until(lambda: a.leads or b.leads) < 17  # somebody never renews it


@virtual
async def test_a_name_that_was_written_by_hand_makes_no_leader_of_a_replica_that_never_tried() -> (
    None
):
    async with electing("a", "b") as (cluster, (a, b)):
        given = cluster.object(LEASES, KEY)
        assert given is not None
        given["spec"]["holderIdentity"] = "b"
        cluster.put(given)
        await until(lambda: not a.leads, 1)
        await anyio.sleep(13)
        assert not b.may_write()


@virtual
async def test_a_deleted_lease_is_made_anew_by_its_leader() -> None:
    async with electing("a", "b") as (cluster, (a, b)):
        await anyio.sleep(5)
        cluster.remove(LEASES, KEY)
        await anyio.sleep(30)
        assert a.leads
        assert b.terms == 0
        assert lease(cluster)["holderIdentity"] == "a"


@virtual
async def test_a_renewal_that_is_answered_while_the_lease_is_given_back_opens_nothing() -> None:
    async with electing("a", "b") as (_, (a, b)):
        lock = a.election._lock
        renew, taken, answered = lock.renew, anyio.Event(), anyio.Event()

        async def slow(held: Held) -> Held:
            fresh = await renew(held)
            taken.set()
            with anyio.CancelScope(shield=True):
                await anyio.sleep(0.5)
            answered.set()
            return fresh

        lock.renew = slow  # type: ignore[method-assign]
        await taken.wait()
        a.cut_off()
        await answered.wait()
        await anyio.sleep(0.1)
        assert not a.may_write()
        await until(lambda: b.leads)


@virtual
async def test_a_server_that_was_restored_has_the_leader_that_it_had() -> None:
    """Versions go back then: what was seen before must not make every later renewal look old."""
    async with electing("a", "b") as (cluster, (a, b)):
        cluster.store.version = 5000
        await anyio.sleep(5)
        restored = cluster.store.get(LEASES, KEY)
        restored["metadata"]["resourceVersion"] = "100"
        cluster.store.version = 100
        cluster.store.compact()
        before = len(cluster.writes)
        await anyio.sleep(120)
        assert (a.leads, a.terms, b.terms) == (True, 1, 0)
        renewals = [write for write in cluster.writes[before:] if write.resource == LEASES]
        assert 55 <= len(renewals) <= 66
        a.kill()
        await until(lambda: b.leads)
        before = len(cluster.writes)
        await anyio.sleep(60)
        assert b.leads
        renewals = [write for write in cluster.writes[before:] if write.resource == LEASES]
        assert 28 <= len(renewals) <= 33


@virtual
async def test_a_frozen_leader_that_finds_no_lease_leaves_it_to_whoever_had_it() -> None:
    async with electing("a", "b") as (cluster, (a, b)):
        a.clock.frozen = True
        await until(lambda: b.leads, 20)
        cluster.remove(LEASES, KEY)
        a.clock.frozen = False
        await anyio.sleep(20)
        assert (a.may_write(), b.may_write()) == (False, True)


@virtual
async def test_a_candidate_that_may_not_watch_looks() -> None:
    async with electing("a") as (cluster, (a,)):
        cluster.fail("list", LEASES, Forbidden("may not list leases"), times=1000)
        b = Candidate(cluster, "b")
        async with anyio.create_task_group() as group:
            group.start_soon(b.run)
            await anyio.sleep(20)
            assert not b.leads
            a.stop()
            assert await until(lambda: b.leads) < 3
            group.cancel_scope.cancel()


@virtual
async def test_work_that_does_not_unwind_ends_the_process() -> None:
    async with electing("a", "b") as (_, (a, b)):
        a.stubborn = 6
        a.line.cut = True
        await until(lambda: a.gave_up, 15)
        assert not b.may_write()
        await until(lambda: b.leads, 17)


@virtual
async def test_work_that_unwinds_in_time_leaves_the_process_alone() -> None:
    async with electing("a", "b") as (_, (a, b)):
        a.stubborn = 3
        a.line.cut = True
        await until(lambda: b.leads, 20)
        a.line.cut = False
        b.stop()
        await until(lambda: a.leads, 5)
        assert not a.gave_up
        assert a.terms == 2


def test_timing_that_would_not_fence_is_refused() -> None:
    with pytest.raises(ValueError, match="renew \\+ unwind < lease"):
        Timing(lease=15, renew=12)


def test_a_lease_keeps_what_others_wrote_into_it() -> None:
    async def main() -> None:
        async with electing("a") as (cluster, _):
            found: Any = cluster.object(LEASES, KEY)
            found["spec"]["strategy"] = "OldestEmulationVersion"
            found["metadata"]["labels"] = {"kept": "yes"}
            cluster.put(found)
            await anyio.sleep(5)
            stored: Any = cluster.object(LEASES, KEY)
            assert stored["spec"]["strategy"] == "OldestEmulationVersion"
            assert stored["metadata"]["labels"] == {"kept": "yes"}

    run_virtual(main)
