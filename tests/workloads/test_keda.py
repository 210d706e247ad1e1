"""KEDA: every field of a ScaledObject, where it comes from, and what is refused."""

from __future__ import annotations

import re
from typing import Any

import pytest

from ome.workloads import RenderError
from ome.workloads.contested import scaled_object_name
from ome.workloads.keda_annotations import KNOWN_METRICS
from tests.workloads.test_scaling import made, made_objects

CLASS = {"ome.io/autoscalerClass": "keda"}
KEDA = "autoscaling.keda.sh"
OWN_QUERY = {f"{KEDA}/prometheus.query": "sum(x)"}
DEFAULT_QUERY = (
    'sum(avg_over_time(vllm:avg_generation_throughput_toks_per_s{ome_io_inferenceservice="chat"}'
    "[5m]) < bool 10) *"
    ' sum(rate(vllm:request_success_total{ome_io_inferenceservice="chat"}[1m]) > bool 0.50)'
)


def spec(
    engine: dict[str, Any] | None = None,
    annotations: dict[str, str] | None = None,
    keda: dict[str, Any] | None = None,
    defaults: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """The spec of the ScaledObject of a service of class keda."""
    found = made(engine or {}, {**CLASS, **(annotations or {})}, keda, defaults)
    assert "HorizontalPodAutoscaler" not in found
    return found["ScaledObject"]


def trigger(*arguments: Any, **named: Any) -> dict[str, Any]:
    (found,) = spec(*arguments, **named)["triggers"]
    assert found["type"] == "prometheus"
    return dict(found)


def test_without_a_word_the_defaults_hold() -> None:
    assert spec() == {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "chat-engine"},
        "minReplicaCount": 1,
        "maxReplicaCount": 1,
        "triggers": [
            {
                "type": "prometheus",
                "metadata": {
                    "serverAddress": "http://prometheus-operated.monitoring.svc.cluster.local:9090",
                    "query": DEFAULT_QUERY,
                    "threshold": "10",
                    "operator": "LessThanOrEqual",
                    "metricName": "tps",
                },
            }
        ],
    }


def test_its_metadata_is_the_components_without_what_is_for_pods() -> None:
    notes = {
        "labels": {"team": "ml", "k8slens-edit-resource-version": "v1"},
        "annotations": {"ome.io/volcano-queue": "fast"},
    }
    scaled = next(item for item in made_objects(notes, CLASS) if item["kind"] == "ScaledObject")
    deployed = next(item for item in made_objects(notes, CLASS) if item["kind"] == "Deployment")
    assert scaled["metadata"]["name"] == "scaledobject-chat-engine"
    labels = dict(deployed["metadata"]["labels"])
    assert labels.pop("app") == "chat-engine"
    assert labels.pop("volcano.sh/queue-name") == "fast"
    assert labels.pop("k8slens-edit-resource-version") == "v1"
    assert scaled["metadata"]["labels"] == labels
    assert labels["team"] == "ml"
    assert scaled["metadata"]["annotations"].items() >= CLASS.items()


@pytest.mark.parametrize(
    ("engine", "keda"),
    [({"kedaConfig": {"enableKeda": True}}, None), ({}, {"enableKeda": True})],
)
def test_enable_keda_chooses_the_class(engine: dict[str, Any], keda: dict[str, Any] | None) -> None:
    assert "ScaledObject" in made(engine, {}, keda)
    assert "ScaledObject" not in made(engine, {"ome.io/autoscalerClass": "hpa"}, keda)


def test_the_clusters_settings_never_choose_the_class() -> None:
    assert "HorizontalPodAutoscaler" in made({}, {}, None, {"enableKeda": True})


def test_bounds_are_those_of_the_hpa() -> None:
    found = spec({"minReplicas": 2, "maxReplicas": 8})
    assert (found["minReplicaCount"], found["maxReplicaCount"]) == (2, 8)
    found = spec({"minReplicas": 0, "annotations": {"ome.io/deploymentMode": "RawDeployment"}})
    assert (found["minReplicaCount"], found["maxReplicaCount"]) == (1, 1)


# Precedence: annotation, component, service, cluster, default.

