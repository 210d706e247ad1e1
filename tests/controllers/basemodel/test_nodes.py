"""Reports of nodes that are gone: deleted, but only when they really are."""

from __future__ import annotations

import anyio
import pytest

from ome.controllers.basemodel.nodes import GRACE
from ome.errors import Conflict, Forbidden, InternalError, TransportError
from ome.kube.resource import ObjectKey
from ome.kube.resources import CONFIGMAPS, NODES
from tests.controllers.basemodel.world import (
    NAMESPACE,
    has_report,
    lose_nodes,
    model,
    new_cluster,
    operator,
    put_node,
    put_reports,
    status,
)
from tests.support.virtual_time import run_virtual, virtual


@virtual
async def test_a_node_that_goes_takes_its_report_along() -> None:
    cluster = new_cluster("n1", "n2")
    put_reports(cluster, {"n1": "Ready", "n2": "Ready"})
    uid = cluster.objects(CONFIGMAPS, NAMESPACE)[0]["metadata"]["uid"]
    async with operator(cluster):
        await anyio.sleep(1)
        lose_nodes(cluster, ["n1"])
        await anyio.sleep(1)
        assert not has_report(cluster, "n1")
        assert has_report(cluster, "n2")
        (deleted,) = [write for write in cluster.writes if write.verb == "delete"]
        assert deleted.body["preconditions"]["uid"] == uid


@virtual
async def test_a_node_that_went_while_nobody_looked() -> None:
    cluster = new_cluster("n1")
    put_reports(cluster, {"n1": "Ready", "n2": "Ready"})
    async with operator(cluster):
        await anyio.sleep(GRACE - 1)
        assert has_report(cluster, "n2")
        await anyio.sleep(2)
        assert not has_report(cluster, "n2")
        assert has_report(cluster, "n1")


@virtual
async def test_a_cache_that_missed_a_new_node_deletes_nothing() -> None:
    """The watch of nodes hangs: only the server's own word counts."""
    cluster = new_cluster("n1")
    cluster.put(model())
    put_reports(cluster, {"n1": "Ready"})
    async with operator(cluster):
        await anyio.sleep(1)
        lose_nodes(cluster, ["n1"])
        put_node(cluster, "n1")
        await anyio.sleep(1)
        assert has_report(cluster, "n1")
        cluster.fail("watch", NODES, InternalError("busy"), times=30)
        cluster.fail("list", NODES, InternalError("busy"), times=30)
        cluster.drop_watch(NODES)
        put_node(cluster, "n2")
        put_reports(cluster, {"n2": "Ready"})
        await anyio.sleep(GRACE + 5)
        assert has_report(cluster, "n2")
        await anyio.sleep(2 * GRACE)
        assert status(cluster)["nodesReady"] == ["n1", "n2"]


@pytest.mark.parametrize("verb", ["get", "delete"])
@pytest.mark.parametrize(
    "error",
    [
        InternalError("etcd is away"),
        Forbidden("not allowed"),
        TransportError("connection reset"),
        Conflict("another uid", reason="Conflict"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_errors_only_delay(verb: str, error: Exception) -> None:
    async def scenario() -> None:
        cluster = new_cluster("n1")
        put_reports(cluster, {"n1": "Ready"})
        async with operator(cluster):
            await anyio.sleep(1)
            cluster.fail(verb, NODES if verb == "get" else CONFIGMAPS, error, times=5)
            lose_nodes(cluster, ["n1"])
            await anyio.sleep(120)
            assert not has_report(cluster, "n1")

    run_virtual(scenario)


@virtual
async def test_a_report_made_anew_meanwhile_survives() -> None:
    """The node came back and its new agent wrote: the delete that is on its way must not hit."""
    cluster = new_cluster("n1")
    put_reports(cluster, {"n1": "Ready"})
    async with operator(cluster):
        await anyio.sleep(1)
        cluster.fail("watch", CONFIGMAPS, InternalError("busy"), times=3)
        cluster.drop_watch(CONFIGMAPS)
        lose_nodes(cluster, ["n1"])
        cluster.remove(CONFIGMAPS, ObjectKey(NAMESPACE, "n1"))
        put_reports(cluster, {"n1": "Ready"})
        await anyio.sleep(0.001)
        put_node(cluster, "n1")
        await anyio.sleep(1000)
        assert has_report(cluster, "n1")
