"""A model goes when the nodes have let go of it, whatever comes between."""

from __future__ import annotations

import anyio

from tests.controllers.basemodel.world import (
    FINALIZER,
    delete,
    found,
    gone,
    lose_nodes,
    model,
    new_cluster,
    operator,
    put_reports,
    report,
    status,
    status_writes,
)
from tests.support.virtual_time import virtual


@virtual
async def test_deletion_waits_for_the_nodes_and_touches_no_foreign_finalizer() -> None:
    cluster = new_cluster("n1", "n2")
    document = model()
    document["metadata"]["finalizers"] = ["other.io/keep"]
    async with operator(cluster):
        cluster.put(document)
        put_reports(cluster, {"n1": "Ready", "n2": "Updating"})
        await anyio.sleep(3)
        assert found(cluster)["metadata"]["finalizers"] == ["other.io/keep", FINALIZER]
        delete(cluster)
        written = len(status_writes(cluster))
        cluster.put(report("n1", {}))
        await anyio.sleep(100)
        assert FINALIZER in found(cluster)["metadata"]["finalizers"]
        put_reports(cluster, {"n2": "Deleted"})
        await anyio.sleep(1)
        assert found(cluster)["metadata"]["finalizers"] == ["other.io/keep"]
        assert len(status_writes(cluster)) == written
        await anyio.sleep(100)
        kept = found(cluster)
        del kept["metadata"]["finalizers"], kept["status"]
        cluster.put(kept)
        await anyio.sleep(1)
        assert gone(cluster)


@virtual
async def test_deletion_in_the_middle_of_a_pass() -> None:
    """The model is deleted while the status write is on its way."""
    cluster = new_cluster("n1")
    cluster.put(model())
    async with operator(cluster):
        await anyio.sleep(5)
        cluster.delay = 0.5
        put_reports(cluster, {"n1": "Ready"})
        await anyio.sleep(0.2)
        cluster.put(report("n1", {}))
        delete(cluster)
        await anyio.sleep(20)
        assert gone(cluster)


@virtual
async def test_a_model_that_no_node_ever_held_is_released_at_once() -> None:
    cluster = new_cluster("n1")
    async with operator(cluster):
        cluster.put(model())
        await anyio.sleep(3)
        delete(cluster)
        await anyio.sleep(0.1)
        assert gone(cluster)


@virtual
async def test_a_report_of_a_node_that_is_gone_blocks_no_deletion() -> None:
    cluster = new_cluster("n1")
    put_reports(cluster, {"n1": "Ready", "never-was": "Ready"})
    async with operator(cluster):
        cluster.put(model())
        await anyio.sleep(3)
        assert status(cluster)["nodesReady"] == ["n1"]
        delete(cluster)
        await anyio.sleep(1)
        assert not gone(cluster)
        lose_nodes(cluster, ["n1"])
        await anyio.sleep(1)
        assert gone(cluster)


@virtual
async def test_made_anew_under_the_same_name() -> None:
    cluster = new_cluster("n1")
    async with operator(cluster):
        cluster.put(model())
        put_reports(cluster, {"n1": "Ready"})
        await anyio.sleep(3)
        delete(cluster)
        cluster.put(report("n1", {}))
        await anyio.sleep(0.05)
        assert gone(cluster)
        cluster.put(model())
        put_reports(cluster, {"n1": "Updating"})
        await anyio.sleep(3)
        assert status(cluster)["state"] == "In_Transit"
        assert status(cluster)["nodesUpdatingCount"] == 1
        assert found(cluster)["metadata"]["finalizers"] == [FINALIZER]
