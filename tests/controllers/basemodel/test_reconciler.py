"""What the controllers do to models, on a fake cluster: finalizer, status, trouble."""

from __future__ import annotations

import json

import anyio
import pytest

from ome.controllers.resources import CLUSTER_BASE_MODELS
from ome.errors import Conflict, Forbidden, InternalError, Invalid, TransportError
from ome.kube.resource import ObjectKey
from ome.kube.resources import CONFIGMAPS
from ome.telemetry.metrics import Metrics
from tests.controllers.basemodel.world import (
    CONFIG,
    FINALIZER,
    NAMESPACE,
    REPORT,
    condition,
    delete,
    entry,
    found,
    lose_nodes,
    model,
    new_cluster,
    operator,
    put_node,
    put_reports,
    report,
    status,
    status_writes,
    warnings,
)
from tests.support.virtual_time import run_virtual, virtual


@virtual
async def test_a_new_model_gets_a_finalizer_and_a_state() -> None:
    cluster = new_cluster()
    async with operator(cluster):
        cluster.put(model())
        await anyio.sleep(0.5)
        assert found(cluster)["metadata"]["finalizers"] == [FINALIZER]
        assert status(cluster)["state"] == "In_Transit"
        ready = condition(cluster, "Ready")
        assert (ready["status"], ready["reason"]) == ("False", "InTransit")
        assert "is an agent running on nodes that match storage.nodeSelector" in ready["message"]
        assert warnings(cluster) == []


@virtual
async def test_both_kinds_of_one_name_live_apart() -> None:
    cluster = new_cluster("n1")
    other = ObjectKey("team", "m")
    async with operator(cluster):
        cluster.put(model())
        cluster.put(model(namespace="team"))
        data = {REPORT: entry("Ready"), "team.basemodel.m": entry("Failed")}
        cluster.put(report("n1", data))
        await anyio.sleep(2)
        assert status(cluster)["state"] == "Ready"
        assert status(cluster, other)["state"] == "Failed"
        assert found(cluster, other)["metadata"]["finalizers"] == ["basemodels.ome.io/finalizer"]


@virtual
async def test_states_lists_and_counts() -> None:
    cluster = new_cluster("n1", "n2", "n3", "n10")
    async with operator(cluster):
        cluster.put(model())
        states = {"n1": "Updating", "n2": "Failed", "n10": "Failed", "n3": "Odd"}
        put_reports(cluster, states)
        await anyio.sleep(3)
        now = status(cluster)
        assert (now["state"], now["nodesFailed"]) == ("Failed", ["n10", "n2"])
        assert "nodesReady" not in now
        counts = [now[f"nodes{name}Count"] for name in ("Ready", "Failed", "Updating")]
        assert counts == [0, 2, 1]
        put_reports(cluster, {"n1": "Ready"})
        await anyio.sleep(3)
        assert status(cluster)["state"] == "Ready"
        assert status(cluster)["nodesReady"] == ["n1"]
        put_reports(cluster, {"n1": "Updating", "n2": "Updating", "n10": "Updating"})
        await anyio.sleep(3)
        assert status(cluster)["state"] == "In_Transit"
        assert "nodesReady" not in status(cluster)
        assert "nodesFailed" not in status(cluster)


@virtual
async def test_a_settled_model_sees_no_request_also_after_a_restart() -> None:
    cluster = new_cluster("n1", "n2")
    cluster.put(model())
    put_reports(cluster, {"n1": entry("Ready", config=CONFIG), "n2": "Failed"})
    async with operator(cluster):
        await anyio.sleep(120)
        before = len(cluster.requests)
        await anyio.sleep(3600)
        watches = [request for request in cluster.requests[before:] if request.method != "GET"]
        assert watches == []
        asked = {dict(request.query).get("watch") for request in cluster.requests[before:]}
        assert asked <= {"true"}
    told, writes = warnings(cluster), len(cluster.writes)
    async with operator(cluster, seed=2):
        await anyio.sleep(600)
    assert len(cluster.writes) == writes
    assert warnings(cluster) == told


