"""One node's reports: coalesced, in order, through trouble."""

from __future__ import annotations

import random
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from ome.agent.protocol import Config, Entry, decode_entry, encode_entry
from ome.agent.reporting import LARGEST, Reporter
from ome.errors import AlreadyExists, BadRequest, Conflict, Forbidden, Invalid, TransportError
from ome.kube import Client
from ome.kube.resource import ObjectKey
from ome.kube.resources import CONFIGMAPS, NODES
from tests.support.fake_cluster import FakeCluster
from tests.support.virtual_time import VirtualClock, run_virtual

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

NODE = ObjectKey("", "n1")
MAP = ObjectKey("ome", "n1")


def label(key: str) -> str:
    return f"models.ome.io/{key}"


def cluster_with_node(**labels: str) -> FakeCluster:
    cluster = FakeCluster(clock=VirtualClock())
    metadata = {"name": "n1", "labels": {"zone": "a", **labels}}
    cluster.put({"apiVersion": "v1", "kind": "Node", "metadata": metadata})
    return cluster


def reporter_of(cluster: FakeCluster) -> Reporter:
    clock, rng = VirtualClock(), random.Random(3)
    return Reporter(Client(cluster, clock=clock, rng=rng), "n1", "ome", clock, rng)


@asynccontextmanager
async def running(cluster: FakeCluster) -> AsyncIterator[Reporter]:
    reporter = reporter_of(cluster)
    async with anyio.create_task_group() as group:
        group.start_soon(reporter.run)
        yield reporter
        group.cancel_scope.cancel()


def say(reporter: Reporter, key: str, status: str | None, **more: Any) -> None:
    entry = None if status is None else Entry(key, status, **more)
    reporter.report(key, label(key), entry)


def states(cluster: FakeCluster) -> dict[str, str]:
    held = cluster.object(CONFIGMAPS, MAP) or {}
    entries = {key: decode_entry(text) for key, text in (held.get("data") or {}).items()}
    return {key: "?" if entry is None else entry.status for key, entry in entries.items()}


def labels(cluster: FakeCluster) -> dict[str, str]:
    node = cluster.object(NODES, NODE)
    assert node is not None
    return {
        name.partition("/")[2]: value
        for name, value in node["metadata"]["labels"].items()
        if name.startswith("models.ome.io/")
    }


def test_the_first_report_makes_the_config_map_whole() -> None:
    async def scenario() -> None:
        cluster = cluster_with_node()
        async with running(cluster) as reporter:
            say(reporter, "a", "Updating")
            await reporter.settled()
            held = cluster.object(CONFIGMAPS, MAP)
            assert held is not None
            assert held["metadata"]["labels"]["models.ome/basemodel-status"] == "true"
            assert held["metadata"]["annotations"]["models.ome.io/managed-by"] == "model-agent"
            assert states(cluster) == {"a": "Updating"}
            assert labels(cluster) == {"a": "Updating"}

    run_virtual(scenario)


def test_a_burst_is_one_patch_of_the_changed_keys() -> None:
    async def scenario() -> None:
        cluster = cluster_with_node()
        async with running(cluster) as reporter:
            for key in "abc":
                say(reporter, key, "Ready")
            await reporter.settled()
            before = len(cluster.writes)
            for _ in range(20):
                say(reporter, "a", "Updating")
                say(reporter, "a", "Ready", path="/a")
                say(reporter, "b", None)
                await anyio.sleep(0.02)
            await reporter.settled()
            patches = [write for write in cluster.writes[before:] if write.resource == CONFIGMAPS]
            assert len(patches) == 1
            assert patches[0].body["data"].keys() == {"a", "b"}
            assert patches[0].body["data"]["b"] is None
            assert states(cluster) == {"a": "Ready", "c": "Ready"}
            assert labels(cluster) == {"a": "Ready", "c": "Ready"}

    run_virtual(scenario)


def test_steady_means_silent() -> None:
    async def scenario() -> None:
        cluster = cluster_with_node()
        async with running(cluster) as reporter:
            say(reporter, "a", "Ready")
            await reporter.settled()
            before = len(cluster.requests)
            await anyio.sleep(3600)
            assert len(cluster.requests) == before

    run_virtual(scenario)


