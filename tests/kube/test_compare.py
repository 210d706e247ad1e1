from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ome.kube.compare import contains, document_hash


def pod(**container: Any) -> dict[str, Any]:
    return {"spec": {"containers": [{"name": "main", **container}]}}


SAME: list[tuple[str, Any, Any]] = [
    ("defaults of the server", {"spec": {"a": 1, "policy": "Always"}}, {"spec": {"a": 1}}),
    ("null and absent", {}, {"spec": None}),
    ("null and empty", {"spec": {}}, {"spec": None}),
    ("empty map not stored", {"metadata": {}}, {"metadata": {"annotations": {}}}),
    ("empty list not stored", {}, {"args": []}),
    ("zero that is not stored", {"spec": {}}, {"spec": {"hostNetwork": False}}),
    (
        "quantities",
        pod(resources={"limits": {"cpu": "1", "memory": "1Gi"}}),
        pod(resources={"limits": {"cpu": "1000m", "memory": "1024Mi"}}),
    ),
    (
        "a number as a quantity",
        pod(resources={"limits": {"nvidia.com/gpu": "8"}}),
        pod(resources={"limits": {"nvidia.com/gpu": 8}}),
    ),
    ("HPA target", {"target": {"value": "500m"}}, {"target": {"value": "0.5"}}),
    ("port as text", {"httpGet": {"port": 80}}, {"httpGet": {"port": "80"}}),
    ("integer and float", {"weight": 1.0}, {"weight": 1}),
    (
        "keyed list in another order, with one of others",
        pod(env=[{"name": "x"}, {"name": "b", "value": "2"}, {"name": "a", "value": "1"}]),
        pod(env=[{"name": "a", "value": "1"}, {"name": "b", "value": "2"}]),
    ),
    (
        "an empty variable",
        pod(env=[{"name": "a"}]),
        pod(env=[{"name": "a", "value": ""}]),
    ),
    (
        "ports with the default protocol",
        pod(ports=[{"containerPort": 80, "protocol": "TCP"}]),
        pod(ports=[{"containerPort": 80}]),
    ),
    (
        "the same port of two protocols",
        pod(
            ports=[
                {"containerPort": 80, "protocol": "UDP"},
                {"containerPort": 80, "protocol": "TCP"},
            ]
        ),
        pod(ports=[{"containerPort": 80}, {"containerPort": 80, "protocol": "UDP"}]),
    ),
    ("a key that is no plain value", pod(env=[{"name": ["a"]}]), pod(env=[{"name": ["a"]}])),
    ("finalizers of others", {"finalizers": ["b", "a"]}, {"finalizers": ["a"]}),
    (
        "topology constraints by two keys",
        {
            "topologySpreadConstraints": [
                {"topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule", "maxSkew": 1},
                {"topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway", "maxSkew": 2},
            ]
        },
        {
            "topologySpreadConstraints": [
                {"topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway", "maxSkew": 2}
            ]
        },
    ),
]

