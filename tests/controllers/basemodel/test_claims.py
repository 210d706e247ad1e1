"""Models on claims: the claim is checked, a Job reads what they are, nothing is asked of nodes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from ome.errors import Forbidden, InternalError
from ome.kube.resource import ObjectKey
from ome.kube.resources import CONFIGMAPS, EVENTS, JOBS, PODS, PVCS
from tests.controllers.basemodel.world import (
    CONFIG,
    NAMESPACE,
    condition,
    delete,
    found,
    gone,
    model,
    new_cluster,
    operator,
    status,
    warnings,
)
from tests.support.virtual_time import run_virtual, virtual

if TYPE_CHECKING:
    from tests.support.fake_cluster import FakeCluster

KEY = ObjectKey("team", "m")
URI = "pvc://claim/a/b"
ALL: dict[str, Any] = {
    "modelType": "llama",
    "modelArchitecture": "LlamaForCausalLM",
    "modelParameterSize": "8B",
    "maxTokens": 8192,
    "modelCapabilities": ["TEXT_TO_TEXT"],
    "modelFormat": {"name": "safetensors"},
}


def pvc(phase: str = "Bound", **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "claim", "namespace": "team"},
        "spec": spec,
        "status": {"phase": phase},
    }


def on_claim(uri: str = URI, **spec: Any) -> dict[str, Any]:
    return model(namespace="team", storage={"storageUri": uri}, **spec)


def with_image(cluster: FakeCluster) -> None:
    metadata = {"name": "inferenceservice-config", "namespace": NAMESPACE}
    data = {"modelInit": json.dumps({"image": "agent:1"})}
    cluster.put({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data})


def place(phase: str = "Bound") -> FakeCluster:
    cluster = new_cluster()
    with_image(cluster)
    cluster.put(pvc(phase))
    return cluster


def jobs(cluster: FakeCluster) -> list[dict[str, Any]]:
    return cluster.objects(JOBS)


def end(cluster: FakeCluster, type_: str, message: str = "", report: str | None = None) -> None:
    """The Job ends; its pod said ``report``."""
    (job,) = jobs(cluster)
    if report is not None:
        ended = {"exitCode": 0, "message": report}
        states = [{"name": "model-metadata", "state": {"terminated": ended}}]
        labels = {"batch.kubernetes.io/controller-uid": job["metadata"]["uid"]}
        metadata = {"name": "p", "namespace": "team", "labels": labels}
        cluster.put(
            {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": metadata,
                "status": {"containerStatuses": states},
            }
        )
    held = [{"type": type_, "status": "True", "reason": "R", "message": message}]
    cluster.put({**job, "status": {"conditions": held}})


@virtual
async def test_a_job_reads_the_model_and_its_report_becomes_the_spec() -> None:
    cluster = place()
    cluster.put(on_claim())
    async with operator(cluster):
        await anyio.sleep(1)
        assert status(cluster, KEY)["state"] == "Importing"
        (job,) = jobs(cluster)
        assert job["metadata"]["namespace"] == "team"
        container = job["spec"]["template"]["spec"]["containers"][0]
        assert container["image"] == "agent:1"
        assert job["metadata"]["name"] in condition(cluster, "Ready", KEY)["message"]
        end(cluster, "Complete", report=json.dumps(CONFIG))
        await anyio.sleep(1)
        assert status(cluster, KEY)["state"] == "Ready"
        assert found(cluster, KEY)["spec"]["modelArchitecture"] == "LlamaForCausalLM"
        assert "nodesReady" not in status(cluster, KEY)
        assert warnings(cluster) == []
        writes = len(cluster.writes)
        cluster.remove(JOBS, ObjectKey("team", job["metadata"]["name"]))
        await anyio.sleep(3600)
        assert (status(cluster, KEY)["state"], jobs(cluster)) == ("Ready", [])
        assert len(cluster.writes) == writes


@virtual
async def test_a_large_spec_is_one_on_a_claim_too() -> None:
    cluster = place()
    # Caches keep what is large in another form.
    cluster.put(on_claim(additionalMetadata={"notes": "x" * 4096}))
    async with operator(cluster):
        await anyio.sleep(1)
        assert len(jobs(cluster)) == 1


@virtual
async def test_what_the_user_wrote_needs_no_job() -> None:
    cluster = place()
    cluster.put(on_claim(**ALL))
    skipped = on_claim()
    skipped["metadata"] = {
        "name": "skipped",
        "namespace": "team",
        "annotations": {"ome.io/skip-config-parsing": "True"},
    }
    cluster.put(skipped)
    async with operator(cluster):
        await anyio.sleep(1)
        for name in ("m", "skipped"):
            assert status(cluster, ObjectKey("team", name))["state"] == "Ready"
        assert jobs(cluster) == []


@virtual
async def test_a_claim_that_comes_goes_and_returns() -> None:
    cluster = new_cluster()
    with_image(cluster)
    cluster.put(on_claim(**ALL))
    async with operator(cluster):
        await anyio.sleep(1)
        assert status(cluster, KEY)["state"] == "Failed"
        assert condition(cluster, "Ready", KEY)["reason"] == "PVCNotFound"
        assert "PVC claim not found in namespace team" in warnings(cluster)[0][1]
        cluster.put(pvc("Pending"))
        await anyio.sleep(1)
        assert status(cluster, KEY)["state"] == "In_Transit"
        normal = [item["reason"] for item in cluster.objects(EVENTS) if item["type"] == "Normal"]
        assert normal == ["PVCPending"]
        cluster.put(pvc("Bound"))
        await anyio.sleep(1)
        assert status(cluster, KEY)["state"] == "Ready"
        cluster.put(pvc("Lost"))
        await anyio.sleep(1)
        assert condition(cluster, "Degraded", KEY)["reason"] == "PVCNotBound"
        cluster.put(pvc("Bound"))
        await anyio.sleep(1)
        assert condition(cluster, "Degraded", KEY)["status"] == "False"
        cluster.remove(PVCS, ObjectKey("team", "claim"))
        await anyio.sleep(1)
        assert status(cluster, KEY)["state"] == "Failed"


@pytest.mark.parametrize(("mode", "made"), [("WaitForFirstConsumer", 1), ("Immediate", 0)])
def test_a_claim_that_binds_on_use_gets_its_consumer(mode: str, made: int) -> None:
    async def scenario() -> None:
        cluster = new_cluster()
        with_image(cluster)
        cluster.put(pvc("Pending", storageClassName="fast"))
        cluster.put(
            {
                "apiVersion": "storage.k8s.io/v1",
                "kind": "StorageClass",
                "metadata": {"name": "fast"},
                "volumeBindingMode": mode,
            }
        )
        cluster.put(on_claim())
        async with operator(cluster):
            await anyio.sleep(1)
            assert len(jobs(cluster)) == made

    run_virtual(scenario)


@virtual
async def test_a_failed_job_is_told_once_and_another_source_starts_over() -> None:
    cluster = place()
    cluster.put(on_claim())
    async with operator(cluster):
        await anyio.sleep(1)
        end(cluster, "Failed", "Job has reached the specified backoff limit")
        await anyio.sleep(1)
        assert status(cluster, KEY)["state"] == "Failed"
        ((reason, note),) = warnings(cluster)
        assert reason == "MetadataExtractionFailed"
        assert "backoff limit" in note
        (old,) = jobs(cluster)
        cluster.put({**found(cluster, KEY), "spec": {"storage": {"storageUri": "pvc://claim/c"}}})
        await anyio.sleep(1)
        (job,) = jobs(cluster)
        assert job["metadata"]["name"] != old["metadata"]["name"]
        assert status(cluster, KEY)["state"] == "Importing"


@virtual
async def test_fields_that_were_read_elsewhere_are_read_again() -> None:
    cluster = place()
    cluster.put(on_claim())
    async with operator(cluster):
        await anyio.sleep(1)
        end(cluster, "Complete", report=json.dumps(CONFIG))
        await anyio.sleep(1)
        held = found(cluster, KEY)
        held["spec"]["storage"] = {"storageUri": "pvc://claim/other"}
        cluster.put(held)
        await anyio.sleep(1)
        assert status(cluster, KEY)["state"] == "Importing"
        cluster.remove(PODS, ObjectKey("team", "p"))
        end(cluster, "Complete", report=json.dumps({**CONFIG, "modelType": "qwen2"}))
        await anyio.sleep(1)
        assert status(cluster, KEY)["state"] == "Ready"
        assert found(cluster, KEY)["spec"]["modelType"] == "qwen2"


@pytest.mark.parametrize("report", [None, "", "no json", "[1]", "[" * 4000])
def test_a_job_that_left_no_report(report: str | None) -> None:
    async def scenario() -> None:
        cluster = place()
        cluster.put(on_claim())
        async with operator(cluster):
            await anyio.sleep(1)
            end(cluster, "Complete", report=report)
            await anyio.sleep(1)
            assert status(cluster, KEY)["state"] == "Failed"
            assert "left no report" in condition(cluster, "Ready", KEY)["message"]

    run_virtual(scenario)


@pytest.mark.parametrize(
    ("namespace", "uri", "text"),
    [
        ("team", "pvc://other:claim/x", "cross-namespace PVC access is not allowed for BaseModel"),
        ("", "pvc://claim/x", "PVC namespace is required for ClusterBaseModel: use pvc://"),
        ("team", "pvc://claim", "missing subpath"),
    ],
)
def test_uris_that_cannot_be_used(namespace: str, uri: str, text: str) -> None:
    async def scenario() -> None:
        cluster = place()
        cluster.put(model(namespace=namespace, storage={"storageUri": uri}))
        async with operator(cluster):
            await anyio.sleep(1)
            key = ObjectKey(namespace, "m")
            assert status(cluster, key)["state"] == "Failed"
            assert warnings(cluster)[0][0] == "InvalidStorageURI"
            assert text in warnings(cluster)[0][1]

    run_virtual(scenario)


@virtual
async def test_a_cluster_model_names_the_namespace_of_its_claim() -> None:
    cluster = place()
    cluster.put(model(storage={"storageUri": "pvc://team:claim/x"}))
    async with operator(cluster):
        await anyio.sleep(1)
        (job,) = jobs(cluster)
        assert job["metadata"]["namespace"] == "team"
        end(cluster, "Complete", report=json.dumps(CONFIG))
        await anyio.sleep(1)
        assert status(cluster)["state"] == "Ready"


@virtual
async def test_without_an_image_the_model_says_where_to_set_it_and_goes_on_with_it() -> None:
    cluster = new_cluster()
    cluster.put(pvc())
    cluster.put(on_claim())
    async with operator(cluster):
        await anyio.sleep(1)
        assert "modelInit" in condition(cluster, "Ready", KEY)["message"]
        with_image(cluster)
        await anyio.sleep(1)
        assert status(cluster, KEY)["state"] == "Importing"


@virtual
async def test_deletion_takes_the_job_along_and_leaves_the_claim() -> None:
    cluster = place()
    cluster.put(on_claim())
    async with operator(cluster):
        await anyio.sleep(1)
        delete(cluster, KEY)
        await anyio.sleep(1)
        assert gone(cluster, KEY)
        assert jobs(cluster) == []
        assert cluster.object(PVCS, ObjectKey("team", "claim")) is not None


@virtual
async def test_a_strangers_job_of_the_name_is_left_alone() -> None:
    cluster = place()
    cluster.put(on_claim())
    async with operator(cluster):
        await anyio.sleep(1)
        (job,) = jobs(cluster)
    cluster.remove(JOBS, ObjectKey("team", job["metadata"]["name"]))
    stranger = {"name": job["metadata"]["name"], "namespace": "team"}
    cluster.put({"apiVersion": "batch/v1", "kind": "Job", "metadata": stranger, "spec": {}})
    async with operator(cluster, seed=2):
        await anyio.sleep(1)
        assert condition(cluster, "Ready", KEY)["reason"] == "ServiceConflict"
        assert jobs(cluster)[0]["spec"] == {}


@virtual
async def test_a_refused_job_is_told_and_a_restart_makes_no_second_one() -> None:
    cluster = place()
    cluster.put(on_claim())
    cluster.fail("apply", JOBS, Forbidden("no quota"))
    async with operator(cluster):
        await anyio.sleep(120)
        assert "no quota" in warnings(cluster)[0][1]
        assert status(cluster, KEY)["state"] == "Importing"
    (job,) = jobs(cluster)
    cluster.fail("list", PODS, InternalError("later"))
    async with operator(cluster, seed=2):
        await anyio.sleep(1)
        assert [item["metadata"]["uid"] for item in jobs(cluster)] == [job["metadata"]["uid"]]
        end(cluster, "Complete", report=json.dumps(CONFIG))
        await anyio.sleep(5)
        assert status(cluster, KEY)["state"] == "Ready"
    assert cluster.object(CONFIGMAPS, ObjectKey(NAMESPACE, "inferenceservice-config")) is not None
