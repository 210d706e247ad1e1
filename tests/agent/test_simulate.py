"""Simulated agents: what they report is what real ones would."""

from __future__ import annotations

import anyio
import anyio.lowlevel

from ome.agent.protocol import Entry
from ome.controllers.resources import FINE_TUNED_WEIGHTS
from ome.kube.resource import ObjectKey
from tests.agent.simulated import (
    KEY,
    agents,
    history,
    label,
    model,
    new_cluster,
    put_node,
    relabel,
    said,
    state,
)
from tests.support.virtual_time import run_virtual, virtual


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
async def test_pvc_models_are_not_for_nodes() -> None:
    cluster = new_cluster("n1")
    cluster.put(model(storageUri="pvc://claim/x"))
    async with agents(cluster):
        await anyio.sleep(10)
        assert (said(cluster, "n1"), label(cluster, "n1")) == (None, "")


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
