"""The CRDs: structural, complete, small, and what they promise to kubectl."""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import pytest

from ome.api import KINDS, ContainerFields, PodFields
from ome.api.crds import all_crds, render
from ome.api.crds.descriptions import describe
from ome.api.schema import KindObject, ObjectMeta, Schema, json_name

if TYPE_CHECKING:
    from collections.abc import Iterator

CRDS = {crd["spec"]["names"]["kind"]: crd for crd in all_crds()}
COMMITTED = Path(__file__).resolve().parents[2] / "charts/ome-crd/templates/crds.yaml"


def version(kind: str) -> dict[str, Any]:
    (only,) = CRDS[kind]["spec"]["versions"]
    found: dict[str, Any] = only
    return found


def root(kind: str) -> dict[str, Any]:
    found: dict[str, Any] = version(kind)["schema"]["openAPIV3Schema"]
    return found


def at(kind: str, *path: str) -> dict[str, Any]:
    schema = root(kind)
    for part in path:
        schema = schema["items"] if part == "[]" else schema["properties"][part]
    return schema


def walk(schema: dict[str, Any], path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    yield path, schema
    for name, inner in schema.get("properties", {}).items():
        yield from walk(inner, f"{path}.{name}")
    for member in ("items", "additionalProperties"):
        if isinstance(schema.get(member), dict):
            yield from walk(schema[member], f"{path}[]")


@pytest.mark.parametrize("kind", CRDS)
def test_schemas_are_structural(kind: str) -> None:
    for path, schema in walk(root(kind), kind):
        typed = "type" in schema or schema.get("x-kubernetes-int-or-string")
        assert typed, path
        assert "$ref" not in schema, path
        assert "oneOf" not in schema, path
        if schema.get("type") == "array":
            assert "items" in schema, path
        for key in schema.get("x-kubernetes-list-map-keys", ()):
            items = schema["items"]
            assert key in items.get("required", ()) or "default" in items["properties"][key], path


@pytest.mark.parametrize("kind", CRDS)
def test_a_crd_stays_below_a_mebibyte(kind: str) -> None:
    assert len(json.dumps(CRDS[kind])) < 2**20


def test_the_committed_crds_are_what_the_models_say() -> None:
    helm = ("# {{- define", "# {{- end")
    lines = COMMITTED.read_text().splitlines(keepends=True)
    plain = "".join(line for line in lines if not line.startswith(helm))
    assert plain == render(all_crds()), "run hack/charts"


def test_names_scopes_and_status() -> None:
    found = {
        kind: (crd["spec"]["names"]["plural"], crd["spec"]["scope"]) for kind, crd in CRDS.items()
    }
    assert found == {
        "InferenceService": ("inferenceservices", "Namespaced"),
        "ServingRuntime": ("servingruntimes", "Namespaced"),
        "ClusterServingRuntime": ("clusterservingruntimes", "Cluster"),
        "BaseModel": ("basemodels", "Namespaced"),
        "ClusterBaseModel": ("clusterbasemodels", "Cluster"),
        "FineTunedWeight": ("finetunedweights", "Cluster"),
        "BenchmarkJob": ("benchmarkjobs", "Namespaced"),
        "AcceleratorClass": ("acceleratorclasses", "Cluster"),
    }
    assert all(version(kind)["subresources"] == {"status": {}} for kind in CRDS)
    shorts = {kind: crd["spec"]["names"].get("shortNames") for kind, crd in CRDS.items()}
    assert {kind: names for kind, names in shorts.items() if names} == {
        "InferenceService": ["isvc"]
    }


def test_printer_columns_keep_their_order() -> None:
    columns = [column["name"] for column in version("InferenceService")["additionalPrinterColumns"]]
    assert columns == [
        "URL",
        "Ready",
        "BaseModel",
        "Runtime",
        "Prev",
        "Latest",
        "PrevRolledoutRevision",
        "LatestReadyRevision",
        "Age",
    ]
    job = [column["name"] for column in version("BenchmarkJob")["additionalPrinterColumns"]]
    assert job == ["Age", "Status"]
    model = [column["name"] for column in version("BaseModel")["additionalPrinterColumns"]]
    assert model[-4:] == ["Age", "NodesReady", "NodesFailed", "NodesUpdating"]


def own_fields(model: type[Schema], seen: set[type[Schema]]) -> Iterator[tuple[str, str]]:
    """(class, JSON name) of every field that is ours, below a model."""
    seen.add(model)
    for attribute, info in model.model_fields.items():
        owner = next(base for base in model.__mro__ if attribute in inspect.get_annotations(base))
        if owner not in (ContainerFields, PodFields, KindObject) and owner not in KINDS:
            yield owner.__name__, json_name(attribute)
        for inner in schemas(info.annotation):
            if inner not in seen and inner is not ObjectMeta:
                yield from own_fields(inner, seen)


def schemas(annotation: Any) -> Iterator[type[Schema]]:
    if isinstance(annotation, type) and issubclass(annotation, Schema):
        yield annotation
    for inner in get_args(annotation):
        yield from schemas(inner)


def test_own_fields_are_described() -> None:
    fields = {field for kind in KINDS for field in own_fields(kind, set())}
    assert len(fields) > 200
    assert [field for field in sorted(fields) if not describe(*field)] == []


def test_runner_names_are_required_in_runtimes_and_optional_in_services() -> None:
    assert at("ServingRuntime", "spec", "engineConfig", "runner")["required"] == ["name"]
    assert "required" not in at("InferenceService", "spec", "engine", "runner")
    assert at("InferenceService", "spec", "engine", "leader", "runner")["required"] == ["name"]
    assert "ephemeralContainers" not in at("InferenceService", "spec", "engine")["properties"]
    assert "ephemeralContainers" in at("InferenceService", "spec", "engine", "leader")["properties"]


def test_defaults_and_bounds() -> None:
    assert at("InferenceService", "spec", "model", "kind")["default"] == "ClusterBaseModel"
    form = at("BaseModel", "spec", "modelFormat")
    assert form["properties"]["operator"]["default"] == "Equal"
    assert form["properties"]["weight"] == {
        **form["properties"]["weight"],
        "default": 1,
        "format": "int64",
    }
    priority = at("ServingRuntime", "spec", "supportedModelFormats", "[]", "priority")
    assert priority["minimum"] == 1
    mounts = at("BenchmarkJob", "spec", "podOverride", "volumeMounts")
    assert mounts["x-kubernetes-list-map-keys"] == ["mountPath"]
    reasons = at("InferenceService", "status", "modelStatus", "lastFailureInfo", "reason")
    assert "BaseModelDisabled" in reasons["enum"]
    assert at("InferenceService", "status")["x-kubernetes-preserve-unknown-fields"] is True