DIFFERENT: list[tuple[str, Any, Any]] = [
    ("a value", {"a": 1}, {"a": 2}),
    ("a missing field", {}, {"a": 1}),
    ("another type", {"a": "1"}, {"a": 1}),
    ("a boolean is no number", {"a": 1}, {"a": True}),
    ("false is stored where it matters", {}, {"allowPrivilegeEscalation": False}),
    ("zero replicas", {"spec": {}}, {"spec": {"replicas": 0}}),
    ("an empty label", {"labels": {}}, {"labels": {"a": ""}}),
    ("an empty label and another", {"labels": {"a": "x"}}, {"labels": {"a": ""}}),
    ("an empty key of data", {"data": {}}, {"data": {"a": ""}}),
    ("volumes of another type", {"hostPath": {"path": "/"}}, {"emptyDir": {}}),
    ("a label is no quantity", {"labels": {"a": "1"}}, {"labels": {"a": "1000m"}}),
    (
        "a variable is no quantity",
        pod(env=[{"name": "a", "value": "1"}]),
        pod(env=[{"name": "a", "value": "1000m"}]),
    ),
    ("another amount", {"limits": {"cpu": "1"}}, {"limits": {"cpu": "1001m"}}),
    ("the order of arguments", {"args": ["a", "b"]}, {"args": ["b", "a"]}),
    ("one argument more", {"args": ["a", "b"]}, {"args": ["a"]}),
    ("a missing item", pod(env=[{"name": "a"}]), pod(env=[{"name": "b"}])),
    ("tolerations are atomic", {"tolerations": [{"key": "a"}, {"key": "b"}]}, {"tolerations": []}),
    (
        "twice the same key",
        pod(env=[{"name": "a", "value": "1"}]),
        pod(env=[{"name": "a", "value": "1"}, {"name": "a", "value": "2"}]),
    ),
    ("text for a map", {"a": "x"}, {"a": {"b": 1}}),
    ("text for a list", {"a": "x"}, {"a": ["x"]}),
    ("a dropped null that is there", {"a": 1}, {"a": None}),
]


@pytest.mark.parametrize(("live", "desired"), [case[1:] for case in SAME], ids=[c[0] for c in SAME])
def test_contains(live: Any, desired: Any) -> None:
    assert contains(live, desired)


@pytest.mark.parametrize(
    ("live", "desired"), [case[1:] for case in DIFFERENT], ids=[c[0] for c in DIFFERENT]
)
def test_does_not_contain(live: Any, desired: Any) -> None:
    assert not contains(live, desired)


def test_keys_of_lists_may_be_given() -> None:
    live = {"parts": [{"id": 2}, {"id": 1, "size": 3}]}
    desired = {"parts": [{"id": 1, "size": 3}]}
    assert not contains(live, desired)
    assert contains(live, desired, merge_keys={"parts": (("id",),)})


names = st.sampled_from(
    ["a", "b", "name", "limits", "env", "value", "ports", "labels", "replicas", "emptyDir", "data"]
)
scalars = st.none() | st.booleans() | st.integers(-3, 3) | st.text(max_size=2)
documents = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=4),
    max_leaves=15,
)
maps = st.dictionaries(names, documents, max_size=4)


@given(documents)
def test_everything_contains_itself(document: Any) -> None:
    assert contains(document, copy.deepcopy(document))


@given(maps, st.dictionaries(st.sampled_from(["x", "y"]), documents, max_size=2))
def test_more_fields_do_not_matter(document: dict[str, Any], more: dict[str, Any]) -> None:
    assert contains({**more, **document}, document)
    assert contains({"spec": {**more, **document}}, {"spec": document})


@given(maps, names, st.integers(100, 200))
def test_a_changed_number_is_seen(document: dict[str, Any], name: str, number: int) -> None:
    desired = {**document, name: number}
    assert not contains({**document, name: number + 1}, desired)
    assert not contains(document, desired)


@given(st.lists(st.integers(0, 9), unique=True), st.randoms())
def test_the_order_of_keyed_items_does_not_matter(numbers: list[int], rng: Any) -> None:
    items = [{"name": f"v{n}", "value": str(n)} for n in numbers]
    shuffled = list(items)
    rng.shuffle(shuffled)
    assert contains(pod(env=shuffled), pod(env=items))


@given(maps)
def test_the_hash_does_not_depend_on_the_order_of_keys(document: dict[str, Any]) -> None:
    turned = dict(reversed(document.items()))
    assert document_hash(turned) == document_hash(document)


def test_the_hash_tells_documents_apart_and_never_changes() -> None:
    assert document_hash({"a": 1}) != document_hash({"a": 2})
    # Changing how it is made would have every object of every cluster applied once more.
    assert document_hash({"b": [1, None], "a": "ä"}) == "e4caa232016484a6396284455390402a"
