"""The CRDs on a real API server: taken without a warning, and enforced as they say."""

from __future__ import annotations

import copy
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from ome.api.crds import all_crds
from ome.api.crds.descriptions import describe
from tests import cluster
from tests.api.samples import FULL, SMALLEST, manifest
from tests.api.schemas import CRDS, defaulted, root
from tests.cluster import Problem, apply, get, request

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(120)]

NAMESPACE = "ome-crd-test"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"


def dry_run(document: dict[str, Any], validation: str = "Strict") -> dict[str, Any]:
    """What the server would store; status goes only through its subresource."""
    return cluster.create(document, NAMESPACE, dryRun="All", fieldValidation=validation)


def refusal(document: dict[str, Any], validation: str = "Strict") -> str:
    """What the server says instead of storing it."""
    with pytest.raises(Problem) as refused:
        dry_run(document, validation)
    return str(refused.value)


@pytest.fixture(scope="module", autouse=True)
def applied() -> Iterator[None]:
    """The CRDs, applied and established.

    They stay: other tests of the same cluster use them.
    """
    for crd in all_crds():
        apply(crd)
    for crd in all_crds():
        cluster.eventually(partial(established, crd["metadata"]["name"]), every=0.5)
    apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
    yield
    cluster.delete("namespaces", NAMESPACE)


def established(name: str) -> bool:
    crd = get("customresourcedefinitions", name) or {}
    conditions = (crd.get("status") or {}).get("conditions") or []
    return any(c["type"] == "Established" and c["status"] == "True" for c in conditions)


@pytest.mark.parametrize("kind", sorted(CRDS))
def test_a_crd_is_established_and_structural(kind: str) -> None:
    stored = get("customresourcedefinitions", CRDS[kind]["metadata"]["name"])
    assert stored is not None
    conditions = {entry["type"]: entry["status"] for entry in stored["status"]["conditions"]}
    assert conditions == {"NamesAccepted": "True", "Established": "True"}
    assert stored["spec"]["versions"][0]["schema"] == CRDS[kind]["spec"]["versions"][0]["schema"]


@pytest.mark.parametrize("kind", sorted(FULL))
def test_samples_are_stored_as_they_are(kind: str) -> None:
    for sample in (FULL[kind], SMALLEST[kind]):
        document = manifest(kind, {"spec": sample["spec"]})
        assert dry_run(document)["spec"] == defaulted(root(kind), document)["spec"]


def test_short_names_and_columns() -> None:
    document = manifest("InferenceService", FULL["InferenceService"], "columns")
    apply(document, NAMESPACE)
    base = "/apis/ome.io/v1beta1"
    served = {entry["name"]: entry for entry in request("GET", base)["resources"]}
    assert served["inferenceservices"]["shortNames"] == ["isvc"]
    path = f"{base}/namespaces/{NAMESPACE}/inferenceservices/columns"
    table = request("GET", path, accept=TABLE)
    names = [column["name"] for column in table["columnDefinitions"]]
    assert names[:4] == ["Name", "URL", "Ready", "BaseModel"]
    assert [cell for cell in table["rows"][0]["cells"] if cell][:3] == ["columns", "llama", "srt"]


def test_openapi_knows_our_fields() -> None:
    document = request("GET", "/openapi/v3/apis/ome.io/v1beta1")
    schema = document["components"]["schemas"]["io.ome.v1beta1.InferenceService"]
    for part in ("spec", "engine", "scaleMetric"):
        schema = schema["properties"][part]
    assert schema["enum"] == ["cpu", "memory", "concurrency", "rps"]
    assert schema["description"] == describe("ComponentExtensionSpec", "scaleMetric")


@pytest.mark.parametrize(
    ("kind", "path", "value", "message"),
    [
        ("InferenceService", "engine.scaleMetric", "tps", "Unsupported value"),
        ("InferenceService", "acceleratorSelector", {"policy": "Fast"}, "Unsupported value"),
        ("InferenceService", "model", {"kind": "BaseModel"}, "Required value"),
        ("InferenceService", "engine.leader", {"runner": {"image": "a"}}, "Required value"),
        ("InferenceService", "engine.runner.env", [{"name": "A"}] * 2, "Duplicate value"),
        ("BaseModel", "storage.downloadPolicy", "Never", "Unsupported value"),
        ("BaseModel", "storage", {}, "Required value"),
        ("BenchmarkJob", "task", "other", "Unsupported value"),
        ("BenchmarkJob", "numConcurrency", [1, 1], "Duplicate value"),
        ("BenchmarkJob", "endpoint.endpoint.url", "ftp://x", "should match"),
        ("ServingRuntime", "engineConfig.runner", {"image": "a"}, "Required value"),
        ("AcceleratorClass", "capabilities.memoryGB", "80GB", "should match"),
    ],
)
def test_the_server_refuses(kind: str, path: str, value: Any, message: str) -> None:
    document = copy.deepcopy(manifest(kind, {"spec": FULL[kind]["spec"]}))
    place = document["spec"]
    *parents, last = path.split(".")
    for part in parents:
        place = place[part]
    place[last] = value
    said = refusal(document)
    assert f"spec.{path}" in said
    assert message in said


@pytest.mark.parametrize("component", ["engine", "predictor"])
def test_partial_components_are_taken(component: str) -> None:
    probe = {"httpGet": {"path": "/health"}}
    partial = {
        "os": {},
        "containers": [{"name": "a", "livenessProbe": probe}],
        ("model" if component == "predictor" else "runner"): {"readinessProbe": probe},
    }
    dry_run(manifest("InferenceService", {"spec": {component: partial}}))
    startup = {component: {"containers": [{"name": "a", "startupProbe": probe}]}}
    assert "Required value" in refusal(manifest("InferenceService", {"spec": startup}))


def test_unknown_fields_are_pruned_and_free_ones_kept() -> None:
    spec = {**FULL["BaseModel"]["spec"], "typo": 1}
    spec["storage"] = {**spec["storage"], "typo": 1}
    stored = dry_run(manifest("BaseModel", {"spec": spec}), "Ignore")
    assert stored["spec"] == FULL["BaseModel"]["spec"]
    assert 'unknown field "spec.typo"' in refusal(manifest("BaseModel", {"spec": spec}))


@pytest.mark.parametrize("kind", ["InferenceService", "ServingRuntime", "BaseModel"])
def test_status_goes_through_its_subresource(kind: str) -> None:
    plural = CRDS[kind]["spec"]["names"]["plural"]
    document = manifest(kind, {"spec": FULL[kind]["spec"]}, "status")
    apply(document, NAMESPACE)
    status = copy.deepcopy(FULL[kind]["status"])
    if kind == "InferenceService":
        status["unknownToUs"] = {"kept": True}
    path = f"/apis/ome.io/v1beta1/namespaces/{NAMESPACE}/{plural}/status/status"
    media = "application/merge-patch+json"
    assert request("PATCH", path, {"status": status}, media)["status"] == status
    with pytest.raises(Problem, match="Required value"):
        request("PATCH", path, {"status": {"conditions": [{"type": "a"}]}}, media)
