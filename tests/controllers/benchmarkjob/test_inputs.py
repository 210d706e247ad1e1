"""What a benchmark is made from: its service, the model of that, settings and claims."""

from __future__ import annotations

import anyio
import pytest

from ome.controllers.resources import BASE_MODELS, CLUSTER_BASE_MODELS, INFERENCE_SERVICES
from ome.kube.resource import ObjectKey
from tests.controllers.benchmarkjob.world import (
    SERVICE,
    benchmark,
    condition,
    ended,
    job_is,
    llama,
    new_cluster,
    operator,
    put_settings,
    service,
    status,
    the_job,
    told,
)
from tests.support.virtual_time import run_virtual, virtual


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