def test_the_label_goes_first_and_what_refuses_one_does_not_hold_the_other() -> None:
    async def scenario() -> None:
        cluster = cluster_with_node()
        async with running(cluster) as reporter:
            say(reporter, "a", "Ready")
            await reporter.settled()
            assert next(write.resource for write in cluster.writes) == NODES
            cluster.fail("patch", NODES, Forbidden("nodes are not yours"), times=3)
            say(reporter, "a", "Failed")
            await anyio.sleep(2.5)
            assert states(cluster) == {"a": "Failed"}
            await reporter.settled()
            assert labels(cluster) == {"a": "Failed"}
            cluster.fail("patch", CONFIGMAPS, TransportError("cut"), times=6)
            say(reporter, "a", "Ready")
            await anyio.sleep(1.1)
            assert labels(cluster) == {"a": "Ready"}
            await reporter.settled()
            assert states(cluster) == {"a": "Ready"}

    run_virtual(scenario)


@pytest.mark.parametrize("resource", [NODES, CONFIGMAPS], ids=lambda resource: resource.plural)
@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize(
    "error",
    [TransportError("cut"), Conflict("busy", reason="Conflict"), Forbidden("no")],
    ids=lambda error: type(error).__name__,
)
def test_what_is_said_during_trouble_wins(resource: Any, after: bool, error: Exception) -> None:
    async def scenario() -> None:
        cluster = cluster_with_node()
        async with running(cluster) as reporter:
            say(reporter, "gone", "Updating")
            await reporter.settled()
            cluster.fail("patch", resource, error, times=5, after=after)
            for status in ("Updating", "Failed", "Updating", "Ready"):
                say(reporter, "a", status)
                say(reporter, "gone", None)
                await anyio.sleep(0.4)
            await reporter.settled()
            assert states(cluster) == {"a": "Ready"}
            assert labels(cluster) == {"a": "Ready"}

    run_virtual(scenario)


@pytest.mark.parametrize("error", [BadRequest("odd"), Invalid("odd label")])
def test_a_label_that_the_server_calls_invalid_is_given_up(error: Exception) -> None:
    async def scenario() -> None:
        cluster = cluster_with_node()
        async with running(cluster) as reporter:
            cluster.fail("patch", NODES, error)
            say(reporter, "a", "Ready")
            await reporter.settled()
            assert labels(cluster) == {}
            assert states(cluster) == {"a": "Ready"}

    run_virtual(scenario)


def test_without_a_node_the_entries_are_written() -> None:
    async def scenario() -> None:
        cluster = FakeCluster(clock=VirtualClock())
        async with running(cluster) as reporter:
            say(reporter, "a", "Ready")
            await reporter.settled()
            assert states(cluster) == {"a": "Ready"}

    run_virtual(scenario)


def test_removing_what_is_not_there_is_no_error() -> None:
    async def scenario() -> None:
        cluster = cluster_with_node()
        async with running(cluster) as reporter:
            say(reporter, "never", None)
            await reporter.settled()
            assert (states(cluster), labels(cluster)) == ({}, {})
            node = cluster.object(NODES, NODE)
            assert node is not None
            assert node["metadata"]["labels"] == {"zone": "a"}

    run_virtual(scenario)


def test_somebody_else_creates_the_config_map_first() -> None:
    async def scenario() -> None:
        cluster = cluster_with_node()
        async with running(cluster) as reporter:
            cluster.fail("create", CONFIGMAPS, AlreadyExists("raced"))
            say(reporter, "a", "Ready")
            await reporter.settled()
            assert states(cluster) == {"a": "Ready"}

    run_virtual(scenario)


def test_other_entries_and_a_stripped_label() -> None:
    async def scenario() -> None:
        cluster = cluster_with_node()
        async with running(cluster) as reporter:
            say(reporter, "a", "Ready")
            await reporter.settled()
            foreign = encode_entry(Entry("b", "Ready"))
            metadata = {"name": "n1", "namespace": "ome"}
            data = {"a": "{}", "b": foreign}
            cluster.put(
                {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}
            )
            say(reporter, "c", "Updating")
            await reporter.settled()
            assert states(cluster) == {"a": "", "b": "Ready", "c": "Updating"}
            held = cluster.object(CONFIGMAPS, MAP)
            assert held is not None
            assert held["metadata"]["labels"]["models.ome/basemodel-status"] == "true"

    run_virtual(scenario)


