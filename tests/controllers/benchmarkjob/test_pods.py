"""What the pod of a benchmark and its log tell goes into the status."""

from __future__ import annotations

import json

import anyio
import pytest

from ome.errors import Forbidden, InternalError
from ome.kube.resource import ObjectKey
from ome.kube.resources import PODS
from tests.controllers.benchmarkjob.world import (
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
    told,
)
from tests.support.virtual_time import run_virtual, virtual


@virtual
async def test_a_failure_names_the_pods_reason_and_keeps_it() -> None:
    cluster = new_cluster()
    cluster.put(benchmark())
    async with operator(cluster):
        await anyio.sleep(1)
        message = "Traceback ... PermissionError: [Errno 13] Permission denied: '/results'"
        put_pod(
            cluster,
            phase="Failed",
            containerStatuses=container_state(
                terminated={"exitCode": 1, "reason": "Error", "message": message}
            ),
        )
        limit = "Job has reached the specified backoff limit"
        job_is(cluster, conditions=[ended("Complete"), ended("Failed", limit)])
        await anyio.sleep(1)
        now = status(cluster)
        assert (now["state"], now["completionTime"]) == ("Failed", "2026-01-01T00:10:00Z")
        assert now["failureMessage"] == (f"{limit}; pod bench-x: ended with exit code 1: {message}")
        assert condition(cluster, "Succeeded")["reason"] == "JobFailed"
        assert told(cluster)[-1] == ("Warning", "JobFailed")
        cluster.remove(PODS, ObjectKey("team", "bench-x"))
        await anyio.sleep(60)
        assert status(cluster)["failureMessage"] == now["failureMessage"]


@virtual
async def test_an_evicted_pod_is_told() -> None:
    cluster = new_cluster()
    cluster.put(benchmark())
    async with operator(cluster):
        await anyio.sleep(1)
        put_pod(cluster, phase="Failed", reason="Evicted", message="The node was low on memory.")
        job_is(cluster, conditions=[ended("Failed", "limit")])
        await anyio.sleep(1)
        text = "limit; pod bench-x: Evicted: The node was low on memory."
        assert status(cluster)["failureMessage"] == text


@virtual
async def test_what_a_pod_waits_for_is_told_while_it_waits() -> None:
    cluster = new_cluster()
    cluster.put(benchmark())
    async with operator(cluster):
        await anyio.sleep(1)
        unscheduled = {"type": "PodScheduled", "status": "False", "message": "0/3 nodes"}
        put_pod(cluster, phase="Pending", conditions=[unscheduled])
        await anyio.sleep(1)
        assert status(cluster)["details"] == "pod bench-x is not scheduled: 0/3 nodes"
        waiting = {"reason": "ImagePullBackOff", "message": "no such image"}
        put_pod(cluster, phase="Pending", containerStatuses=container_state(waiting=waiting))
        await anyio.sleep(1)
        assert status(cluster)["details"] == "pod bench-x: ImagePullBackOff: no such image"
        put_pod(cluster, phase="Pending", containerStatuses=container_state(running={}))
        await anyio.sleep(1)
        assert "details" not in status(cluster)


FIRST = "Starting benchmark with concurrency=1, spawn_rate=1"
SECOND = (
    "Run for scenario D(100,100), num_concurrency 1 has finished after 60 seconds."
    " Starting benchmark with concurrency=8, spawn_rate=8"
)
LAST = "Run for scenario D(100,100), num_concurrency 8 has finished after 60 seconds."


