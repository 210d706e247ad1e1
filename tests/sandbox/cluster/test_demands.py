"""What pods ask of nodes, and which nodes give it: tables."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from ome.kube.resource import ObjectKey
from ome.sandbox.cluster.scheduler.demand import Demand, Toleration, amount, demand_of
from ome.sandbox.cluster.scheduler.fitting import explained, misfit, tolerates
from ome.sandbox.cluster.scheduler.machines import Machine, Taint
from ome.sandbox.stored import Stored

GPU = "nvidia.com/gpu"


def demand(*containers: dict[str, Any], **spec: Any) -> Demand:
    document = {
        "metadata": {"name": "p", "namespace": "n", "uid": "u"},
        "spec": {"containers": list(containers) or [{}], **spec},
    }
    return demand_of(Stored.of(document, 1), {})


def asking(**requests: str | int) -> dict[str, Any]:
    return {"resources": {"requests": dict(requests)}}


def machine(labels: dict[str, str] | None = None, **spec: Any) -> Machine:
    document = {
        "metadata": {"name": "m", "uid": "u", "labels": labels or {}},
        "spec": spec,
        "status": {"allocatable": {"cpu": "4", "memory": "8Gi", "pods": "2", GPU: "8"}},
    }
    found = Machine("m", 0)
    found.describe(Stored.of(document, 1))
    return found


@pytest.mark.parametrize(
    ("resource", "value", "number"),
    [("cpu", "500m", 500), ("cpu", 2, 2000), ("memory", "1Gi", 2**30), (GPU, "8", 8),
     ("cpu", "1u", 1)],
)  # fmt: skip
def test_amounts(resource: str, value: str | int, number: int) -> None:
    assert amount(resource, value) == number


def test_containers_add_up_and_init_containers_count_at_their_turn() -> None:
    init = [
        {**asking(cpu="3", memory="1Gi")},
        {**asking(cpu="1"), "restartPolicy": "Always"},
        {**asking(cpu="2500m")},
    ]
    found = demand(asking(cpu="1"), asking(cpu="500m", memory="2Gi"), initContainers=init)
    # The last init container runs beside the one that stays: 2.5 and 1 are more than all others.
    assert found.requests == {"cpu": 3500, "memory": 2**31}


def test_limits_stand_in_for_requests_and_overhead_is_added() -> None:
    limited = {"resources": {"limits": {GPU: "2", "cpu": "1"}, "requests": {"cpu": "250m"}}}
    assert demand(limited, overhead={"cpu": "50m"}).requests == {GPU: 2, "cpu": 300}


def test_pods_that_ask_the_same_share_what_they_ask() -> None:
    known: dict[bytes, Demand] = {}
    pods = [
        Stored.of(
            {
                "metadata": {"name": name, "namespace": "n", "uid": name, "labels": {"x": name}},
                "spec": {"containers": [asking(cpu="1")], "nodeName": name},
            },
            1,
        )
        for name in "ab"
    ]
    assert demand_of(pods[0], known) is demand_of(pods[1], known)
    assert pods[0].key == ObjectKey("n", "a")


def in_terms(*expressions: tuple[str, str, list[str]]) -> dict[str, Any]:
    found = [{"key": key, "operator": how, "values": values} for key, how, values in expressions]
    required = {"nodeSelectorTerms": [{"matchExpressions": found}]}
    return {
        "affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": required}}
    }


LABELS = {"zone": "a", "gpus": "8"}
SELECTOR = ("node(s) didn't match Pod's node affinity/selector",)


@pytest.mark.parametrize(
    ("spec", "fits"),
    [
        ({}, True),
        ({"nodeSelector": {"zone": "a"}}, True),
        ({"nodeSelector": {"zone": "b"}}, False),
        (in_terms(("zone", "In", ["a", "b"])), True),
        (in_terms(("zone", "NotIn", ["a"])), False),
        (in_terms(("zone", "Exists", [])), True),
        (in_terms(("rack", "DoesNotExist", [])), True),
        (in_terms(("gpus", "Gt", ["4"])), True),
        (in_terms(("gpus", "Lt", ["4"])), False),
        (in_terms(("rack", "Gt", ["4"])), False),
        (in_terms(("zone", "In", ["a"]), ("gpus", "In", ["4"])), False),
        (in_terms(), False),
    ],
)
def test_which_nodes_a_pod_asks_for(spec: dict[str, Any], fits: bool) -> None:
    found = misfit(demand(**spec), machine(LABELS))
    assert found is None if fits else found is not None and found.reasons == SELECTOR


@pytest.mark.parametrize(
    ("toleration", "borne"),
    [
        ({"operator": "Exists"}, True),
        ({"key": "k", "operator": "Exists"}, True),
        ({"key": "k", "value": "v"}, True),
        ({"key": "k", "value": "w"}, False),
        ({"key": "other", "operator": "Exists"}, False),
        ({"key": "k", "operator": "Exists", "effect": "NoExecute"}, False),
        ({"key": "k", "operator": "Exists", "effect": "NoSchedule"}, True),
    ],
)
def test_tolerations(toleration: dict[str, Any], borne: bool) -> None:
    taint = Taint("k", "NoSchedule", "v")
    assert tolerates([msgspec.convert(toleration, Toleration)], taint) is borne


def test_all_that_is_lacking_is_named_and_whether_evictions_could_help() -> None:
    wanted = demand(asking(cpu="5", memory="1Gi", **{GPU: 9}))
    found = misfit(wanted, machine())
    assert found is not None
    assert found.reasons == ("Insufficient cpu", f"Insufficient {GPU}")
    assert found.hopeless
    assert misfit(demand(), machine(unschedulable=True)) is not None
    text = explained([found, found])
    assert text == (
        f"0/2 nodes are available: 2 Insufficient cpu, 2 Insufficient {GPU}. no new claims to"
        " deallocate, preemption: 0/2 nodes are available: 2 Preemption is not helpful for"
        " scheduling."
    )
    assert explained([]) == "no nodes available to schedule pods"
