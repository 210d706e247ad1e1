"""Manifests that the server takes and refuses, and what a reader makes of them."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pydantic
import pytest

from ome.api import (
    KINDS,
    AcceleratorClass,
    BaseModel,
    BenchmarkJob,
    FineTunedWeight,
    InferenceService,
    ServingRuntime,
    to_json,
)
from tests.api.samples import FULL, SMALLEST, manifest
from tests.api.schemas import defaulted, errors, pruned, root

if TYPE_CHECKING:
    from ome.api import KindObject

BY_KIND = {kind.KIND: kind for kind in KINDS}


@pytest.mark.parametrize("kind", sorted(FULL))
def test_samples_are_taken_and_nothing_is_pruned(kind: str) -> None:
    for sample in (FULL[kind], SMALLEST[kind]):
        document = manifest(kind, sample)
        body = {key: document[key] for key in ("spec", "status") if key in document}
        schema = root(kind)
        assert errors(schema, document) == []
        assert pruned({**schema, "properties": _without_metadata(schema)}, body) == body


def _without_metadata(schema: dict[str, Any]) -> dict[str, Any]:
    return {key: schema["properties"][key] for key in ("spec", "status")}


@pytest.mark.parametrize("kind", sorted(FULL))
def test_a_manifest_comes_back_as_it_was(kind: str) -> None:
    document = manifest(kind, FULL[kind])
    before = copy.deepcopy(document)
    assert to_json(BY_KIND[kind].model_validate(document)) == before
    assert document == before


@pytest.mark.parametrize("kind", sorted(SMALLEST))
def test_the_smallest_manifest_gains_only_the_servers_defaults(kind: str) -> None:
    document = manifest(kind, SMALLEST[kind])
    written = to_json(BY_KIND[kind].model_validate(document))
    assert written == defaulted(root(kind), document)


REFUSED: list[tuple[str, str, Any, str]] = [
    ("InferenceService", "spec.engine.scaleMetric", "tps", "enum"),
    ("InferenceService", "spec.model", {"kind": "BaseModel"}, "required"),
    ("InferenceService", "spec.runtime", {}, "required"),
    ("InferenceService", "spec.engine.minReplicas", "1", "type"),
    ("InferenceService", "spec.engine.acceleratorOverride.policy", "Fast", "enum"),
    ("InferenceService", "spec.engine.kedaConfig.authenticationRef.name", "", "length"),
    ("InferenceService", "spec.engine.kedaConfig.authenticationRef.kind", "Secret", "enum"),
    ("InferenceService", "spec.engine.leader", {"runner": {"image": "a"}}, "required"),
    ("InferenceService", "spec.engine.runner.env", [{"name": "A"}, {"name": "A"}], "duplicate"),
    ("InferenceService", "spec.engine.runner.resources.limits", {"cpu": "many"}, "pattern"),
    ("InferenceService", "status.modelStatus.transitionStatus", "Odd", "enum"),
    ("InferenceService", "status.modelStatus.lastFailureInfo.reason", "Odd", "enum"),
    ("ServingRuntime", "spec.supportedModelFormats[0].priority", 0, "minimum"),
    ("ServingRuntime", "spec.supportedModelFormats", [{"name": "a"}], "required"),
    ("ServingRuntime", "spec.engineConfig.runner", {"image": "a"}, "required"),
    ("ServingRuntime", "spec.acceleratorRequirements.minMemory", -1, "minimum"),
    (
        "ServingRuntime",
        "spec.supportedModelFormats[0].acceleratorConfig.h100.tensorParallelismOverride",
        {"dataParallelSize": -1},
        "minimum",
    ),
    ("BaseModel", "spec", {}, "required"),
    ("BaseModel", "spec.storage", {"path": "/a"}, "required"),
    ("BaseModel", "spec.storage.downloadPolicy", "Never", "enum"),
    ("BaseModel", "spec.modelFormat", {"version": "1"}, "required"),
    ("BaseModel", "status.state", "", "enum"),
    ("BaseModel", "status", {"nodesReady": []}, "required"),
    ("BaseModel", "status.conditions", [{"type": "a", "status": "True"}], "required"),
    ("FineTunedWeight", "spec.trainingJobRef", {}, "required"),
    ("FineTunedWeight", "spec.hyperParameters", "lora", "type"),
    ("BenchmarkJob", "spec.task", "text-to-video", "enum"),
    ("BenchmarkJob", "spec.trafficScenarios", ["a", "a"], "duplicate"),
    ("BenchmarkJob", "spec.numConcurrency", [1, 1], "duplicate"),
    ("BenchmarkJob", "spec.endpoint.endpoint.url", "ftp://x", "pattern"),
    ("BenchmarkJob", "spec.endpoint.endpoint.apiFormat", "vllm", "enum"),
    ("BenchmarkJob", "spec.endpoint.inferenceService", {"name": "a"}, "required"),
    ("BenchmarkJob", "spec.serviceMetadata.gpuType", "H200", "enum"),
    ("BenchmarkJob", "spec.serviceMetadata.engine", "vllm", "enum"),
    (
        "BenchmarkJob",
        "spec.podOverride.volumeMounts",
        [{"name": "a", "mountPath": "/a"}, {"name": "b", "mountPath": "/a"}],
        "duplicate",
    ),
    ("BenchmarkJob", "spec.huggingFaceSecretReference", {}, "required"),
    ("AcceleratorClass", "spec", {"capabilities": {}}, "required"),
    ("AcceleratorClass", "spec.capabilities.memoryGB", "80GB", "pattern"),
    ("AcceleratorClass", "spec.resources", [{"quantity": 1}], "required"),
]


@pytest.mark.parametrize(("kind", "path", "value", "rule"), REFUSED, ids=lambda value: str(value))
def test_the_server_refuses(kind: str, path: str, value: Any, rule: str) -> None:
    document = copy.deepcopy(manifest(kind, FULL[kind]))
    _put(document, path, value)
    found = errors(root(kind), document)
    assert [error.rpartition(": ")[2] for error in found][:1] == [rule], found


def _put(document: dict[str, Any], path: str, value: Any) -> None:
    *parents, last = path.replace("[0]", ".0").split(".")
    place: Any = document
    for part in parents:
        place = place[int(part)] if part.isdigit() else place.setdefault(part, {})
    place[last] = value


_WEIGHT = SMALLEST["FineTunedWeight"]["spec"]
_JOB = SMALLEST["BenchmarkJob"]["spec"]
_STORAGE = {"storageUri": "hf://a"}
_AUTH = {"authenticationRef": {"kind": "TriggerAuthentication"}}
# What is stored, and what a reader makes of it.
EMPTY: list[tuple[type[KindObject], dict[str, Any], dict[str, Any]]] = [
    (InferenceService, {"predictor": {}, "model": None}, {"predictor": {}}),
    (InferenceService, {"model": {}, "runtime": {}}, {}),
    (
        InferenceService,
        {"engine": {"scaleMetric": "", "minReplicas": 0, "runner": {"name": ""}}},
        {"engine": {"minReplicas": 0, "runner": {"name": ""}}},
    ),
    (InferenceService, {"kedaConfig": {"authenticationRef": {}}}, {"kedaConfig": _AUTH}),
    (
        ServingRuntime,
        {"supportedModelFormats": [{"name": "a", "modelFormat": {}}]},
        {"supportedModelFormats": [{"name": "a"}]},
    ),
    (BaseModel, {"storage": {**_STORAGE, "downloadPolicy": ""}}, {"storage": _STORAGE}),
    (FineTunedWeight, {**_WEIGHT, "trainingJobRef": {}}, _WEIGHT),
    (BenchmarkJob, {**_JOB, "dataset": {}}, _JOB),
    (
        AcceleratorClass,
        {"discovery": {}, "capabilities": {}},
        {"discovery": {}, "capabilities": {}},
    ),
]


@pytest.mark.parametrize(("kind", "given", "read"), EMPTY)
def test_empty_is_absent(kind: type[KindObject], given: Any, read: Any) -> None:
    assert to_json(kind.model_validate({"spec": given}))["spec"] == read


def test_a_status_without_a_state_is_readable() -> None:
    """A stored one must not make the model unreadable for services."""
    spec = SMALLEST["BaseModel"]["spec"]
    partial = BaseModel.model_validate({"spec": spec, "status": {"state": "", "nodesReady": ["a"]}})
    assert partial.status is not None
    assert (partial.status.state, partial.status.nodes_ready) == (None, ["a"])


def test_a_model_without_storage_is_not_readable() -> None:
    with pytest.raises(pydantic.ValidationError, match="storage"):
        BaseModel.model_validate({"spec": {}})


def test_readers_apply_the_defaults_themselves() -> None:
    service = InferenceService.model_validate(
        {"spec": {"model": {"name": "a"}, "runtime": {"name": "b"}}}
    )
    assert service.spec.model is not None
    assert service.spec.runtime is not None
    assert (service.spec.model.kind, service.spec.model.api_group) == ("ClusterBaseModel", "ome.io")
    assert service.spec.runtime.kind == "ClusterServingRuntime"
    accelerator = AcceleratorClass.model_validate(
        {"spec": {"discovery": {}, "capabilities": {}, "resources": [{"name": "gpu"}]}}
    )
    assert accelerator.spec.resources is not None
    assert accelerator.spec.resources[0].quantity == "1"
    model = BaseModel.model_validate(
        {"spec": {"storage": {"storageUri": "a"}, "modelFormat": {"name": "a", "weight": 0}}}
    )
    assert model.spec.model_format is not None
    assert (model.spec.model_format.operator, model.spec.model_format.weight) == ("Equal", 0)
