"""Simulated agents: what they report is what real ones would."""

from __future__ import annotations

import random
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import anyio
import anyio.lowlevel
import pytest

from ome.agent.protocol import Entry, decode_entry, encode_entry, status_config_map
from ome.agent.simulate import Behaviour, Simulation
from ome.controllers.resources import CLUSTER_BASE_MODELS, FINE_TUNED_WEIGHTS, ON_NODES
from ome.errors import Forbidden, InternalError, TransportError
from ome.informers.registry import Informers
from ome.kube import Client
from ome.kube.resource import ObjectKey
from ome.kube.resources import CONFIGMAPS, NODES
from tests.support.fake_cluster import FakeCluster
from tests.support.virtual_time import VirtualClock, run_virtual

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

KEY = "clusterbasemodel.m"
LABEL = f"models.ome.io/{KEY}"


def virtual(test: Callable[[], Awaitable[None]]) -> Callable[[], None]:
    """Run a test in virtual time."""

    def run() -> None:
        run_virtual(test)

    run.__name__ = test.__name__
    run.__doc__ = test.__doc__
    return run


def new_cluster(*nodes: str) -> FakeCluster:
    cluster = FakeCluster(*ON_NODES, clock=VirtualClock())
    for name in nodes:
        put_node(cluster, name)
    return cluster


