"""What the controller says of weights: their base model, their storage, their nodes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anyio
import pytest

from ome.controllers.basemodel.status import condition
from ome.controllers.resources import BASE_MODELS, CLUSTER_BASE_MODELS, FINE_TUNED_WEIGHTS
from ome.errors import Conflict, InternalError
from ome.kube.resource import ObjectKey
from tests.controllers.basemodel.world import (
    entry,
    model,
    new_cluster,
    operator,
    put_reports,
    warnings,
)
from tests.support.virtual_time import run_virtual, virtual

if TYPE_CHECKING:
    from tests.support.fake_cluster import FakeCluster

KEY = ObjectKey("", "w")
REPORT = "finetunedweight.w"
OCI = "oci://n/ns/b/bucket/o/weights"
FINALIZER = "finetunedweights.ome.io/finalizer"


def weight(uri: str = OCI, path: str = "", **reference: str) -> dict[str, Any]:
    return {
        "apiVersion": "ome.io/v1beta1",
        "kind": "FineTunedWeight",
        "metadata": {"name": "w"},
        "spec": {
            "baseModelRef": reference or {"name": "m"},
            "modelType": "LoRA",
            "hyperParameters": {},
            "storage": {"storageUri": uri, **({"path": path} if path else {})},
        },
    }


def stored(cluster: FakeCluster) -> dict[str, Any]:
    found = cluster.object(FINE_TUNED_WEIGHTS, KEY)
    assert found is not None
    return found


def status(cluster: FakeCluster) -> dict[str, Any]:
    return dict(stored(cluster).get("status") or {})


def reason(cluster: FakeCluster, type_: str = "Ready") -> str:
    held = status(cluster)["conditions"]
    return next(str(item["reason"]) for item in held if item["type"] == type_)


@virtual
async def test_it_is_ready_while_its_base_model_exists() -> None:
    cluster = new_cluster()
    cluster.put(weight())
    cluster.put(model(namespace="team"))
    async with operator(cluster):
        await anyio.sleep(1)
        assert (status(cluster)["state"], reason(cluster)) == ("Failed", "BaseModelNotFound")
        ((told, note),) = warnings(cluster)
        assert told == "BaseModelNotFound"
        assert "No ClusterBaseModel with the name: m" in note
        cluster.put(model())
        await anyio.sleep(2)
        assert (status(cluster)["state"], reason(cluster)) == ("Ready", "BaseModelFound")
        assert reason(cluster, "Degraded") == "NoProblem"
        assert "finalizers" not in stored(cluster)["metadata"]
        assert not {"nodesReady", "nodesReadyCount"} & status(cluster).keys()
        cluster.put({**model(), "spec": {"storage": {"storageUri": "hf://a/b"}}})
        cluster.remove(CLUSTER_BASE_MODELS, ObjectKey("", "m"))
        await anyio.sleep(2)
        assert status(cluster)["state"] == "Failed"


@virtual
async def test_a_namespace_means_a_base_model_of_it() -> None:
    cluster = new_cluster()
    cluster.put(model())
    cluster.put(weight(name="m", namespace="team"))
    async with operator(cluster):
        await anyio.sleep(1)
        assert status(cluster)["state"] == "Failed"
        cluster.put(model(namespace="team"))
        await anyio.sleep(2)
        assert status(cluster)["state"] == "Ready"
        assert cluster.object(BASE_MODELS, ObjectKey("team", "m")) is not None


def test_an_object_of_oci_is_for_pods_also_when_it_names_a_path() -> None:
    async def main() -> None:
        cluster = new_cluster()
        cluster.put(model())
        cluster.put(weight(path="/raid/w"))
        async with operator(cluster):
            await anyio.sleep(2)
            assert status(cluster)["state"] == "Ready"
            assert "nodesReadyCount" not in status(cluster)
            assert not stored(cluster)["metadata"].get("finalizers")

    run_virtual(main)


@pytest.mark.parametrize("uri", ["oci://bucket/x", "hf://a/b", "pvc://c/x", "oci://n/a/b", "x"])
def test_weights_are_fetched_from_oci_only(uri: str) -> None:
    async def scenario() -> None:
        cluster = new_cluster()
        cluster.put(model())
        cluster.put(weight(uri))
        async with operator(cluster):
            await anyio.sleep(1)
            assert (status(cluster)["state"], reason(cluster)) == ("Failed", "InvalidStorageURI")
            assert "oci://n/{namespace}/b/{bucket}/o/" in warnings(cluster)[0][1]
            assert uri.startswith("oci://") or "set spec.storage.path" in warnings(cluster)[0][1]

    run_virtual(scenario)


@virtual
async def test_nodes_report_weights_as_they_do_models() -> None:
    cluster = new_cluster("n1", "n2", "n3")
    cluster.put(model())
    cluster.put(weight())
    async with operator(cluster):
        await anyio.sleep(1)
        put_reports(cluster, {"n1": "Updating"}, REPORT)
        await anyio.sleep(2)
        assert status(cluster)["state"] == "In_Transit"
        assert stored(cluster)["metadata"]["finalizers"] == [FINALIZER]
        error = {"reason": "disk_full", "message": "no space"}
        put_reports(cluster, {"n1": "Ready", "n2": entry("Failed", error=error)}, REPORT)
        await anyio.sleep(2)
        now = status(cluster)
        assert (now["state"], now["nodesReady"], now["nodesFailed"]) == ("Ready", ["n1"], ["n2"])
        assert (now["nodesReadyCount"], now["nodesFailedCount"]) == (1, 1)
        assert "first n2: no space" in warnings(cluster)[0][1]
        cluster.remove(FINE_TUNED_WEIGHTS, KEY)
        await anyio.sleep(2)
        assert cluster.object(FINE_TUNED_WEIGHTS, KEY) is not None
        put_reports(cluster, {"n1": "Deleted", "n2": "Deleted"}, REPORT)
        await anyio.sleep(2)
        assert cluster.object(FINE_TUNED_WEIGHTS, KEY) is None


@virtual
async def test_one_with_a_path_is_for_nodes_from_its_first_moment() -> None:
    cluster = new_cluster("n1")
    cluster.put(model())
    cluster.put(weight("hf://a/b", "/raid/w"))
    async with operator(cluster):
        await anyio.sleep(1)
        now = status(cluster)
        assert (now["state"], reason(cluster), now["nodesReadyCount"]) == (
            "In_Transit",
            "InTransit",
            0,
        )
        assert stored(cluster)["metadata"]["finalizers"] == [FINALIZER]
        switched_off = {**stored(cluster)["spec"], "disabled": True}
        cluster.put({**stored(cluster), "spec": switched_off})
        await anyio.sleep(2)
        held = condition(status(cluster), "Ready")
        assert held is not None
        assert held["message"].startswith("spec.disabled is true")
        put_reports(cluster, {"n1": "Ready"}, REPORT)
        await anyio.sleep(2)
        assert (status(cluster)["state"], status(cluster)["nodesReady"]) == ("Ready", ["n1"])
        # The path goes: nodes let go, and it is one for pods again.
        cluster.put({**stored(cluster), "spec": weight()["spec"]})
        put_reports(cluster, {"n1": "Deleted"}, REPORT)
        await anyio.sleep(2)
        assert (status(cluster)["state"], reason(cluster)) == ("Ready", "BaseModelFound")
        assert stored(cluster)["metadata"]["finalizers"] == []


@pytest.mark.parametrize(
    ("uri", "text"), [("pvc://c/x", "a claim is not fetched to nodes"), ("hf://", "hf://")]
)
def test_what_agents_cannot_fetch_fails(uri: str, text: str) -> None:
    async def scenario() -> None:
        cluster = new_cluster()
        cluster.put(model())
        cluster.put(weight(uri, "/raid/w"))
        async with operator(cluster):
            await anyio.sleep(1)
            assert (status(cluster)["state"], reason(cluster)) == ("Failed", "InvalidStorageURI")
            assert text in warnings(cluster)[0][1]

    run_virtual(scenario)


@virtual
async def test_without_reports_it_is_deleted_at_once_and_the_finalizer_goes_with_them() -> None:
    cluster = new_cluster("n1")
    cluster.put(model())
    cluster.put(weight())
    put_reports(cluster, {"n1": "Ready"}, REPORT)
    async with operator(cluster):
        await anyio.sleep(2)
        assert stored(cluster)["metadata"]["finalizers"] == [FINALIZER]
        put_reports(cluster, {"n1": "Deleted"}, REPORT)
        await anyio.sleep(2)
        assert stored(cluster)["metadata"]["finalizers"] == []
        cluster.remove(FINE_TUNED_WEIGHTS, KEY)
        assert cluster.object(FINE_TUNED_WEIGHTS, KEY) is None


@virtual
async def test_a_settled_weight_sees_no_write_and_trouble_passes() -> None:
    cluster = new_cluster()
    cluster.put(model())
    cluster.put(weight())
    cluster.fail("json_patch", FINE_TUNED_WEIGHTS, InternalError("later"))
    cluster.fail("json_patch", FINE_TUNED_WEIGHTS, Conflict("changed"))
    async with operator(cluster):
        await anyio.sleep(10)
        assert status(cluster)["state"] == "Ready"
        writes = len(cluster.writes)
        await anyio.sleep(600)
        assert len(cluster.writes) == writes
    async with operator(cluster, seed=2):
        await anyio.sleep(60)
        assert len(cluster.writes) == writes
