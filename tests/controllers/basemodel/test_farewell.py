"""A deleted model that nodes hold: users are told, and may let it go by force."""

from __future__ import annotations

import anyio

from ome.agent.protocol import Entry, EntryError, encode_entry
from ome.kube.resources import EVENTS
from tests.controllers.basemodel.world import (
    delete,
    found,
    gone,
    model,
    new_cluster,
    operator,
    put_reports,
    warnings,
)
from tests.support.virtual_time import virtual


@virtual
async def test_what_a_deletion_waits_for_is_told_after_a_while() -> None:
    cluster = new_cluster("n1", "n2", "n3")
    cluster.put(model())
    put_reports(cluster, {"n3": "Deleted", "n2": "Ready", "n1": "Updating"})
    async with operator(cluster):
        await anyio.sleep(1)
        delete(cluster)
        await anyio.sleep(20)
        assert [item["reason"] for item in cluster.objects(EVENTS)] == []
        await anyio.sleep(60)
        (event,) = cluster.objects(EVENTS)
        assert (event["type"], event["reason"]) == ("Normal", "WaitingForNodes")
        assert "2 nodes (first n1) still report it" in event["note"]
        assert 'ome.io/force-delete: "true"' in event["note"]
        assert "see that the agent runs there" in event["note"]
        assert not gone(cluster)
        put_reports(cluster, {"n2": "Deleted", "n1": "Deleted"})
        await anyio.sleep(1)
        assert gone(cluster)


@virtual
async def test_files_that_could_not_be_removed_are_what_is_to_be_mended() -> None:
    cluster = new_cluster("n1", "n2")
    cluster.put(model())
    error = EntryError("not_removed", "/raid/m: permission denied")
    entries = {
        "n1": Entry("m", "Ready", error=EntryError("ConfigParseFailed", "no config.json")),
        "n2": Entry("m", "Ready", error=error),
    }
    put_reports(cluster, {node: encode_entry(entry) for node, entry in entries.items()})
    async with operator(cluster):
        await anyio.sleep(1)
        delete(cluster)
        await anyio.sleep(80)
        (event,) = [e for e in cluster.objects(EVENTS) if e["reason"] == "WaitingForNodes"]
        text = (
            "on node n2 the files could not be removed: /raid/m: permission denied; mend that, or"
        )
        assert text in event["note"]


@virtual
async def test_the_annotation_releases_it_at_once() -> None:
    cluster = new_cluster("n1")
    cluster.put(model())
    put_reports(cluster, {"n1": "Ready"})
    async with operator(cluster):
        await anyio.sleep(1)
        for value in ("false", "yes"):
            held = found(cluster)
            held["metadata"]["annotations"] = {"ome.io/force-delete": value}
            cluster.put(held)
        delete(cluster)
        await anyio.sleep(1)
        assert not gone(cluster)
        held = found(cluster)
        held["metadata"]["annotations"] = {"ome.io/force-delete": "true"}
        cluster.put(held)
        await anyio.sleep(1)
        assert gone(cluster)
        ((reason, note),) = warnings(cluster)
        assert reason == "ForceDeleted"
        assert "while 1 node (first n1) still reports it" in note