def put_node(cluster: FakeCluster, name: str, **labels: str) -> None:
    cluster.put({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": labels}})


def relabel(cluster: FakeCluster, name: str, **labels: str) -> None:
    node = cluster.object(NODES, ObjectKey("", name))
    assert node is not None
    node["metadata"]["labels"] |= labels
    cluster.put(node)


def model(name: str = "m", **storage: Any) -> dict[str, Any]:
    return {
        "apiVersion": "ome.io/v1beta1",
        "kind": "ClusterBaseModel",
        "metadata": {"name": name},
        "spec": {
            "storage": {"storageUri": f"hf://example/{name}", "path": f"/p/{name}", **storage}
        },
    }


@asynccontextmanager
async def agents(
    cluster: FakeCluster, *nodes: str, seed: int = 1, **behaviour: Any
) -> AsyncIterator[Simulation]:
    clock, rng = VirtualClock(), random.Random(seed)
    client = Client(cluster, clock=clock, rng=rng)
    informers = Informers(client, clock, rng)
    simulation = Simulation(
        client,
        informers,
        "ome",
        clock,
        rng,
        Behaviour(**behaviour),
        ON_NODES,
    )
    async with anyio.create_task_group() as group:
        await group.start(informers.run)
        await informers.wait_synced()
        group.start_soon(simulation.run, nodes)
        yield simulation
        group.cancel_scope.cancel()


def said(cluster: FakeCluster, node: str, key: str = KEY) -> Entry | None:
    held = cluster.object(CONFIGMAPS, ObjectKey("ome", node)) or {}
    text = (held.get("data") or {}).get(key)
    return None if text is None else decode_entry(text)


def state(cluster: FakeCluster, node: str, key: str = KEY) -> str:
    entry = said(cluster, node, key)
    return "" if entry is None else entry.status


def label(cluster: FakeCluster, node: str) -> str:
    found = cluster.object(NODES, ObjectKey("", node))
    return "" if found is None else found["metadata"].get("labels", {}).get(LABEL, "")


def history(cluster: FakeCluster, node: str, key: str = KEY) -> list[str | None]:
    """The statuses that were written of a model, in order."""
    found: list[str | None] = []
    for write in cluster.writes:
        if write.resource == CONFIGMAPS and write.key.name == node:
            data = write.body.get("data") or {}
            if key in data:
                entry = None if data[key] is None else decode_entry(data[key])
                found.append(None if entry is None else entry.status)
    return found


@virtual
async def test_a_download_from_its_start_to_its_end() -> None:
    cluster = new_cluster("n1")
    async with agents(cluster, seconds=(12, 12)):
        cluster.put(model())
        await anyio.sleep(3)
        assert said(cluster, "n1") == Entry("m", "Updating")
        assert label(cluster, "n1") == "Updating"
        await anyio.sleep(5)
        entry = said(cluster, "n1")
        assert entry is not None
        assert entry.progress is not None
        assert 0 < entry.progress.completed_bytes < entry.progress.total_bytes
        assert entry.progress.last_updated.endswith("Z")
        await anyio.sleep(10)
        entry = said(cluster, "n1")
        assert entry is not None
        assert (entry.status, entry.progress, entry.path) == ("Ready", None, "")
        assert entry.config is not None
        assert entry.config.model_architecture == "LlamaForCausalLM"
        assert entry.config.artifact is not None
        assert entry.config.artifact.parent_path == {KEY: "/p/m"}
        assert label(cluster, "n1") == "Ready"


@virtual
async def test_a_model_without_a_path_gets_one_reported() -> None:
    cluster = new_cluster("n1")
    async with agents(cluster):
        cluster.put(model(path=""))
        await anyio.sleep(10)
        entry = said(cluster, "n1")
        assert entry is not None
        assert entry.path == "/mnt/models/hf:/example/m"
        written = len(history(cluster, "n1"))
        cluster.put(model(path=entry.path))
        await anyio.sleep(30)
        # What the controller filled in from the report is no change.
        assert len(history(cluster, "n1")) == written


@virtual
async def test_a_weight_with_a_path_is_kept_as_a_model_is() -> None:
    cluster, key = new_cluster("n1"), "finetunedweight.m"
    weight = {**model(), "kind": "FineTunedWeight"}
    bare = {**model("bare", path=""), "kind": "FineTunedWeight"}
    async with agents(cluster):
        for given in (model(), weight, bare):
            cluster.put(given)
        await anyio.sleep(10)
        assert said(cluster, "n1", key) == Entry("m", "Ready")
        assert state(cluster, "n1", "finetunedweight.bare") == ""
        cluster.remove(FINE_TUNED_WEIGHTS, ObjectKey("", "m"))
        await anyio.sleep(10)
        assert (state(cluster, "n1", key), state(cluster, "n1"), label(cluster, "n1")) == (
            "",
            "Ready",
            "Ready",
        )


@virtual
async def test_failures_that_one_asks_for() -> None:
    cluster = new_cluster("n1", "n2")
    async with agents(cluster, failing=frozenset({("m", "n1"), ("team/b", "n2")})):
        cluster.put(model())
        team = model("b")
        team["kind"], team["metadata"]["namespace"] = "BaseModel", "team"
        cluster.put(team)
        await anyio.sleep(10)
        entry = said(cluster, "n1")
        assert entry is not None
        assert entry.status == "Failed"
        assert entry.error is not None
        assert entry.error.reason == "hf_download_error"
        assert label(cluster, "n1") == "Failed"
        assert state(cluster, "n2") == "Ready"
        assert state(cluster, "n2", "team.basemodel.b") == "Failed"


def test_a_seed_gives_the_same_failures_again() -> None:
    async def scenario(seed: int) -> list[str]:
        cluster = new_cluster(*(f"n{number}" for number in range(20)))
        cluster.put(model())
        async with agents(cluster, seed=seed, failure_rate=0.5):
            await anyio.sleep(10)
        return [state(cluster, f"n{number}") for number in range(20)]

    first, second, other = (run_virtual(lambda s=s: scenario(s)) for s in (1, 1, 2))  # type: ignore[misc]
    assert first == second
    assert {*first} == {"Ready", "Failed"}
    assert first != other


@virtual
async def test_eligibility_follows_the_labels_of_the_node() -> None:
    cluster = new_cluster("n1", "n2")
    async with agents(cluster):
        cluster.put(model(nodeSelector={"gpu": "h100"}))
        await anyio.sleep(10)
        assert (state(cluster, "n1"), state(cluster, "n2")) == ("", "")
        relabel(cluster, "n1", gpu="h100")
        await anyio.sleep(10)
        assert (state(cluster, "n1"), label(cluster, "n1")) == ("Ready", "Ready")
        assert state(cluster, "n2") == ""
        relabel(cluster, "n1", gpu="a100")
        await anyio.sleep(10)
        assert (state(cluster, "n1"), label(cluster, "n1")) == ("", "")
        cluster.put(model())
        await anyio.sleep(10)
        assert (state(cluster, "n1"), state(cluster, "n2")) == ("Ready", "Ready")


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
async def test_status_writes_of_a_model_cost_agents_nothing() -> None:
    cluster = new_cluster(*(f"n{number}" for number in range(10)))
    cluster.put(model())
    async with agents(cluster):
        await anyio.sleep(20)
        before = len(cluster.requests)
        for number in range(30):
            cluster.put({**model(), "status": {"state": "Ready", "nodesReadyCount": number}})
            await anyio.sleep(0.1)
        assert [request for request in cluster.requests[before:] if request.method == "GET"] == []


@virtual
async def test_skip_parsing_leaves_the_config_out() -> None:
    cluster = new_cluster("n1")
    skipping = model()
    skipping["metadata"]["annotations"] = {"ome.io/skip-config-parsing": "TRUE"}
    cluster.put(skipping)
    async with agents(cluster):
        await anyio.sleep(10)
        assert said(cluster, "n1") == Entry("m", "Ready")


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
async def test_pvc_models_are_not_for_nodes() -> None:
    cluster = new_cluster("n1")
    cluster.put(model(storageUri="pvc://claim/x"))
    async with agents(cluster):
        await anyio.sleep(10)
        assert (said(cluster, "n1"), label(cluster, "n1")) == (None, "")


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


@virtual
async def test_only_the_named_nodes() -> None:
    cluster = new_cluster("n1", "n2")
    cluster.put(model())
    async with agents(cluster, "n2", "n3"):
        await anyio.sleep(10)
        assert (state(cluster, "n1"), state(cluster, "n2")) == ("", "Ready")
        put_node(cluster, "n3")
        await anyio.sleep(10)
        assert state(cluster, "n3") == "Ready"


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