FIELDS = [
    ("serverAddress", f"{KEDA}/prometheus.serverAddress", "promServerAddress"),
    ("query", f"{KEDA}/prometheus.query", "customPromQuery"),
    ("threshold", f"{KEDA}/threshold", "scalingThreshold"),
    ("operator", f"{KEDA}/operator", "scalingOperator"),
]


@pytest.mark.parametrize(("key", "annotation", "member"), FIELDS)
def test_the_nearest_setting_wins(key: str, annotation: str, member: str) -> None:
    component = {"kedaConfig": {member: "component"}}
    service, cluster = {member: "service"}, {member: "cluster"}
    notes = {annotation: "annotation"}

    def value(*arguments: Any) -> str:
        return str(trigger(*arguments)["metadata"][key])

    assert value(component, notes, service, cluster) == "annotation"
    assert value(component, {}, service, cluster) == "component"
    assert value({}, {}, service, cluster) == "service"
    assert value({}, {}, None, cluster) == "cluster"
    assert value({"kedaConfig": {member: ""}}, {}, service, cluster) == "service"
    # An annotation counts even when it is empty.
    assert value(component, {annotation: ""}, service, cluster) == ""
    inner = {"annotations": {annotation: "inner"}}
    assert value(inner, notes, service, cluster) == "inner"


def test_settings_are_taken_one_by_one() -> None:
    found = trigger(
        {"kedaConfig": {"scalingThreshold": "1"}},
        {},
        {"scalingThreshold": "2", "scalingOperator": "GreaterThan"},
        {"scalingOperator": "LessThan", "promServerAddress": "http://p"},
    )["metadata"]
    assert (found["threshold"], found["operator"]) == ("1", "GreaterThan")
    assert found["serverAddress"] == "http://p"


# Queries.


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("up", "up"),
        ('x{s="%s"} / y{s="%s"}', 'x{s="chat"} / y{s="chat"}'),
        ("x %% 2", "x % 2"),
        ("x % 2", "x % 2"),
        ("%%s %d %", "%s %d %"),
    ],
)
def test_a_custom_query_is_no_format(query: str, expected: str) -> None:
    found = trigger({"kedaConfig": {"customPromQuery": query}})["metadata"]
    assert found["query"] == expected


def test_a_query_of_an_annotation_is_verbatim() -> None:
    assert (
        trigger({}, {f"{KEDA}/prometheus.query": "a %s %% b"})["metadata"]["query"] == "a %s %% b"
    )


@pytest.mark.parametrize("metric", KNOWN_METRICS)
def test_metrics_of_the_engines_are_known_by_name(metric: str) -> None:
    assert re.fullmatch(r"(vllm|sglang):\w+", metric)
    notes = {f"{KEDA}/prometheus.metric": metric}
    found = trigger({"kedaConfig": {"customPromQuery": "x"}}, notes)["metadata"]
    assert found["query"] == f'sum({metric}{{ome_io_inferenceservice="chat"}})'
    assert found["metricName"] == metric
    assert trigger({}, {**notes, **OWN_QUERY})["metadata"]["query"] == "sum(x)"


def test_the_metric_of_the_component_is_told() -> None:
    assert trigger({"scaleMetric": "rps"})["metadata"]["metricName"] == "rps"


# Credentials.


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"name": "token"}, {"name": "token", "kind": "TriggerAuthentication"}),
        (
            {"name": "token", "kind": "ClusterTriggerAuthentication"},
            {"name": "token", "kind": "ClusterTriggerAuthentication"},
        ),
    ],
)
def test_credentials_are_named(given: dict[str, str], expected: dict[str, str]) -> None:
    found = trigger({"kedaConfig": {"authenticationRef": given, "authModes": "bearer"}})
    assert found["authenticationRef"] == expected
    assert found["metadata"]["authModes"] == "bearer"


def test_auth_modes_without_credentials_are_left_out() -> None:
    found = trigger({"kedaConfig": {"authModes": "bearer"}})
    assert "authenticationRef" not in found
    assert "authModes" not in found["metadata"]
    named = {"kedaConfig": {"authenticationRef": {"name": "t"}, "authModes": ""}}
    assert "authModes" not in trigger(named)["metadata"]


