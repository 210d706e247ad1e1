"""A service's block over its runtime's configuration: the tables of the merge, and its laws."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ome.workloads.merge import merge, merge_component, merge_keyed

Json = dict[str, Any]


def items(names: str, **extra: Any) -> list[Json]:
    return [{"name": name, **extra} for name in names.split()]


def named(entries: list[Json]) -> list[str]:
    return [entry["name"] for entry in entries]


# What overrides and what does not.

SCALARS: list[tuple[Json, Json, Json]] = [
    ({"minReplicas": 2}, {"minReplicas": 0}, {"minReplicas": 0}),
    ({"maxReplicas": 5}, {"maxReplicas": 0}, {"maxReplicas": 5}),
    ({"maxReplicas": 5}, {"maxReplicas": 7}, {"maxReplicas": 7}),
    ({"scaleTarget": 10}, {"scaleTarget": 20}, {"scaleTarget": 20}),
    ({"image": "a"}, {"image": "b"}, {"image": "b"}),
    ({"image": "a"}, {"image": ""}, {"image": "a"}),
    ({"image": "a"}, {"image": None}, {"image": "a"}),
    ({"serviceAccountName": "a"}, {"serviceAccountName": "b"}, {"serviceAccountName": "b"}),
    ({"hostNetwork": True}, {"hostNetwork": False}, {"hostNetwork": True}),
    ({"hostIPC": False}, {"hostIPC": True}, {"hostIPC": True}),
    ({"hostPID": True}, {}, {"hostPID": True}),
    (
        {"securityContext": {"runAsNonRoot": True, "runAsUser": 1000}},
        {"securityContext": {"runAsNonRoot": False, "runAsUser": 0}},
        {"securityContext": {"runAsNonRoot": False, "runAsUser": 0}},
    ),
    (
        {"livenessProbe": {"failureThreshold": 9, "exec": {"command": ["a"]}}},
        {"livenessProbe": {"failureThreshold": 0}},
        {"livenessProbe": {"failureThreshold": 9, "exec": {"command": ["a"]}}},
    ),
]


@pytest.mark.parametrize(("base", "patch", "expected"), SCALARS)
def test_a_scalar_of_the_service_wins_unless_it_is_zero(
    base: Json, patch: Json, expected: Json
) -> None:
    assert merge(base, patch) == expected


@pytest.mark.parametrize("name", ["labels", "annotations", "nodeSelector", "config"])
def test_maps_merge_by_key_and_an_empty_text_is_a_value(name: str) -> None:
    base, patch = {name: {"a": "1", "b": "2"}}, {name: {"b": "", "c": "3"}}
    assert merge(base, patch) == {name: {"a": "1", "b": "", "c": "3"}}
    assert merge({}, {name: {"only": ""}}) == {name: {"only": ""}}
    assert merge(base, {name: {}}) == base


def test_requests_and_limits_merge_by_resource() -> None:
    base = {"resources": {"requests": {"cpu": "1", "memory": "1Gi"}, "limits": {"cpu": "2"}}}
    patch = {"resources": {"requests": {"cpu": "4"}, "limits": {"nvidia.com/gpu": 0}}}
    assert merge(base, patch) == {
        "resources": {
            "requests": {"cpu": "4", "memory": "1Gi"},
            "limits": {"cpu": "2", "nvidia.com/gpu": 0},
        }
    }


@pytest.mark.parametrize("name", ["runner", "leader", "worker", "affinity", "kedaConfig"])
def test_objects_merge_recursively(name: str) -> None:
    base = {name: {"kept": {"x": 1}, "changed": {"y": 1, "z": 2}}}
    patch = {name: {"changed": {"y": 3}, "new": 4}}
    expected = {name: {"kept": {"x": 1}, "changed": {"y": 3, "z": 2}, "new": 4}}
    assert merge(base, patch) == expected


@pytest.mark.parametrize(
    "name", ["tolerations", "command", "args", "envFrom", "readinessGates", "nodeSelectorTerms"]
)
def test_other_lists_are_replaced_whole(name: str) -> None:
    assert merge({name: ["a", "b"]}, {name: ["c"]}) == {name: ["c"]}
    assert merge({name: ["a", "b"]}, {name: []}) == {name: ["a", "b"]}


@pytest.mark.parametrize(
    ("name", "key"),
    [
        *(
            (name, "name")
            for name in (
                "containers",
                "initContainers",
                "ephemeralContainers",
                "volumes",
                "imagePullSecrets",
                "schedulingGates",
                "resourceClaims",
                "env",
            )
        ),
        ("ports", "containerPort"),
        ("volumeMounts", "mountPath"),
        ("volumeDevices", "devicePath"),
        ("hostAliases", "ip"),
        ("topologySpreadConstraints", "topologyKey"),
    ],
)
def test_keyed_lists_merge_by_their_key(name: str, key: str) -> None:
    base = [{key: "1", "x": "base"}, {key: "2", "x": "base"}]
    patch = [{key: "2", "x": "patch"}, {key: "3", "x": "patch"}]
    assert merge({name: base}, {name: patch})[name] == [
        {key: "1", "x": "base"},
        {key: "2", "x": "patch"},
        {key: "3", "x": "patch"},
    ]


# The order of keyed lists.


@pytest.mark.parametrize(
    ("base", "patch", "expected"),
    [
        ("A B", "C", "C A B"),
        ("A B", "B C", "A B C"),
        ("E1 E2", "E1 E3", "E1 E3 E2"),
        ("A B C", "C A", "B C A"),
        ("", "A B", "A B"),
        ("A B", "", "A B"),
    ],
)
def test_the_order_of_keyed_lists(base: str, patch: str, expected: str) -> None:
    assert named(merge_keyed(items(base), items(patch), "env")) == expected.split()


letters = st.lists(st.sampled_from("ABCDEF"), unique=True)


def by_the_rule(base: list[str], patch: list[str]) -> list[str]:
    """The rule of the specification, word for word."""
    only, rest, taken = [name for name in base if name not in patch], list(patch), []
    while only and rest:
        first, second = only[0], rest[0]
        before = second in base and base.index(first) < base.index(second)
        taken.append(only.pop(0) if before else rest.pop(0))
    return taken + only + rest


@given(letters, letters)
def test_the_order_follows_the_rule(base: list[str], patch: list[str]) -> None:
    merged = merge_keyed(items(" ".join(base)), items(" ".join(patch)), "env")
    assert named(merged) == by_the_rule(base, patch)


# Members that exclude each other, and the runner's name.


@pytest.mark.parametrize("patch", [{"image": "new"}, {"name": "", "image": "new"}])
def test_a_runner_without_name_keeps_the_name_of_the_runtime(patch: Json) -> None:
    merged = merge_component({"runner": {"name": "serve", "image": "old"}}, {"runner": patch})
    assert merged["runner"] == {"name": "serve", "image": "new"}


def test_another_source_replaces_that_of_a_volume() -> None:
    base = {"volumes": [{"name": "v", "emptyDir": {"medium": "Memory"}}]}
    merged = merge(base, {"volumes": [{"name": "v", "hostPath": {"path": "/x"}}]})
    assert merged["volumes"] == [{"name": "v", "hostPath": {"path": "/x"}}]
    same = merge(base, {"volumes": [{"name": "v", "emptyDir": {"sizeLimit": "1Gi"}}]})
    assert same["volumes"] == [{"name": "v", "emptyDir": {"medium": "Memory", "sizeLimit": "1Gi"}}]
    assert merge(base, {"volumes": [{"name": "v"}]}) == base


SECRET = {"secretKeyRef": {"name": "s", "key": "k"}}


@pytest.mark.parametrize(
    ("base", "patch", "expected"),
    [
        ({"value": "1"}, {"valueFrom": SECRET}, {"valueFrom": SECRET}),
        ({"valueFrom": SECRET}, {"value": "1"}, {"value": "1"}),
        ({"value": "1"}, {"value": "2"}, {"value": "2"}),
        ({"value": "1"}, {"value": ""}, {"value": "1"}),
        ({"valueFrom": SECRET}, {"value": ""}, {"valueFrom": SECRET}),
    ],
)
def test_a_variable_has_a_value_or_a_source(base: Json, patch: Json, expected: Json) -> None:
    merged = merge({"env": [{"name": "A", **base}]}, {"env": [{"name": "A", **patch}]})
    assert merged["env"] == [{"name": "A", **expected}]


@pytest.mark.parametrize("probe", ["livenessProbe", "readinessProbe", "startupProbe"])
def test_a_probe_has_one_handler(probe: str) -> None:
    base = {probe: {"httpGet": {"path": "/a", "port": 1}, "periodSeconds": 9}}
    merged = merge(base, {probe: {"tcpSocket": {"port": 2}}})
    assert merged == {probe: {"tcpSocket": {"port": 2}, "periodSeconds": 9}}
    same = merge(base, {probe: {"httpGet": {"path": "/b"}}})
    assert same == {probe: {"httpGet": {"path": "/b", "port": 1}, "periodSeconds": 9}}


ROLLING = {"rollingUpdate": {"maxSurge": 2}}


@pytest.mark.parametrize(
    ("base", "patch", "expected"),
    [
        ({"type": "RollingUpdate", **ROLLING}, {"type": "Recreate"}, {"type": "Recreate"}),
        (ROLLING, {"type": "Recreate"}, {"type": "Recreate"}),
        ({"type": "Recreate"}, ROLLING, {"type": "RollingUpdate", **ROLLING}),
        (
            {"type": "Recreate"},
            {"type": "RollingUpdate", **ROLLING},
            {"type": "RollingUpdate", **ROLLING},
        ),
    ],
)
def test_a_strategy_is_of_one_type(base: Json, patch: Json, expected: Json) -> None:
    merged = merge_component({"deploymentStrategy": base}, {"deploymentStrategy": patch})
    assert merged["deploymentStrategy"] == expected


@pytest.mark.parametrize(
    ("base", "patch", "expected"),
    [
        ({"maxUnavailable": 1}, {"minAvailable": "50%"}, {"minAvailable": "50%"}),
        ({"minAvailable": 2}, {"maxUnavailable": 0}, {"maxUnavailable": 0}),
        ({"minAvailable": 2}, {}, {"minAvailable": 2}),
    ],
)
def test_a_budget_has_one_bound(base: Json, patch: Json, expected: Json) -> None:
    assert merge_component(base, patch) == expected


def test_the_accelerator_is_the_services_alone() -> None:
    base = {"acceleratorOverride": {"acceleratorClass": "a"}}
    assert merge_component(base, {}) == {}
    own = {"acceleratorOverride": {"acceleratorClass": "b"}}
    assert merge_component(base, own) == own


def test_a_runtime_without_configuration_leaves_the_service_as_it_is() -> None:
    assert merge_component(None, {"minReplicas": 1}) == {"minReplicas": 1}


# Laws.

texts = st.sampled_from(["", "a", "b"])
keyed = st.lists(
    st.one_of(
        st.fixed_dictionaries({"name": st.sampled_from("ABCD")}, optional={"value": texts}),
        st.fixed_dictionaries({"name": st.sampled_from("ABCD"), "valueFrom": st.just(SECRET)}),
    ),
    unique_by=lambda entry: str(entry["name"]),
    max_size=4,
)
blocks = st.fixed_dictionaries(
    {},
    optional={
        "minReplicas": st.integers(0, 2),
        "maxReplicas": st.integers(0, 2),
        "hostNetwork": st.booleans(),
        "labels": st.dictionaries(st.sampled_from("xyz"), texts, max_size=3),
        "tolerations": st.lists(st.just({"operator": "Exists"}), max_size=2),
        "volumes": keyed,
        "runner": st.fixed_dictionaries(
            {},
            optional={
                "image": texts,
                "env": keyed,
                "args": st.lists(texts, max_size=3),
                "readinessProbe": st.dictionaries(
                    st.sampled_from(["httpGet", "tcpSocket", "exec"]),
                    st.just({"port": 1}),
                    max_size=2,
                ),
            },
        ),
    },
)


@given(blocks)
def test_an_empty_patch_changes_nothing(base: Json) -> None:
    assert merge(base, {}) == base


@given(blocks, blocks)
def test_merging_twice_is_merging_once(base: Json, patch: Json) -> None:
    once = merge(base, patch)
    assert merge(once, patch) == once


@given(blocks, blocks)
def test_neither_side_is_changed_or_shared(base: Json, patch: Json) -> None:
    before = copy.deepcopy((base, patch))
    merged = merge(base, patch)
    merged.setdefault("labels", {})["scribble"] = "!"
    merged.setdefault("runner", {}).setdefault("args", []).append("!")
    for entry in merged.get("volumes", []):
        entry["scribble"] = "!"
    assert (base, patch) == before