@virtual
async def test_progress_alone_writes_nothing() -> None:
    cluster = new_cluster("n1")
    cluster.put(model())
    put_reports(cluster, {"n1": "Updating"})
    async with operator(cluster):
        await anyio.sleep(5)
        before = len(cluster.writes)
        for done in range(50):
            progress = {"phase": "downloading", "totalBytes": 50, "completedBytes": done}
            put_reports(cluster, {"n1": entry("Updating", progress=progress)})
            await anyio.sleep(1)
        assert len(cluster.writes) == before
        assert status(cluster)["nodesUpdatingCount"] == 1


@virtual
async def test_the_reports_of_a_burst_wait_for_the_next_write_together() -> None:
    nodes = [f"n{number}" for number in range(50)]
    cluster, metrics = new_cluster(*nodes), Metrics()
    cluster.put(model())
    async with operator(cluster, metrics=metrics):
        await anyio.sleep(5)

        def count(name: str, **labels: str) -> float:
            return metrics.registry.get_sample_value(name, labels) or 0

        def passes() -> float:
            return sum(
                count(
                    "controller_runtime_reconcile_total",
                    controller="clusterbasemodel",
                    result=result,
                )
                for result in ("success", "requeue_after")
            )

        before, written = passes(), len(status_writes(cluster))
        for node in nodes:
            put_reports(cluster, {node: "Ready"})
            await anyio.sleep(0.05)
        await anyio.sleep(2)
        assert status(cluster)["nodesReadyCount"] == len(nodes)
        writes = len(status_writes(cluster)) - written
        assert writes <= 5
        assert passes() - before <= 2 * writes + 2, "a report that waits makes no pass"
        kind = CLUSTER_BASE_MODELS.kind
        assert count("ome_status_writes_total", kind=kind) == writes + written
        saved = count("ome_status_coalesced_total", kind=kind)
        assert len(nodes) - writes <= saved < len(nodes)


@virtual
async def test_a_restart_in_the_middle_goes_on_from_what_is_stored() -> None:
    cluster = new_cluster("n1", "n2", "n3")
    cluster.put(model())
    # The first process dies between the finalizer and the status.
    cluster.fail("patch", CLUSTER_BASE_MODELS, TransportError("cut"), after=True)
    async with operator(cluster):
        await anyio.sleep(0.001)
    for seed, states in enumerate(({"n1": "Ready"}, {"n2": "Failed"}, {"n3": "Ready"})):
        put_reports(cluster, states)
        async with operator(cluster, seed=seed):
            await anyio.sleep(0.01 * seed)
    async with operator(cluster):
        await anyio.sleep(5)
    assert found(cluster)["metadata"]["finalizers"] == [FINALIZER]
    assert status(cluster)["nodesReady"] == ["n1", "n3"]
    assert status(cluster)["nodesFailed"] == ["n2"]


@virtual
async def test_a_stale_cache_loses_and_tries_again() -> None:
    """The watch of models hangs while somebody edits one: our write must not win."""
    cluster = new_cluster("n1")
    async with operator(cluster):
        cluster.put(model())
        await anyio.sleep(5)
        cluster.fail("watch", CLUSTER_BASE_MODELS, InternalError("busy"), times=2)
        cluster.drop_watch(CLUSTER_BASE_MODELS)
        edited = found(cluster)
        edited["spec"]["displayName"] = "edited"
        edited["metadata"]["finalizers"].append("other.io/keep")
        cluster.put(edited)
        put_reports(cluster, {"n1": entry("Ready", config=CONFIG)})
        await anyio.sleep(60)
        now = found(cluster)
        assert now["spec"]["displayName"] == "edited"
        assert now["spec"]["modelType"] == "llama"
        assert "other.io/keep" in now["metadata"]["finalizers"]
        assert status(cluster)["nodesReady"] == ["n1"]


@pytest.mark.parametrize(
    "error",
    [
        Conflict("changed", reason="Conflict"),
        InternalError("etcd is away"),
        Forbidden("not allowed"),
        TransportError("connection reset"),
    ],
    ids=lambda error: type(error).__name__,
)
@pytest.mark.parametrize("after", [False, True])
def test_errors_of_the_server_only_delay(error: Exception, after: bool) -> None:
    async def scenario() -> None:
        cluster = new_cluster("n1", "n2")
        cluster.fail("patch", CLUSTER_BASE_MODELS, error, times=7, after=after)
        async with operator(cluster):
            cluster.put(model())
            put_reports(cluster, {"n1": entry("Ready", config=CONFIG), "n2": "Failed"})
            await anyio.sleep(120)
            assert status(cluster)["nodesReady"] == ["n1"]
            assert status(cluster)["nodesFailed"] == ["n2"]
            assert found(cluster)["spec"]["modelType"] == "llama"
            assert found(cluster)["metadata"]["finalizers"] == [FINALIZER]

    run_virtual(scenario)