def test_a_config_map_deleted_by_hand_comes_back_whole() -> None:
    async def scenario() -> None:
        cluster = cluster_with_node()
        async with running(cluster) as reporter:
            say(reporter, "a", "Ready")
            say(reporter, "b", "Failed")
            await reporter.settled()
            cluster.remove(CONFIGMAPS, MAP)
            say(reporter, "b", "Updating")
            await reporter.settled()
            assert states(cluster) == {"a": "Ready", "b": "Updating"}
            cluster.remove(CONFIGMAPS, MAP)
            await reporter.repair(dict)
            await reporter.settled()
            assert states(cluster) == {"a": "Ready", "b": "Updating"}

    run_virtual(scenario)


def test_repair_mends_entries_and_labels() -> None:
    async def scenario() -> None:
        cluster = cluster_with_node()
        async with running(cluster) as reporter:
            say(reporter, "a", "Ready")
            await reporter.settled()
            held = cluster.object(CONFIGMAPS, MAP)
            assert held is not None
            held["data"] = {"a": "{broken", "stranger": "x"}
            cluster.put(held)
            node = cluster.object(NODES, NODE)
            assert node is not None
            node["metadata"]["labels"] = {"zone": "a", label("old"): "Ready"}
            cluster.put(node)
            await reporter.repair(lambda: {label("a"): "Ready"})
            await reporter.settled()
            assert states(cluster) == {"a": "Ready"}
            assert labels(cluster) == {"a": "Ready"}
            before = len(cluster.writes)
            await reporter.repair(lambda: {label("a"): "Ready"})
            await anyio.sleep(5)
            assert len(cluster.writes) == before

    run_virtual(scenario)


def test_repair_brings_back_what_readers_select_by() -> None:
    async def scenario() -> None:
        cluster = cluster_with_node()
        async with running(cluster) as reporter:
            say(reporter, "a", "Ready")
            await reporter.settled()
            held = cluster.object(CONFIGMAPS, MAP)
            assert held is not None
            held["metadata"] = {**held["metadata"], "labels": {"mine": "x"}, "annotations": {}}
            cluster.put(held)
            await reporter.repair(lambda: {label("a"): "Ready"})
            await reporter.settled()
            held = cluster.object(CONFIGMAPS, MAP)
            assert held is not None
            assert held["metadata"]["labels"] == {
                "mine": "x",
                "models.ome/basemodel-status": "true",
                "node": "n1",
            }
            assert held["metadata"]["annotations"]["models.ome.io/node-name"] == "n1"

    run_virtual(scenario)


def test_repair_leaves_what_is_said_while_it_looks() -> None:
    async def scenario() -> None:
        cluster = cluster_with_node()
        async with running(cluster) as reporter, anyio.create_task_group() as group:
            wanted: dict[str, str] = {}
            cluster.delay = 2.0
            group.start_soon(reporter.repair, lambda: wanted)
            await anyio.sleep(1)
            cluster.delay = 0.0
            say(reporter, "a", "Ready")
            wanted[label("a")] = "Ready"
            await anyio.sleep(5)
            await reporter.settled()
            assert states(cluster) == {"a": "Ready"}
            assert labels(cluster) == {"a": "Ready"}

    run_virtual(scenario)


def test_adopting_writes_nothing_and_keeps_what_was_there() -> None:
    async def scenario() -> None:
        cluster = cluster_with_node()
        async with running(cluster) as reporter:
            say(reporter, "a", "Ready")
            await reporter.settled()
        before = len(cluster.writes)
        async with running(cluster) as reporter:
            assert await reporter.adopt() == {"a": Entry("a", "Ready")}
            await anyio.sleep(5)
            assert len(cluster.writes) == before
            cluster.remove(CONFIGMAPS, MAP)
            say(reporter, "b", "Ready")
            await reporter.settled()
            assert states(cluster) == {"a": "Ready", "b": "Ready"}

    run_virtual(scenario)


def test_a_config_map_never_outgrows_what_the_server_takes() -> None:
    async def scenario() -> None:
        cluster = cluster_with_node()
        config = Config(model_type="a", decoded_model_configuration={"x": "y" * 20_000})
        async with running(cluster) as reporter:
            for number in range(100):
                say(reporter, f"m{number}", "Ready", config=config)
            await reporter.settled()
            held = cluster.object(CONFIGMAPS, MAP)
            assert held is not None
            assert sum(len(key) + len(text) for key, text in held["data"].items()) <= LARGEST
            assert len(held["data"]) == 100
            entry = decode_entry(held["data"]["m0"])
            assert entry is not None
            assert entry.config == Config(model_type="a")

    run_virtual(scenario)
