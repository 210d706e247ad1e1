"""The CRDs on a real API server: taken without a warning, and enforced as they say."""

from __future__ import annotations

import copy
import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from ome.api.crds import all_crds, render
from ome.api.crds.descriptions import describe
from tests.api.samples import FULL, SMALLEST, manifest
from tests.api.schemas import CRDS, defaulted, root

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.control_plane, pytest.mark.timeout(120)]

MANAGER = "--field-manager=ome-crd-test"
NAMESPACE = "ome-crd-test"


def kubectl(*words: str, given: str | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["kubectl", *words], input=given, capture_output=True, text=True)


def ok(*words: str, given: str | None = None) -> str:
    done = kubectl(*words, given=given)
    assert done.returncode == 0, done.stderr
    return done.stdout


def dry_run(document: dict[str, Any], *words: str) -> subprocess.CompletedProcess[str]:
    """What the server would store; status goes only through its subresource."""
    scope = ("-n", NAMESPACE) if CRDS[document["kind"]]["spec"]["scope"] == "Namespaced" else ()
    options = ("--dry-run=server", "-o", "json", "-f", "-", *scope, *words)
    return kubectl("create", *options, given=json.dumps(document))


@pytest.fixture(scope="module", autouse=True)
def applied() -> Iterator[str]:
    """The CRDs, applied and established; standard error of the apply.

    They stay: other tests of the same control plane use them.
    """
    done = kubectl(
        "apply", "--server-side", "--force-conflicts", MANAGER, "-f", "-", given=render(all_crds())
    )
    assert done.returncode == 0, done.stderr
    names = [f"crd/{crd['metadata']['name']}" for crd in all_crds()]
    ok("wait", "--for=condition=Established", "--timeout=60s", *names)
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
    ok("apply", "--server-side", MANAGER, "-f", "-", given=yaml.safe_dump(namespace))
    yield done.stderr
    kubectl("delete", "namespace", NAMESPACE, "--timeout=60s")


def test_the_server_takes_them_without_a_warning(applied: str) -> None:
    assert applied == ""


@pytest.mark.parametrize("kind", sorted(CRDS))
def test_a_crd_is_established_and_structural(kind: str) -> None:
    stored = json.loads(ok("get", "crd", CRDS[kind]["metadata"]["name"], "-o", "json"))
    conditions = {entry["type"]: entry["status"] for entry in stored["status"]["conditions"]}
    assert conditions == {"NamesAccepted": "True", "Established": "True"}
    assert stored["spec"]["versions"][0]["schema"] == CRDS[kind]["spec"]["versions"][0]["schema"]


@pytest.mark.parametrize("kind", sorted(FULL))
def test_samples_are_stored_as_they_are(kind: str) -> None:
    for sample in (FULL[kind], SMALLEST[kind]):
        document = manifest(kind, {"spec": sample["spec"]})
        done = dry_run(document, "--validate=strict")
        assert (done.returncode, done.stderr) == (0, "")
        assert json.loads(done.stdout)["spec"] == defaulted(root(kind), document)["spec"]


def test_short_names_and_columns() -> None:
    document = manifest("InferenceService", FULL["InferenceService"], "columns")
    ok("apply", "--server-side", MANAGER, "-n", NAMESPACE, "-f", "-", given=json.dumps(document))
    header, row = ok("get", "isvc", "columns", "-n", NAMESPACE).splitlines()
    assert header.split()[:4] == ["NAME", "URL", "READY", "BASEMODEL"]
    assert row.split()[:3] == ["columns", "llama", "srt"]


def test_explain_knows_our_fields() -> None:
    text = ok("explain", "isvc.spec.engine.scaleMetric")
    assert "ENUM: cpu memory concurrency rps" in " ".join(text.split())
    assert (describe("ComponentExtensionSpec", "scaleMetric") or "?") in text


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
    done = dry_run(document)
    assert done.returncode != 0
    assert f"spec.{path}" in done.stderr
    assert message in done.stderr


@pytest.mark.parametrize("component", ["engine", "predictor"])
def test_partial_components_are_taken(component: str) -> None:
    probe = {"httpGet": {"path": "/health"}}
    partial = {
        "os": {},
        "containers": [{"name": "a", "livenessProbe": probe}],
        ("model" if component == "predictor" else "runner"): {"readinessProbe": probe},
    }
    done = dry_run(manifest("InferenceService", {"spec": {component: partial}}))
    assert (done.returncode, done.stderr) == (0, "")
    startup = {component: {"containers": [{"name": "a", "startupProbe": probe}]}}
    assert "Required value" in dry_run(manifest("InferenceService", {"spec": startup})).stderr


def test_unknown_fields_are_pruned_and_free_ones_kept() -> None:
    spec = {**FULL["BaseModel"]["spec"], "typo": 1}
    spec["storage"] = {**spec["storage"], "typo": 1}
    done = dry_run(manifest("BaseModel", {"spec": spec}), "--validate=ignore")
    assert done.returncode == 0, done.stderr
    stored = json.loads(done.stdout)["spec"]
    assert stored == FULL["BaseModel"]["spec"]
    strict = dry_run(manifest("BaseModel", {"spec": spec}), "--validate=strict")
    assert 'unknown field "spec.typo"' in strict.stderr


@pytest.mark.parametrize("kind", ["InferenceService", "ServingRuntime", "BaseModel"])
def test_status_goes_through_its_subresource(kind: str) -> None:
    plural = CRDS[kind]["spec"]["names"]["plural"]
    document = manifest(kind, {"spec": FULL[kind]["spec"]}, "status")
    ok("apply", "--server-side", MANAGER, "-n", NAMESPACE, "-f", "-", given=json.dumps(document))
    status = copy.deepcopy(FULL[kind]["status"])
    if kind == "InferenceService":
        status["unknownToUs"] = {"kept": True}
    words = ("patch", plural, "status", "-n", NAMESPACE, "--subresource=status", "--type=merge")
    stored = json.loads(ok(*words, "-o", "json", "-p", json.dumps({"status": status})))
    assert stored["status"] == status
    bad = {"status": {"conditions": [{"type": "a"}]}}
    assert "Required value" in kubectl(*words, "-p", json.dumps(bad)).stderr
