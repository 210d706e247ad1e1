"""Autoscaler, replica bounds and disruption budget of a component."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ome.api import KedaConfig
from ome.workloads import RenderError, plan
from ome.workloads.inputs import Component
from ome.workloads.scaling import autoscaler_class, replica_bounds
from tests.workloads.support import inputs, objects

CLASS = "ome.io/autoscalerClass"


def component(**merged: Any) -> Component:
    return Component("engine", merged, {})


def made(
    engine: dict[str, Any],
    annotations: dict[str, str] | None = None,
    keda: dict[str, Any] | None = None,
    defaults: dict[str, Any] | None = None,
) -> dict[str, dict[str, Any]]:
    """The specs of a service's objects by kind."""
    found = {item["kind"]: item for item in made_objects(engine, annotations, keda, defaults)}
    return {kind: item.get("spec", {}) for kind, item in found.items()}


def made_objects(
    engine: dict[str, Any],
    annotations: dict[str, str] | None = None,
    keda: dict[str, Any] | None = None,
    defaults: dict[str, Any] | None = None,
) -> list[dict[str, Any]]:
    """A service's objects; ``defaults`` is key ``kedaConfig`` of the operator's settings."""
    runner = {"name": "ome-container", "image": "a"}
    spec: dict[str, Any] = {"model": {"name": "m"}, "engine": {"runner": runner, **engine}}
    if keda is not None:
        spec["kedaConfig"] = keda
    service = {
        "kind": "InferenceService",
        "metadata": {"name": "chat", "annotations": annotations or {}},
        "spec": spec,
    }
    model = {
        "kind": "ClusterBaseModel",
        "metadata": {"name": "m"},
        "spec": {"storage": {"storageUri": "hf://a/b"}},
    }
    settings = {"kind": "ConfigMap", "data": {"kedaConfig": json.dumps(defaults or {})}}
    return objects(plan(inputs([service, model, settings])))


def scaled(engine: dict[str, Any], annotations: dict[str, str] | None = None) -> tuple[str, int]:
    """Metric and target of the autoscaler."""
    (metric,) = made(engine, annotations)["HorizontalPodAutoscaler"]["metrics"]
    assert metric["type"] == "Resource"
    target = metric["resource"]["target"]
    assert target["type"] == "Utilization"
    return metric["resource"]["name"], target["averageUtilization"]


# Which autoscaler.


@pytest.mark.parametrize("annotations", [{}, {CLASS: "hpa"}])
def test_a_component_has_an_hpa_unless_told_otherwise(annotations: dict[str, str]) -> None:
    assert autoscaler_class(component(), annotations) == "hpa"
    assert made({}, annotations)["HorizontalPodAutoscaler"]["scaleTargetRef"] == {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "name": "chat-engine",
    }


def test_an_external_autoscaler_leaves_everything_else() -> None:
    with_hpa, without = made({}), made({}, {CLASS: "external"})
    assert with_hpa.keys() - without.keys() == {"HorizontalPodAutoscaler"}
    assert "replicas" not in without["Deployment"]


def test_the_components_annotation_wins_over_the_services() -> None:
    engine = {"annotations": {CLASS: "external"}}
    assert "HorizontalPodAutoscaler" not in made(engine, {CLASS: "hpa"})


@pytest.mark.parametrize("value", ["", "HPA", "vpa"])
def test_an_unknown_class_is_refused(value: str) -> None:
    for engine, service in (({}, {CLASS: value}), ({"annotations": {CLASS: value}}, {})):
        with pytest.raises(RenderError, match=f"unknown autoscaler class type: {value};") as raised:
            made(engine, service)
        assert raised.value.component == "engine"


def test_keda_by_configuration_counts_only_without_a_class() -> None:
    wants = component(kedaConfig={"enableKeda": True})
    assert autoscaler_class(wants, {CLASS: "hpa"}) == "hpa"
    assert autoscaler_class(wants, {}) == "keda"
    assert autoscaler_class(component(), {}, KedaConfig(enable_keda=True)) == "keda"
    assert autoscaler_class(component(kedaConfig={"enableKeda": False}), {}) == "hpa"


# Bounds.


@pytest.mark.parametrize(
    ("merged", "expected"),
    [
        ({}, (1, 1)),
        ({"minReplicas": 0}, (1, 1)),
        ({"minReplicas": -2}, (1, 1)),
        ({"minReplicas": 3}, (3, 3)),
        ({"maxReplicas": 4}, (1, 4)),
        ({"minReplicas": 2, "maxReplicas": 8}, (2, 8)),
        ({"minReplicas": 5, "maxReplicas": 2}, (5, 5)),
        ({"minReplicas": 2, "maxReplicas": 0}, (2, 2)),
    ],
)
def test_the_bounds_are_at_least_one_and_never_cross(
    merged: dict[str, Any], expected: tuple[int, int]
) -> None:
    assert replica_bounds(component(**merged)) == expected


def test_the_bounds_stand_in_the_autoscaler_and_never_in_the_deployment() -> None:
    specs = made({"minReplicas": 2, "maxReplicas": 8})
    scaler = specs["HorizontalPodAutoscaler"]
    assert (scaler["minReplicas"], scaler["maxReplicas"], scaler["behavior"]) == (2, 8, {})
    assert "replicas" not in specs["Deployment"]


# Metric and target.


@pytest.mark.parametrize(
    ("engine", "annotations", "expected"),
    [
        ({}, {}, ("cpu", 80)),
        ({"scaleTarget": 60}, {}, ("cpu", 60)),
        ({"scaleMetric": "memory"}, {}, ("memory", 80)),
        ({"scaleMetric": "rps", "scaleTarget": 10}, {}, ("rps", 10)),
        ({}, {"ome.io/metrics": "memory"}, ("memory", 80)),
        ({}, {"ome.io/metrics": "concurrency"}, ("cpu", 80)),
        ({"scaleMetric": "cpu"}, {"ome.io/metrics": "memory"}, ("cpu", 80)),
        ({"scaleTarget": 60}, {"ome.io/targetUtilizationPercentage": "65"}, ("cpu", 65)),
        (
            {"annotations": {"ome.io/targetUtilizationPercentage": "40"}},
            {"ome.io/targetUtilizationPercentage": "65"},
            ("cpu", 40),
        ),
    ],
)
def test_metric_and_target(
    engine: dict[str, Any], annotations: dict[str, str], expected: tuple[str, int]
) -> None:
    assert scaled(engine, annotations) == expected


@pytest.mark.parametrize("text", ["", "many", "65%", "6.5", "0", "-1", "6_5", " 65"])
def test_a_target_that_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(RenderError, match="write an integer from 1 to 100"):
        made({}, {"ome.io/targetUtilizationPercentage": text})


# Disruption budget.


@pytest.mark.parametrize(
    ("engine", "expected"),
    [
        ({}, {"maxUnavailable": 1}),
        ({"maxUnavailable": 0}, {"maxUnavailable": 0}),
        ({"minAvailable": "50%"}, {"minAvailable": "50%"}),
        ({"minAvailable": 2}, {"minAvailable": 2}),
    ],
)
def test_the_disruption_budget(engine: dict[str, Any], expected: dict[str, Any]) -> None:
    assert made(engine)["PodDisruptionBudget"] == {
        "selector": {"matchLabels": {"app": "chat-engine"}},
        **expected,
    }
