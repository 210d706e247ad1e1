"""The edge cases of the node status protocol, one row each."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import anyio
import pytest

from ome.api.truncate import model_configmap_key
from ome.kube.resource import ObjectKey
from ome.kube.resources import CONFIGMAPS
from tests.controllers.basemodel.world import (
    MODEL,
    NAMESPACE,
    REPORT,
    delete,
    entry,
    found,
    gone,
    has_report,
    lose_nodes,
    model,
    new_cluster,
    operator,
    put_node,
    put_reports,
    report,
    status,
)
from tests.support.virtual_time import run_virtual, virtual

LONG = "a." * 120 + "end"
HELD = {REPORT: entry("Ready")}


@dataclass
class Case:
    """A ConfigMap of node n1, and what becomes of the model."""

    name: str
    config_map: dict[str, Any]
    state: str = "In_Transit"
    blocks: bool = False
    model: ObjectKey = MODEL
    extra: dict[str, Any] = field(default_factory=dict)


def labelled(value: str) -> dict[str, str]:
    return {"models.ome/basemodel-status": value, "node": "n1"}


CASES = [
    Case("no data", report("n1", None)),
    Case("empty data", report("n1", {})),
    Case("empty entry", report("n1", {REPORT: "{}"}), blocks=True),
    Case("invalid entry", report("n1", {REPORT: "{invalid"}), blocks=True),
    Case("deleted entry", report("n1", {REPORT: entry("Deleted")})),
    Case("unknown status", report("n1", {REPORT: entry("Pending")}), blocks=True),
    Case("unknown members", report("n1", {REPORT: entry("Ready", x={"y": 1})}), "Ready", True),
    Case("nulls", report("n1", {REPORT: entry("Ready", config=None, path=None)}), "Ready", True),
    Case("no label", report("n1", HELD, labels={"node": "n1"})),
    Case("label True", report("n1", HELD, labels=labelled("True"))),
    Case("label 1", report("n1", HELD, labels=labelled("1"))),
    Case("other namespace", report("n1", HELD, namespace="elsewhere")),
    Case("not a model's key", report("n1", {"something": entry("Ready")})),
    Case(
        "dots in the name",
        report("n1", {"clusterbasemodel.multi.part.name": entry("Ready")}),
        "Ready",
        True,
        ObjectKey("", "multi.part.name"),
    ),
    Case(
        ".basemodel. in the name",
        report("n1", {"team.basemodel.a.basemodel.b": entry("Ready")}),
        "Ready",
        True,
        ObjectKey("team", "a.basemodel.b"),
    ),
    Case(
        "a cut key of cluster scope",
        report("n1", {model_configmap_key("", LONG): entry("Ready")}),
        "Ready",
        True,
        ObjectKey("", LONG),
    ),
    Case(
        "a cut key of a namespace",
        report("n1", {model_configmap_key("machine-learning", LONG): entry("Ready")}),
        "Ready",
        True,
        ObjectKey("machine-learning", LONG),
    ),
    Case(
        "the other kind of the same name",
        report("n1", {"team.basemodel.m": entry("Ready")}),
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
@pytest.mark.parametrize("late", [False, True], ids=["from the start", "later"])
def test_edge(case: Case, late: bool) -> None:
    async def scenario() -> None:
        cluster = new_cluster("n1")
        cluster.put(model(case.model.name, case.model.namespace))
        if not late:
            cluster.put(case.config_map)
        async with operator(cluster):
            await anyio.sleep(2)
            if late:
                cluster.put(case.config_map)
                await anyio.sleep(2)
            assert status(cluster, case.model)["state"] == case.state
            assert status(cluster, case.model).get("nodesReady", []) == (
                ["n1"] if case.state == "Ready" else []
            )
            delete(cluster, case.model)
            await anyio.sleep(2)
            assert gone(cluster, case.model) != case.blocks
            # Whatever it is, a ConfigMap of a node that exists is never deleted.
            where = ObjectKey(case.config_map["metadata"]["namespace"], "n1")
            await anyio.sleep(1000)
            assert cluster.object(CONFIGMAPS, where) is not None

    run_virtual(scenario)


@virtual
async def test_removing_a_key_or_the_label_reaches_the_model() -> None:
    cluster = new_cluster("n1", "n2")
    cluster.put(model())
    put_reports(cluster, {"n1": "Ready", "n2": "Ready"})
    async with operator(cluster):
        await anyio.sleep(2)
        cluster.put(report("n1", {}))
        cluster.put(report("n2", HELD, labels={"node": "n2"}))
        await anyio.sleep(2)
        assert status(cluster)["state"] == "In_Transit"


@virtual
async def test_a_node_that_registers_after_its_config_map() -> None:
    cluster = new_cluster()
    cluster.put(model())
    put_reports(cluster, {"n1": "Ready"})
    async with operator(cluster):
        await anyio.sleep(30)
        assert status(cluster)["state"] == "In_Transit"
        assert has_report(cluster, "n1")
        put_node(cluster, "n1")
        await anyio.sleep(2)
        assert status(cluster)["nodesReady"] == ["n1"]
        await anyio.sleep(1000)
        assert has_report(cluster, "n1")


@virtual
async def test_a_stranger_named_like_a_node_that_goes_is_left_alone() -> None:
    cluster = new_cluster("n1")
    cluster.put(report("n1", HELD, labels={}))
    async with operator(cluster):
        await anyio.sleep(1)
        lose_nodes(cluster, ["n1"])
        await anyio.sleep(1000)
        assert cluster.object(CONFIGMAPS, ObjectKey(NAMESPACE, "n1")) is not None


@virtual
async def test_node_lists_in_a_manifest_are_ignored() -> None:
    cluster = new_cluster("n1")
    document = model()
    document["status"] = {"state": "Ready", "nodesReady": ["fantasy"]}
    async with operator(cluster):
        cluster.put(document)
        await anyio.sleep(2)
        assert status(cluster)["state"] == "In_Transit"
        assert "nodesReady" not in status(cluster)


@virtual
async def test_a_model_without_storage_or_with_odd_values_does_no_harm() -> None:
    """Such an object cannot pass the CRD; it may have been stored before the CRD was full."""
    cluster = new_cluster("n1")
    odd = model("odd")
    odd["spec"] = {}
    cluster.put(odd)
    cluster.put(model())
    async with operator(cluster):
        put_reports(cluster, {"n1": "Ready"})
        await anyio.sleep(2)
        assert status(cluster)["state"] == "Ready"
        assert found(cluster, ObjectKey("", "odd"))["status"]["state"] == "In_Transit"
