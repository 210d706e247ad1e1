"""The extract of Kubernetes' OpenAPI: complete, small, and how its lists merge."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import pytest

from ome.api.openapi import REF, definition, definitions, schema_for, version

if TYPE_CHECKING:
    from collections.abc import Iterator

CORE = "io.k8s.api.core.v1."
POD_SPEC = CORE + "PodSpec"
ROOTS = """core.v1.Pod core.v1.PodTemplateSpec core.v1.Service core.v1.ConfigMap core.v1.Secret
    core.v1.Node core.v1.Event core.v1.ServiceAccount core.v1.PersistentVolumeClaim
    core.v1.PersistentVolume core.v1.Namespace core.v1.Endpoints apps.v1.Deployment
    apps.v1.ReplicaSet apps.v1.StatefulSet batch.v1.Job policy.v1.PodDisruptionBudget
    autoscaling.v2.HorizontalPodAutoscaler autoscaling.v1.Scale networking.v1.Ingress rbac.v1.Role
    rbac.v1.RoleBinding rbac.v1.ClusterRole rbac.v1.ClusterRoleBinding coordination.v1.Lease
    events.v1.Event discovery.v1.EndpointSlice admissionregistration.v1.MutatingWebhookConfiguration
    admissionregistration.v1.ValidatingWebhookConfiguration"""
EXTENSIONS = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinition"


@pytest.mark.parametrize("name", ROOTS.split())
def test_what_the_extract_holds(name: str) -> None:
    assert definition(f"io.k8s.api.{name}")["properties"]


def test_an_unknown_definition_is_named() -> None:
    with pytest.raises(KeyError, match="Nothing"):
        definition(CORE + "Nothing")


def nodes(value: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    yield key, value
    if isinstance(value, dict):
        for name, item in value.items():
            yield from nodes(item, name)
    elif isinstance(value, list):
        for item in value:
            yield from nodes(item)


def test_the_extract_is_closed_and_without_prose() -> None:
    held = definitions()
    assert EXTENSIONS in held
    for key, value in nodes(dict(held)):
        if key == "$ref" and isinstance(value, str):
            assert value.removeprefix(REF) in held
        assert key != "description" or isinstance(value, dict)


def test_the_extract_is_small_and_readable_line_by_line() -> None:
    text = files("ome.api.openapi").joinpath("core.json").read_text("utf-8")
    assert len(text) < 160 * 1024
    assert len(text.splitlines()) == len(definitions()) + 2
    assert json.loads(text)["version"] == version()
    assert version().startswith("v1.")


# path below PodSpec: list type, map keys, patch strategy, patch merge key
LISTS: dict[str, tuple[str | None, tuple[str, ...], str | None, str | None]] = {
    "containers": ("map", ("name",), "merge", "name"),
    "initContainers": ("map", ("name",), "merge", "name"),
    "containers.env": ("map", ("name",), "merge", "name"),
    "containers.envFrom": ("atomic", (), None, None),
    "containers.ports": ("map", ("containerPort", "protocol"), "merge", "containerPort"),
    "containers.volumeMounts": ("map", ("mountPath",), "merge", "mountPath"),
    "containers.volumeDevices": ("map", ("devicePath",), "merge", "devicePath"),
    "containers.args": ("atomic", (), None, None),
    "volumes": ("map", ("name",), "merge,retainKeys", "name"),
    "volumes.projected.sources": ("atomic", (), None, None),
    "tolerations": ("atomic", (), None, None),
    "imagePullSecrets": ("map", ("name",), "merge", "name"),
    "hostAliases": ("map", ("ip",), "merge", "ip"),
    "schedulingGates": ("map", ("name",), "merge", "name"),
    "resourceClaims": ("map", ("name",), "merge,retainKeys", "name"),
    "topologySpreadConstraints": (
        "map",
        ("topologyKey", "whenUnsatisfiable"),
        "merge",
        "topologyKey",
    ),
    "affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution": (
        "atomic",
        (),
        None,
        None,
    ),
}


@pytest.mark.parametrize("path", LISTS)
def test_how_lists_merge(path: str) -> None:
    node = schema_for(POD_SPEC).at(*path.split("."))
    assert node.type == "array"
    found = (node.list_type, node.map_keys, node.patch_strategy, node.patch_merge_key)
    assert found == LISTS[path]


def test_references_are_resolved() -> None:
    pod = schema_for(POD_SPEC)
    container = pod.fields["containers"].items
    assert container is not None
    assert container.name == CORE + "Container"
    assert container is schema_for(CORE + "Container")
    assert container.required == {"name"}
    assert pod.at("containers", "ports", "protocol").default == "TCP"
    assert pod.at("nodeSelector").map_type == "atomic"
    values = pod.at("containers", "resources", "limits").values
    assert values is not None
    assert values.name.endswith("Quantity")
    assert pod.at("containers", "livenessProbe", "httpGet", "port").type is None
    deployment = schema_for("io.k8s.api.apps.v1.Deployment")
    assert deployment.at("spec", "strategy").patch_strategy == "retainKeys"
    assert deployment.at("spec", "template", "spec").name == POD_SPEC


def test_a_missing_field_is_named() -> None:
    with pytest.raises(KeyError, match=r"core\.v1\.Container has no field nothing"):
        schema_for(POD_SPEC).at("containers", "nothing", "x")


def test_recursive_definitions_do_not_hang() -> None:
    schema = schema_for(EXTENSIONS).at("spec", "versions", "schema", "openAPIV3Schema")
    inner = schema.at("properties").values
    assert inner is not None
    assert inner.name == schema.name
