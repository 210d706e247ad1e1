"""When a benchmark runs again, and when it must not; what is told of an earlier run then."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
import pytest

from ome.api import BenchmarkJob
from ome.clock import rfc3339
from ome.controllers.benchmarkjob.expiry import collected
from ome.controllers.resources import BENCHMARK_JOBS
from ome.errors import Conflict
from ome.kube.resources import JOBS
from tests.controllers.benchmarkjob.world import (
    KEY,
    benchmark,
    condition,
    ended,
    found,
    job_is,
    new_cluster,
    operator,
    put_pod,
    status,
    the_job,
    told,
)
from tests.support.virtual_time import VirtualClock, run_virtual, virtual

if TYPE_CHECKING:
    from tests.support.fake_cluster import FakeCluster


def _limit(cluster: FakeCluster) -> int | None:
    job = the_job(cluster)
    assert job is not None
    seconds: int | None = job["spec"].get("ttlSecondsAfterFinished")
    return seconds


@virtual
async def test_a_job_may_be_removed_only_when_its_end_is_in_the_status() -> None:
    """A Job that vanished unseen would be run again; so its time to live waits for us."""
    cluster = new_cluster()
    cluster.put(benchmark(podOverride={"ttlSecondsAfterFinished": 0}))
    async with operator(cluster):
        await anyio.sleep(1)
        assert _limit(cluster) is None
        job_is(cluster, startTime="2026-01-01T00:00:00Z")
        await anyio.sleep(1)
        assert _limit(cluster) is None
    job_is(cluster, startTime="2026-01-01T00:00:00Z", conditions=[ended("Complete")])
    cluster.fail("patch", BENCHMARK_JOBS, Conflict("changed"), times=2)
    async with operator(cluster, seed=2):
        await anyio.sleep(10)
        assert status(cluster)["state"] == "Completed"
        assert _limit(cluster) == 0
        cluster.remove(JOBS, KEY)
        await anyio.sleep(600)
        assert (the_job(cluster), status(cluster)["state"]) == (None, "Completed")
        assert [reason for _, reason in told(cluster)].count("JobCreated") == 1


@virtual
async def test_a_change_after_the_job_is_gone_is_told_to_have_no_effect() -> None:
    cluster = new_cluster()
    cluster.put(benchmark(podOverride={"ttlSecondsAfterFinished": 0}))
    async with operator(cluster):
        await anyio.sleep(1)
        now = rfc3339(VirtualClock().wall())
        job_is(cluster, startTime=now, completionTime=now)
        await anyio.sleep(1)
        cluster.remove(JOBS, KEY)
        await anyio.sleep(1)
        before = status(cluster)
        changed = found(cluster)
        changed["spec"]["numConcurrency"] = [2]
        changed["metadata"]["generation"] = 2
        cluster.put(changed)
        await anyio.sleep(600)
        assert the_job(cluster) is None
        assert (
            "delete the BenchmarkJob and apply it again"
            in (condition(cluster, "SpecApplied")["message"])
        )
        assert told(cluster)[-1] == ("Warning", "SpecChangeIgnored")
        assert {**status(cluster), "conditions": []} == {**before, "conditions": []}


def test_an_end_that_is_no_time_is_long_ago() -> None:
    """An API server takes such a text; what has ended does not run again for it."""
    held = benchmark(podOverride={"ttlSecondsAfterFinished": 60})
    held["status"] = {"state": "Completed", "completionTime": "2026-05-06T10:11:12+99:99"}
    assert collected(BenchmarkJob.model_validate(held), VirtualClock.EPOCH)


@virtual
async def test_a_clock_that_is_ahead_of_ours_runs_nothing_again() -> None:
    cluster = new_cluster()
    cluster.put(benchmark(podOverride={"ttlSecondsAfterFinished": 60}))
    async with operator(cluster):
        await anyio.sleep(1)
        now = rfc3339(VirtualClock().wall())
        job_is(cluster, startTime=now, completionTime=now)
        await anyio.sleep(57)
        cluster.remove(JOBS, KEY)
        await anyio.sleep(600)
        assert the_job(cluster) is None


@virtual
async def test_a_job_that_a_user_deletes_in_that_time_runs_again() -> None:
    cluster = new_cluster()
    cluster.put(benchmark(podOverride={"ttlSecondsAfterFinished": 600}))
    async with operator(cluster):
        await anyio.sleep(1)
        now = rfc3339(VirtualClock().wall())
        job_is(cluster, startTime=now, completionTime=now)
        await anyio.sleep(5)
        cluster.remove(JOBS, KEY)
        await anyio.sleep(5)
        assert status(cluster)["state"] == "Running"


@virtual
async def test_a_time_to_live_that_is_none_is_told() -> None:
    cluster = new_cluster()
    cluster.put(benchmark(podOverride={"ttlSecondsAfterFinished": -1}))
    async with operator(cluster):
        await anyio.sleep(1)
        assert condition(cluster, "JobCreated")["reason"] == "ConfigurationError"
        assert "ttlSecondsAfterFinished: -1 is no time" in status(cluster)["details"]


@pytest.mark.parametrize("start", [None, "2026-01-01T01:00:00Z"])
def test_nothing_is_left_of_the_run_before_when_no_pass_came_between(start: str | None) -> None:
    """The Job is deleted and made again, and the status of that pass is lost."""

    async def scenario() -> None:
        cluster = new_cluster()
        cluster.put(benchmark(resultFolderName="one"))
        async with operator(cluster) as client:
            await anyio.sleep(1)
            job_is(cluster, startTime="2026-01-01T00:00:00Z")
            client.log = (
                "Run for scenario D(100,100), num_concurrency 1 has finished after 3 seconds"
            )
            put_pod(cluster, phase="Running")
            await anyio.sleep(10)
            assert "progress" in status(cluster)
            if start is None:
                job_is(
                    cluster,
                    startTime="2026-01-01T00:00:00Z",
                    completionTime="2026-01-01T00:10:00Z",
                )
                await anyio.sleep(5)
                assert status(cluster)["resultLocation"] == "s3://b/p/one"
            client.log = ""
        changed = found(cluster)
        changed["spec"]["resultFolderName"] = "two"
        changed["metadata"]["generation"] = 2
        cluster.put(changed)
        cluster.remove(JOBS, KEY)
        earlier = status(cluster)
        async with operator(cluster, seed=2):
            await anyio.sleep(1)
        if start is not None:
            job_is(cluster, startTime=start)
        cluster.put({**found(cluster), "status": earlier})
        async with operator(cluster, seed=3):
            await anyio.sleep(1)
            now = status(cluster)
            assert (now["state"], now.get("startTime")) == ("Running", start)
            assert not {"progress", "resultLocation", "completionTime"} & now.keys()
            assert now["observedGeneration"] == 2
            assert condition(cluster, "SpecApplied")["status"] == "True"

    run_virtual(scenario)


@virtual
async def test_figures_of_a_run_that_ended_while_nobody_looked_are_those_of_its_own_log() -> None:
    """The Job was made anew and has ended again before the operator is back."""
    cluster = new_cluster()
    cluster.put(benchmark())
    line = "Run for scenario D(100,100), num_concurrency {} has finished after 3 seconds"
    async with operator(cluster) as client:
        await anyio.sleep(1)
        client.log = line.format(1)
        put_pod(cluster, phase="Succeeded")
        job_is(cluster, startTime="2026-01-01T00:00:00Z", conditions=[ended("Complete")])
        await anyio.sleep(1)
        assert status(cluster)["progress"]["concurrency"] == 1
    earlier = status(cluster)
    cluster.remove(JOBS, KEY)
    async with operator(cluster, seed=2):
        await anyio.sleep(1)
    put_pod(cluster, phase="Succeeded")
    job_is(cluster, startTime="2026-01-01T01:00:00Z", conditions=[ended("Complete")])
    cluster.put({**found(cluster), "status": earlier})
    async with operator(cluster, seed=3) as client:
        client.log = line.format(8)
        await anyio.sleep(5)
        assert status(cluster)["startTime"] == "2026-01-01T01:00:00Z"
        assert status(cluster)["progress"]["concurrency"] == 8
        assert client.looks == 1


@virtual
async def test_one_that_is_made_anew_waits_for_the_job_of_the_former() -> None:
    """As after ``kubectl replace --force``: the garbage collector takes a moment."""
    cluster = new_cluster()
    cluster.put(benchmark())
    async with operator(cluster):
        await anyio.sleep(1)
        cluster.remove(BENCHMARK_JOBS, KEY)
        await anyio.sleep(1)
        assert the_job(cluster) is not None
        cluster.put(benchmark())
        await anyio.sleep(5)
        assert status(cluster)["state"] == "Pending"
        assert condition(cluster, "JobCreated")["reason"] == "WaitingForRemoval"
        assert told(cluster)[-1] == ("Normal", "WaitingForRemoval")
        cluster.remove(JOBS, KEY)
        await anyio.sleep(1)
        assert status(cluster)["state"] == "Running"


@virtual
async def test_a_log_that_tells_nothing_at_the_end_takes_no_progress_back() -> None:
    cluster = new_cluster()
    cluster.put(benchmark())
    async with operator(cluster) as client:
        await anyio.sleep(1)
        client.log = "no line of the tool"
        put_pod(cluster, phase="Succeeded")
        job_is(cluster, conditions=[ended("Complete")])
        await anyio.sleep(1)
        assert status(cluster)["state"] == "Completed"
        assert "progress" not in status(cluster)


@virtual
async def test_a_deleted_job_runs_again_with_the_spec_of_then() -> None:
    cluster = new_cluster()
    cluster.put(benchmark())
    async with operator(cluster):
        await anyio.sleep(1)
        job_is(cluster, startTime="2026-01-01T00:00:00Z", conditions=[ended("Failed", "x")])
        await anyio.sleep(1)
        changed = found(cluster)
        changed["spec"]["numConcurrency"] = [2]
        changed["metadata"]["generation"] = 2
        cluster.put(changed)
        await anyio.sleep(1)
        assert condition(cluster, "SpecApplied")["reason"] == "SpecChangeIgnored"
        assert told(cluster)[-1] == ("Warning", "SpecChangeIgnored")
        events = len(told(cluster))
        await anyio.sleep(600)
        assert len(told(cluster)) == events
        cluster.remove(JOBS, KEY)
        await anyio.sleep(1)
        job = the_job(cluster)
        assert job is not None
        args = job["spec"]["template"]["spec"]["containers"][0]["args"]
        assert args[args.index("--num-concurrency") + 1] == "2"
        now = status(cluster)
        assert (now["state"], now["observedGeneration"]) == ("Running", 2)
        assert not {"failureMessage", "completionTime", "startTime"} & now.keys()
        assert condition(cluster, "SpecApplied")["status"] == "True"


@virtual
async def test_a_job_whose_time_was_over_does_not_run_again() -> None:
    cluster = new_cluster()
    cluster.put(benchmark(podOverride={"ttlSecondsAfterFinished": 60}))
    async with operator(cluster):
        await anyio.sleep(1)
        job_is(cluster, completionTime="1970-01-01T00:00:00Z", conditions=[ended("Complete")])
        await anyio.sleep(1)
        assert status(cluster)["state"] == "Completed"
        cluster.remove(JOBS, KEY)
        await anyio.sleep(600)
        assert (the_job(cluster), status(cluster)["state"]) == (None, "Completed")
