"""Simulated agents while models, nodes and the server change."""

from __future__ import annotations

import anyio
import anyio.lowlevel
import pytest

from ome.agent.protocol import Entry, encode_entry, status_config_map
from ome.controllers.resources import CLUSTER_BASE_MODELS
from ome.errors import Forbidden, InternalError, TransportError
from ome.kube.resource import ObjectKey
from ome.kube.resources import CONFIGMAPS, NODES
from tests.agent.simulated import (
    KEY,
    agents,
    history,
    label,
    model,
    new_cluster,
    put_node,
    said,
    state,
)
from tests.support.virtual_time import run_virtual, virtual


@virtual
async def test_deletion_in_the_middle_of_a_download() -> None:
    cluster = new_cluster("n1")
    async with agents(cluster, seconds=(60, 60)):
        held = model()
        held["metadata"]["finalizers"] = ["x/y"]
        cluster.put(held)
        await anyio.sleep(10)
        assert state(cluster, "n1") == "Updating"
        cluster.remove(CLUSTER_BASE_MODELS, ObjectKey("", "m"))
        await anyio.sleep(5)
        assert (said(cluster, "n1"), label(cluster, "n1")) == (None, "")
        before = len(cluster.writes)
        await anyio.sleep(200)
        assert len(cluster.writes) == before


@virtual
async def test_a_model_that_goes_as_it_comes_leaves_nothing() -> None:
    cluster = new_cluster("n1")
    async with agents(cluster):
        for _ in range(10):
            cluster.put(model())
            await anyio.lowlevel.checkpoint()
            cluster.remove(CLUSTER_BASE_MODELS, ObjectKey("", "m"))
            await anyio.sleep(0.01)
        await anyio.sleep(20)
        assert (said(cluster, "n1"), label(cluster, "n1")) == (None, "")


@virtual
async def test_a_restart_flips_nothing_and_collects_what_is_gone() -> None:
    cluster = new_cluster("n1")
    cluster.put(model())
    cluster.put(model("other"))
    async with agents(cluster, failing=frozenset({("other", "n1")})):
        await anyio.sleep(10)
    cluster.remove(CLUSTER_BASE_MODELS, ObjectKey("", "other"))
    before = len(cluster.writes)
    async with agents(cluster):
        await anyio.sleep(60)
    assert history(cluster, "n1")[-1] == "Ready"
    assert state(cluster, "n1") == "Ready"
    assert said(cluster, "n1", "clusterbasemodel.other") is None
    assert label(cluster, "n1") == "Ready"
    # One write to each object: the entry and the label of the model that is gone.
    assert len(cluster.writes) - before == 2


@virtual
async def test_a_failed_download_starts_anew_at_a_restart() -> None:
    cluster = new_cluster("n1")
    cluster.put(model())
    async with agents(cluster, failure_rate=1.0):
        await anyio.sleep(10)
        assert state(cluster, "n1") == "Failed"
    async with agents(cluster):
        await anyio.sleep(10)
        assert state(cluster, "n1") == "Ready"


@virtual
async def test_a_new_source_is_fetched_and_keeps_the_config_meanwhile() -> None:
    cluster = new_cluster("n1")
    cluster.put(model())
    async with agents(cluster, seconds=(5, 5)):
        await anyio.sleep(20)
        written = len(history(cluster, "n1"))
        cluster.put({**model(), "spec": {**model()["spec"], "displayName": "x"}})
        await anyio.sleep(20)
        assert len(history(cluster, "n1")) == written
        cluster.put(model(storageUri="hf://example/newer"))
        await anyio.sleep(3)
        entry = said(cluster, "n1")
        assert entry is not None
        assert entry.status == "Updating"
        assert entry.config is not None
        await anyio.sleep(20)
        assert state(cluster, "n1") == "Ready"


@virtual
async def test_a_model_that_is_switched_off_is_not_fetched_and_stays_where_it_is() -> None:
    cluster, off = new_cluster("n1"), model()
    off["spec"]["disabled"] = True
    cluster.put(off)
    async with agents(cluster):
        await anyio.sleep(10)
        assert (said(cluster, "n1"), label(cluster, "n1")) == (None, "")
        cluster.put(model())
        await anyio.sleep(1.2)
        cluster.put(off)
        await anyio.sleep(30)
        assert state(cluster, "n1") == "Updating"
        cluster.put(model())
        await anyio.sleep(10)
        assert state(cluster, "n1") == "Ready"
        cluster.put(off)
        await anyio.sleep(10)
        assert (state(cluster, "n1"), label(cluster, "n1")) == ("Ready", "Ready")
    async with agents(cluster):  # started anew
        await anyio.sleep(10)
        assert (state(cluster, "n1"), label(cluster, "n1")) == ("Ready", "Ready")


@virtual
async def test_nodes_come_and_go() -> None:
    cluster = new_cluster("n1")
    cluster.put(model())
    async with agents(cluster):
        await anyio.sleep(10)
        put_node(cluster, "n2")
        await anyio.sleep(10)
        assert state(cluster, "n2") == "Ready"
        cluster.remove(NODES, ObjectKey("", "n1"))
        cluster.remove(CONFIGMAPS, ObjectKey("ome", "n1"))
        await anyio.sleep(2000)
        # The agent of a node that is gone is gone too.
        assert cluster.object(CONFIGMAPS, ObjectKey("ome", "n1")) is None
        put_node(cluster, "n1")
        await anyio.sleep(10)
        assert (state(cluster, "n1"), label(cluster, "n1")) == ("Ready", "Ready")


@pytest.mark.parametrize(
    "error",
    [InternalError("busy"), Forbidden("no"), TransportError("cut")],
    ids=lambda error: type(error).__name__,
)
def test_trouble_with_the_server_only_delays(error: Exception) -> None:
    async def scenario() -> None:
        cluster = new_cluster("n1")
        cluster.put(model())
        async with agents(cluster):
            for verb, resource in (
                ("get", CLUSTER_BASE_MODELS),
                ("get", CONFIGMAPS),
                ("get", NODES),
                ("patch", NODES),
                ("patch", CONFIGMAPS),
                ("create", CONFIGMAPS),
            ):
                cluster.fail(verb, resource, error, times=4)
            await anyio.sleep(200)
            assert (state(cluster, "n1"), label(cluster, "n1")) == ("Ready", "Ready")

    run_virtual(scenario)


@virtual
async def test_a_config_map_deleted_by_hand_comes_back_by_itself() -> None:
    cluster = new_cluster("n1")
    cluster.put(model())
    async with agents(cluster):
        await anyio.sleep(10)
        cluster.remove(CONFIGMAPS, ObjectKey("ome", "n1"))
        await anyio.sleep(400)
        assert state(cluster, "n1") == "Ready"
        held = cluster.object(CONFIGMAPS, ObjectKey("ome", "n1"))
        assert held is not None
        assert held["metadata"]["labels"]["models.ome/basemodel-status"] == "true"


@virtual
async def test_entries_of_an_agent_of_another_make_are_taken_up() -> None:
    cluster = new_cluster("n1")
    cluster.put(model())
    data = {KEY: encode_entry(Entry("m", "Ready")), "clusterbasemodel.gone": "{}", "odd": "{x"}
    cluster.put(status_config_map("n1", "ome", data))
    async with agents(cluster):
        await anyio.sleep(30)
        assert history(cluster, "n1") == []
        held = cluster.object(CONFIGMAPS, ObjectKey("ome", "n1"))
        assert held is not None
        assert held["data"].keys() == {KEY}
        # The label that was missing is set too.
        assert label(cluster, "n1") == "Ready"