@virtual
async def test_progress_is_read_often_at_first_and_then_once_a_minute() -> None:
    cluster = new_cluster()
    cluster.put(benchmark())
    async with operator(cluster) as client:
        await anyio.sleep(1)
        client.log = FIRST
        put_pod(cluster, phase="Running", containerStatuses=container_state(running={}))
        await anyio.sleep(1)
        assert status(cluster)["details"] == "running run 1/2: D(100,100), concurrency=1"
        await anyio.sleep(200)
        assert 6 <= client.looks <= 7
        client.log = SECOND
        await anyio.sleep(61)
        assert status(cluster)["progress"] == {
            "completedRuns": 1,
            "plannedRuns": 2,
            "scenario": "D(100,100)",
            "concurrency": 8,
        }
        writes, looks = len(cluster.writes), client.looks
        await anyio.sleep(300)
        assert len(cluster.writes) == writes
        assert client.looks == looks + 5


@virtual
async def test_the_end_of_the_log_tells_the_figures_once() -> None:
    cluster = new_cluster()
    cluster.put(benchmark())
    runs = {"runs": [{"scenario": "D(100,100)", "concurrency": 8, "ttftP50": "0.5"}]}
    async with operator(cluster) as client:
        await anyio.sleep(1)
        client.log = f"{SECOND}\n{LAST}\n{json.dumps(runs, indent=2)}\n"
        put_pod(cluster, containerStatuses=container_state(terminated={"exitCode": 0}))
        job_is(cluster, conditions=[ended("Complete")])
        await anyio.sleep(1)
        now = status(cluster)
        assert now["summary"] == runs["runs"]
        assert now["progress"]["completedRuns"] == 2
        touched = found(cluster)
        touched["metadata"]["annotations"] = {"a": "b"}
        cluster.put(touched)
        await anyio.sleep(600)
        assert client.looks == 1
        assert status(cluster) == now


@virtual
async def test_what_others_put_into_the_pod_is_not_taken_for_the_benchmark() -> None:
    cluster = new_cluster()
    cluster.put(benchmark())
    runs = [{"scenario": "D(1,1)", "concurrency": 1}]
    beside = {"name": "a-proxy", "state": {"terminated": {"exitCode": 0}}}
    async with operator(cluster) as client:
        await anyio.sleep(1)
        put_pod(cluster, phase="Running", containerStatuses=[beside, *container_state(running={})])
        await anyio.sleep(1)
        assert (client.looks, client.container) == (1, "bench")
        said = {"exitCode": 0, "message": json.dumps({"runs": runs})}
        put_pod(cluster, containerStatuses=[beside, *container_state(terminated=said)])
        job_is(cluster, conditions=[ended("Complete")])
        await anyio.sleep(1)
        assert status(cluster)["summary"] == runs


@virtual
async def test_credentials_that_the_tool_logs_stay_out_of_the_status() -> None:
    cluster = new_cluster()
    cluster.put(benchmark())
    said = (
        "aws_secret_access_key: s3cr3t\nsecurity_token: None\nmodel_tokenizer: /raid/llama\n"
        "api_key: hidden\n'github_token': 'hidden'\nOSError: no space"
    )
    async with operator(cluster):
        await anyio.sleep(1)
        put_pod(cluster, containerStatuses=container_state(
            terminated={"exitCode": 1, "message": said}
        ))  # fmt: skip
        job_is(cluster, conditions=[ended("Failed", "limit")])
        await anyio.sleep(1)
        assert status(cluster)["failureMessage"] == (
            "limit; pod bench-x: ended with exit code 1: aws_secret_access_key: ***"
            " security_token: None model_tokenizer: /raid/llama api_key: *** 'github_token': ***"
            " OSError: no space"
        )


@pytest.mark.parametrize("log", [Forbidden("pods/log"), InternalError("no kubelet"), 600.0])
def test_a_log_that_cannot_be_read_harms_nothing(log: Exception | float) -> None:
    async def scenario() -> None:
        cluster = new_cluster()
        cluster.put(benchmark())
        async with operator(cluster) as client:
            client.log = log
            await anyio.sleep(1)
            put_pod(cluster, phase="Running", containerStatuses=container_state(running={}))
            await anyio.sleep(1)
            job_is(cluster, conditions=[ended("Complete")])
            await anyio.sleep(10)
            assert status(cluster)["state"] == "Completed"

    run_virtual(scenario)
