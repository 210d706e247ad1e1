"""From a BenchmarkJob to its Job, and back from the Job to its status."""

from __future__ import annotations

import json

import anyio
import pytest

from ome.controllers.resources import (
    BASE_MODELS,
    BENCHMARK_JOBS,
    CLUSTER_BASE_MODELS,
    INFERENCE_SERVICES,
)
from ome.errors import Conflict, Forbidden, InternalError, Invalid
from ome.kube.resource import ObjectKey
from ome.kube.resources import CONFIGMAPS, JOBS, PODS
from tests.controllers.basemodel.world import virtual
from tests.controllers.benchmarkjob.world import (
    KEY,
    NAMESPACE,
    SERVICE,
    benchmark,
    condition,
    container_state,
    ended,
    found,
    job_is,
    llama,
    new_cluster,
    operator,
    put_pod,
    put_settings,
    service,
    status,
    the_job,
    told,
)
from tests.support.virtual_time import run_virtual

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
async def test_a_service_that_is_lost_while_it_is_measured_is_told() -> None:
    cluster = new_cluster()
    for document in (llama(), service(), benchmark(SERVICE)):
        cluster.put(document)
    async with operator(cluster):
        await anyio.sleep(1)
        assert condition(cluster, "EndpointReady")["status"] == "True"
        cluster.put(service("False"))
        await anyio.sleep(1)
        assert condition(cluster, "EndpointReady")["reason"] == "InferenceServiceNotReady"
        cluster.remove(INFERENCE_SERVICES, ObjectKey("serving", "svc"))
        await anyio.sleep(1)
        lost = condition(cluster, "EndpointReady")
        assert (lost["status"], lost["reason"]) == ("False", "InferenceServiceNotFound")
        text = "InferenceService serving/svc does not exist; its requests fail"
        assert status(cluster)["details"] == text
        assert told(cluster)[-1] == ("Warning", "InferenceServiceNotFound")
        job_is(cluster, conditions=[ended("Failed", "limit")])
        await anyio.sleep(1)
        assert status(cluster)["failureMessage"] == "limit"
        cluster.put(service())
        await anyio.sleep(1)
        assert condition(cluster, "EndpointReady") == lost


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


@virtual
async def test_a_benchmark_waits_for_its_service() -> None:
    cluster = new_cluster()
    cluster.put(benchmark(SERVICE))
    async with operator(cluster):
        await anyio.sleep(1)
        assert status(cluster)["state"] == "Pending"
        text = "failed to get InferenceService serving/svc: not found"
        assert text in status(cluster)["details"]
        assert condition(cluster, "JobCreated")["reason"] == "ConfigurationError"
        cluster.put(service("False"))
        await anyio.sleep(1)
        assert condition(cluster, "JobCreated")["reason"] == "WaitingForInferenceService"
        cluster.put(service())
        await anyio.sleep(1)
        assert "No BaseModel or ClusterBaseModel with the name: llama" in status(cluster)["details"]
        cluster.put(llama())
        await anyio.sleep(61)
        job = the_job(cluster)
        assert job is not None
        spec = job["spec"]["template"]["spec"]
        assert spec["nodeSelector"] == {"models.ome.io/clusterbasemodel.llama": "Ready"}
        assert told(cluster) == [
            ("Warning", "ConfigurationError"),
            ("Normal", "WaitingForInferenceService"),
            ("Warning", "ConfigurationError"),
            ("Normal", "JobCreated"),
        ]
        assert "details" not in status(cluster)


@virtual
async def test_the_model_of_the_services_namespace_comes_first() -> None:
    cluster = new_cluster()
    cluster.put(llama())
    cluster.put(llama("serving"))
    cluster.put(service(engine={"runner": {"args": ["--served-model-name", "mine"]}}))
    cluster.put(benchmark(SERVICE))
    async with operator(cluster):
        await anyio.sleep(1)
        job = the_job(cluster)
        assert job is not None
        spec = job["spec"]["template"]["spec"]
        assert spec["nodeSelector"] == {"models.ome.io/serving.basemodel.llama": "Ready"}
        assert "mine" in spec["containers"][0]["args"]


@pytest.mark.parametrize(
    ("place", "label"),
    [("models", "models.basemodel.llama"), ("", "clusterbasemodel.llama")],
)
def test_a_service_of_a_weight_has_the_tokenizer_of_its_base_model(place: str, label: str) -> None:
    async def main() -> None:
        cluster = new_cluster()
        cluster.put(llama("serving"))
        cluster.put(service(model={"name": "legal", "kind": "FineTunedWeight"}))
        cluster.put(benchmark(SERVICE))
        async with operator(cluster):
            await anyio.sleep(1)
            assert "No FineTunedWeight with the name: legal" in status(cluster)["details"]
            cluster.put(
                {
                    "apiVersion": "ome.io/v1beta1",
                    "kind": "FineTunedWeight",
                    "metadata": {"name": "legal"},
                    "spec": {
                        "baseModelRef": {"name": "llama", "namespace": place},
                        "modelType": "LoRA",
                        "hyperParameters": {},
                        "storage": {"storageUri": "oci://n/a/b/c/o/d"},
                    },
                }
            )
            await anyio.sleep(60)
            kind = "BaseModel" if place else "ClusterBaseModel"
            assert f"No {kind} with the name: llama" in status(cluster)["details"]
            cluster.put(llama(place))
            await anyio.sleep(60)
            job = the_job(cluster)
            assert job is not None
            spec = job["spec"]["template"]["spec"]
            assert spec["nodeSelector"] == {f"models.ome.io/{label}": "Ready"}
            assert "/raid/llama" in spec["containers"][0]["args"]

    run_virtual(main)


@virtual
async def test_what_it_was_made_from_may_go() -> None:
    cluster = new_cluster()
    for document in (llama(), service(), benchmark(SERVICE)):
        cluster.put(document)
    async with operator(cluster):
        await anyio.sleep(1)
        cluster.remove(INFERENCE_SERVICES, ObjectKey("serving", "svc"))
        cluster.remove(CLUSTER_BASE_MODELS, ObjectKey("", "llama"))
        assert cluster.object(BASE_MODELS, ObjectKey("serving", "llama")) is None
        await anyio.sleep(120)
        assert (status(cluster)["state"], condition(cluster, "JobCreated")["status"]) == (
            "Running",
            "True",
        )


@virtual
async def test_settings_and_claims_that_are_missing_are_named() -> None:
    cluster = new_cluster(settings=False)
    cluster.put(benchmark(outputLocation={"storageUri": "pvc://results/a"}))
    async with operator(cluster):
        await anyio.sleep(1)
        assert "ConfigMap ome/benchmarkjob-config not found" in status(cluster)["details"]
        put_settings(cluster)
        await anyio.sleep(1)
        assert "PVC results not found" in status(cluster)["details"]
        claim = {"name": "results", "namespace": "team"}
        cluster.put({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": claim})
        await anyio.sleep(61)
        assert status(cluster)["state"] == "Running"


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