@virtual
async def test_what_the_server_refuses_of_the_spec_is_told_and_the_state_too() -> None:
    cluster = new_cluster("n1")
    async with operator(cluster):
        cluster.put(model())
        await anyio.sleep(3)
        cluster.fail("patch", CLUSTER_BASE_MODELS, Invalid("spec.modelType: too odd"))
        put_reports(cluster, {"n1": entry("Ready", config=CONFIG)})
        await anyio.sleep(0.1)
        assert status(cluster)["state"] == "Ready"
        degraded = condition(cluster, "Degraded")
        assert degraded["reason"] == "SpecNotFilled"
        assert "spec.modelType: too odd" in degraded["message"]
        await anyio.sleep(5)
        assert [reason for reason, _ in warnings(cluster)] == ["SpecNotFilled"]
        assert found(cluster)["spec"]["modelType"] == "llama"
        assert condition(cluster, "Degraded")["status"] == "False"


@virtual
async def test_a_node_that_goes_and_comes_back() -> None:
    cluster = new_cluster("n1", "n2")
    cluster.put(model())
    put_reports(cluster, {"n1": "Ready", "n2": "Ready"})
    async with operator(cluster):
        await anyio.sleep(3)
        lose_nodes(cluster, ["n1"])
        await anyio.sleep(2)
        assert status(cluster)["nodesReady"] == ["n2"]
        assert cluster.object(CONFIGMAPS, ObjectKey(NAMESPACE, "n1")) is None
        put_node(cluster, "n1")
        put_reports(cluster, {"n1": "Ready"})
        await anyio.sleep(3)
        assert status(cluster)["nodesReady"] == ["n1", "n2"]


@virtual
async def test_two_models_of_one_key_are_both_looked_at() -> None:
    """A namespace called clusterbasemodel: keys collide, and must not hide a model."""
    cluster = new_cluster("n1")
    mine, other = ObjectKey("clusterbasemodel", "x"), ObjectKey("", "basemodel.x")
    key = "clusterbasemodel.basemodel.x"
    async with operator(cluster):
        cluster.put(model("x", "clusterbasemodel"))
        cluster.put(model("basemodel.x"))
        put_reports(cluster, {"n1": "Ready"}, key)
        await anyio.sleep(3)
        assert status(cluster, mine)["nodesReady"] == ["n1"]
        assert status(cluster, other)["nodesReady"] == ["n1"]
        cluster.put(report("n1", {}))
        await anyio.sleep(3)
        delete(cluster, other)
        await anyio.sleep(1)
        put_reports(cluster, {"n1": "Failed"}, key)
        await anyio.sleep(3)
        assert status(cluster, mine)["state"] == "Failed"


@virtual
async def test_what_others_wrote_into_the_status_stays() -> None:
    cluster = new_cluster("n1")
    foreign = {"type": "Audited", "status": "True", "reason": "Seen", "message": ""}
    document = model()
    document["status"] = {"state": "In_Transit", "lifecycle": "Public", "conditions": [foreign]}
    cluster.put(document)
    put_reports(cluster, {"n1": "Ready"})
    async with operator(cluster):
        await anyio.sleep(3)
        assert status(cluster)["lifecycle"] == "Public"
        assert condition(cluster, "Audited") == foreign
        assert condition(cluster, "Ready")["status"] == "True"


@virtual
async def test_garbage_in_reports_is_survived() -> None:
    cluster = new_cluster("n1", "n2")
    cluster.put(model())
    cluster.put(report("n1", {REPORT: "{invalid", "no-model": "x", "": json.dumps([1])}))
    put_reports(cluster, {"n2": "Ready"})
    async with operator(cluster):
        await anyio.sleep(3)
        assert status(cluster)["nodesReady"] == ["n2"]