def test_name_and_kind_of_credentials_come_from_one_place() -> None:
    cluster = {"authenticationRef": {"name": "c", "kind": "ClusterTriggerAuthentication"}}
    own = {"kedaConfig": {"authenticationRef": {"name": "mine"}}}
    assert trigger(own, {}, None, cluster)["authenticationRef"] == {
        "name": "mine",
        "kind": "TriggerAuthentication",
    }
    assert trigger({}, {}, {"scalingThreshold": "2"}, cluster)["authenticationRef"]["name"] == "c"


# Pace, idling, a blind scaler.


def test_a_component_may_idle_at_zero() -> None:
    notes = {
        **OWN_QUERY,
        f"{KEDA}/idle-replicas": "0",
        f"{KEDA}/activation-threshold": "0.5",
        f"{KEDA}/cooldown-period": "600",
        f"{KEDA}/polling-interval": "15",
    }
    found = spec({"maxReplicas": 4}, notes)
    assert (found["idleReplicaCount"], found["minReplicaCount"]) == (0, 1)
    assert (found["cooldownPeriod"], found["pollingInterval"]) == (600, 15)
    assert found["triggers"][0]["metadata"]["activationThreshold"] == "0.5"


@pytest.mark.parametrize(
    ("notes", "engine"),
    [({}, {}), ({f"{KEDA}/prometheus.metric": "sglang:num_queue_reqs"}, {"customPromQuery": "x"})],
)
def test_idling_needs_a_query_that_works_without_pods(
    notes: dict[str, str], engine: dict[str, str]
) -> None:
    with pytest.raises(RenderError, match="would never come back"):
        spec({"kedaConfig": engine}, {f"{KEDA}/idle-replicas": "0", **notes})
    custom = {"kedaConfig": {"customPromQuery": "x"}}
    assert spec(custom, {f"{KEDA}/idle-replicas": "0"})["idleReplicaCount"] == 0


def test_without_a_metric_a_number_of_replicas_can_hold() -> None:
    notes = {f"{KEDA}/fallback-replicas": "3"}
    assert spec({}, notes)["fallback"] == {"failureThreshold": 3, "replicas": 3}
    notes[f"{KEDA}/fallback-failure-threshold"] = "5"
    assert spec({}, notes)["fallback"] == {"failureThreshold": 5, "replicas": 3}


@pytest.mark.parametrize(
    ("notes", "message"),
    [
        ({f"{KEDA}/polling-interval": "15s"}, "polling-interval is '15s'; write a whole number"),
        ({f"{KEDA}/cooldown-period": "-1"}, "cooldown-period is '-1'"),
        ({f"{KEDA}/idle-replicas": "", **OWN_QUERY}, "idle-replicas is ''"),
        ({f"{KEDA}/idle-replicas": "1", **OWN_QUERY}, "write 0: it must be below minReplicas"),
        ({f"{KEDA}/fallback-replicas": "many"}, "fallback-replicas is 'many'"),
        ({f"{KEDA}/fallback-failure-threshold": "2"}, "does nothing alone"),
        ({f"{KEDA}/prometheus.metric": "vllm:x"}, "is 'vllm:x'; known are vllm:num_requests_wait"),
    ],
)
def test_what_is_refused(notes: dict[str, str], message: str) -> None:
    with pytest.raises(RenderError, match=re.escape(message)) as raised:
        spec({}, notes)
    assert raised.value.component == "engine"


# Names.


def test_a_long_name_keeps_its_end() -> None:
    assert scaled_object_name("chat-engine") == "scaledobject-chat-engine"
    long = "x" * 60 + "-engine"
    assert scaled_object_name(long) == "scaledobject-" + long[-50:]
    assert len(scaled_object_name(long)) == 63


def test_a_name_that_another_service_has_gets_a_hash() -> None:
    long, other = "a" + "x" * 60 + "-engine", "b" + "x" * 60 + "-engine"
    assert scaled_object_name(long) == scaled_object_name(other)
    assert scaled_object_name(long, taken=True) != scaled_object_name(other, taken=True)
    assert len(scaled_object_name(long, taken=True)) == 63
    assert scaled_object_name("chat-engine", taken=True) == "scaledobject-chat-engine"
