"""Whole services against golden files: a rendering never changes, it gets a successor.

``OME_UPDATE_GOLDEN=1`` writes them anew; every line of that difference restarts somebody's pods.
"""

from __future__ import annotations

import copy
import os
from typing import TYPE_CHECKING, Any

import pytest

from ome.api import to_json
from ome.api.openapi import REF, definition
from ome.workloads import plan
from tests.workloads.support import HERE, load, objects, render

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

CASES = sorted(path.stem for path in (HERE / "cases").glob("*.yaml"))
DEFINITIONS = {
    ("v1", "ConfigMap"): "io.k8s.api.core.v1.ConfigMap",
    ("v1", "Service"): "io.k8s.api.core.v1.Service",
    ("v1", "ServiceAccount"): "io.k8s.api.core.v1.ServiceAccount",
    ("apps/v1", "Deployment"): "io.k8s.api.apps.v1.Deployment",
    ("autoscaling/v2", "HorizontalPodAutoscaler"): (
        "io.k8s.api.autoscaling.v2.HorizontalPodAutoscaler"
    ),
    ("policy/v1", "PodDisruptionBudget"): "io.k8s.api.policy.v1.PodDisruptionBudget",
    ("rbac.authorization.k8s.io/v1", "Role"): "io.k8s.api.rbac.v1.Role",
    ("rbac.authorization.k8s.io/v1", "RoleBinding"): "io.k8s.api.rbac.v1.RoleBinding",
}
TEMPLATES = {
    "LeaderWorkerSet": (
        "leaderWorkerTemplate.leaderTemplate",
        "leaderWorkerTemplate.workerTemplate",
    ),
    "RayCluster": ("headGroupSpec.template", "workerGroupSpecs.0.template"),
}
"""Where a custom kind holds whole pod templates."""
CUSTOM = {"LeaderWorkerSet", "RayCluster", "ScaledObject", "Sidecar", "Service"}


def test_there_are_enough_cases() -> None:
    assert len(CASES) >= 12


@pytest.mark.parametrize("name", CASES)
def test_rendering_1_is_what_it_always_was(name: str) -> None:
    golden = HERE / "golden" / "rendering-1" / f"{name}.yaml"
    rendered = render(plan(load(name)))
    if os.environ.get("OME_UPDATE_GOLDEN"):
        golden.write_text(rendered)
    assert rendered == golden.read_text()


@pytest.mark.parametrize("name", CASES)
def test_a_plan_is_repeatable_and_leaves_its_inputs_alone(name: str) -> None:
    inputs = load(name)
    before = copy.deepcopy(to_json(inputs.service))
    assert plan(inputs) == plan(inputs)
    assert to_json(inputs.service) == before


@pytest.mark.parametrize("name", CASES)
def test_objects_have_no_unknown_field(name: str) -> None:
    for item in objects(plan(load(name))):
        known = DEFINITIONS.get((item["apiVersion"], item["kind"]))
        if known is not None:
            assert list(unknown(item, definition(known), item["kind"])) == []
            continue
        assert item["kind"] in CUSTOM
        template = definition("io.k8s.api.core.v1.PodTemplateSpec")
        for path in TEMPLATES.get(item["kind"], ()):
            assert list(unknown(at(item["spec"], path), template, path)) == []


def at(value: Any, path: str) -> Any:
    for step in path.split("."):
        value = value[int(step) if step.isdigit() else step]
    return value


def unknown(value: Any, schema: Mapping[str, Any], path: str) -> Iterator[str]:
    if "$ref" in schema:
        schema = definition(schema["$ref"].removeprefix(REF))
    if "allOf" in schema:
        yield from unknown(value, schema["allOf"][0], path)
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from unknown(item, schema.get("items", {}), f"{path}[{number}]")
    elif isinstance(value, dict) and "properties" in schema:
        for key, item in value.items():
            if key not in schema["properties"]:
                yield f"{path}.{key}"
            else:
                yield from unknown(item, schema["properties"][key], f"{path}.{key}")
