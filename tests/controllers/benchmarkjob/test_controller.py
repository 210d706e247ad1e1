"""From a BenchmarkJob to its Job, back from the Job to its status, and to its end."""

from __future__ import annotations

import json

import anyio
import pytest

from ome.controllers.resources import BENCHMARK_JOBS
from ome.errors import Conflict, Forbidden, InternalError, Invalid
from ome.kube.resource import ObjectKey
from ome.kube.resources import CONFIGMAPS, JOBS
from tests.controllers.benchmarkjob.world import (
    KEY,
    NAMESPACE,
    benchmark,
    condition,
    container_state,
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
from tests.support.virtual_time import run_virtual, virtual

FINALIZER = "benchmarkjob.finalizers"


@virtual
async def test_a_benchmark_runs_to_its_end() -> None:
    cluster = new_cluster()
    cluster.put(benchmark(resultFolderName="run"))
    async with operator(cluster):
        await anyio.sleep(1)
        job = the_job(cluster)
        assert job is not None
        assert found(cluster)["metadata"]["finalizers"] == [FINALIZER]
        assert job["spec"]["backoffLimit"] == 0
        now = status(cluster)
        assert (now["state"], now["observedGeneration"]) == ("Running", 1)
        assert "startTime" not in now
        seen = now["lastReconcileTime"]
        await anyio.sleep(5)
        job_is(cluster, startTime="2026-01-01T00:00:00Z")
        await anyio.sleep(1)
        now = status(cluster)
        assert (now["startTime"], now["lastReconcileTime"]) == ("2026-01-01T00:00:00Z", seen)
        put_pod(
            cluster,
            containerStatuses=container_state(
                terminated={
                    "exitCode": 0,
                    "message": json.dumps({"runs": [{"scenario": "D(1,1)", "concurrency": 1}]}),
                }
            ),
        )
        job_is(
            cluster,
            startTime="2026-01-01T00:00:00Z",
            completionTime="2026-01-01T00:10:00Z",
            conditions=[ended("Complete")],
        )
        await anyio.sleep(1)
        now = status(cluster)
        assert (now["state"], now["completionTime"]) == ("Completed", "2026-01-01T00:10:00Z")
        assert now["resultLocation"] == "s3://b/p/run"
        assert now["summary"] == [{"scenario": "D(1,1)", "concurrency": 1}]
        assert now["details"] == "results are in s3://b/p/run"
        assert condition(cluster, "Succeeded")["status"] == "True"
        await anyio.sleep(1)
        assert told(cluster) == [("Normal", "JobCreated"), ("Normal", "JobCompleted")]
        moved = found(cluster)
        moved["spec"]["outputLocation"] = {"storageUri": "s3://elsewhere"}
        moved["metadata"]["generation"] = 2
        cluster.put(moved)
        await anyio.sleep(1)
        assert status(cluster)["resultLocation"] == "s3://b/p/run"
        writes = len(cluster.writes)
        cluster.remove(CONFIGMAPS, ObjectKey(NAMESPACE, "benchmarkjob-config"))
        await anyio.sleep(3600)
        assert len(cluster.writes) == writes
    async with operator(cluster, seed=2):
        await anyio.sleep(60)
        assert len(cluster.writes) == writes


@virtual
async def test_a_strangers_job_is_neither_taken_nor_copied() -> None:
    cluster = new_cluster()
    metadata = {"name": "bench", "namespace": "team", "labels": {"benchmark": "bench"}}
    stranger = {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": {}}
    cluster.put({**stranger, "status": {"conditions": [ended("Complete")]}})
    cluster.put(benchmark())
    async with operator(cluster):
        await anyio.sleep(1)
        assert status(cluster)["state"] == "Pending"
        assert condition(cluster, "JobCreated")["reason"] == "ServiceConflict"
        assert "rename the BenchmarkJob or delete that Job" in status(cluster)["details"]
        assert told(cluster) == [("Warning", "ServiceConflict")]
        job = the_job(cluster)
        assert job is not None
        assert job["spec"] == {}


@virtual
async def test_deletion_releases_it_and_leaves_nothing_behind() -> None:
    cluster = new_cluster()
    cluster.put(benchmark())
    async with operator(cluster):
        await anyio.sleep(1)
        cluster.remove(BENCHMARK_JOBS, KEY)
        await anyio.sleep(1)
        assert cluster.object(BENCHMARK_JOBS, KEY) is None
        cluster.collect_garbage()
        await anyio.sleep(60)
        assert the_job(cluster) is None


@virtual
async def test_a_restart_in_the_middle_makes_no_second_job() -> None:
    cluster = new_cluster()
    cluster.put(benchmark())
    cluster.fail("apply", JOBS, InternalError("lost"), after=True)
    async with operator(cluster):
        await anyio.sleep(0.01)
    async with operator(cluster, seed=2):
        await anyio.sleep(5)
        made = [write for write in cluster.writes if write.resource == JOBS and write.changed]
        assert len(made) == 1
        assert status(cluster)["state"] == "Running"


@pytest.mark.parametrize(
    "error", [Forbidden("exceeded quota"), Invalid("Job is invalid: spec.template.x")]
)
def test_a_refused_job_is_told_and_tried_again(error: Exception) -> None:
    async def scenario() -> None:
        cluster = new_cluster()
        cluster.put(benchmark())
        cluster.fail("apply", JOBS, error, times=3)
        async with operator(cluster):
            await anyio.sleep(0.5)
            assert str(error) in status(cluster)["details"]
            assert told(cluster)[0] == ("Warning", "ConfigurationError")
            await anyio.sleep(400)
            assert status(cluster)["state"] == "Running"

    run_virtual(scenario)


@virtual
async def test_a_status_that_cannot_be_written_is_told() -> None:
    cluster = new_cluster()
    held = benchmark()
    held["metadata"]["finalizers"] = [FINALIZER]
    cluster.put(held)
    cluster.fail("patch", BENCHMARK_JOBS, Forbidden("100% full"))
    cluster.fail("patch", BENCHMARK_JOBS, Conflict("changed"))
    async with operator(cluster):
        await anyio.sleep(5)
        assert ("Warning", "StatusUpdateFailed") in told(cluster)
        assert status(cluster)["state"] == "Running"
