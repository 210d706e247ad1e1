"""What cannot be rendered names the component, the reason and the next step."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from ome.workloads import RenderError, plan
from tests.workloads.support import inputs

RUNNER = {"name": "ome-container", "image": "a"}
ENGINE = {"runner": RUNNER}
MODE = "ome.io/deploymentMode"
MODEL: dict[str, Any] = {
    "kind": "ClusterBaseModel",
    "metadata": {"name": "m"},
    "spec": {"storage": {"storageUri": "hf://a/b"}},
}


def rendered(
    spec: dict[str, Any],
    annotations: dict[str, str] | None = None,
    model: dict[str, Any] | None = None,
    runtime: dict[str, Any] | None = None,
) -> None:
    service = {
        "kind": "InferenceService",
        "metadata": {"name": "chat", "annotations": annotations or {}},
        "spec": {"model": {"name": "m"}, **spec},
    }
    documents = [service, copy.deepcopy(model or MODEL)]
    if runtime is not None:
        documents.append(
            {"kind": "ClusterServingRuntime", "metadata": {"name": "r"}, "spec": runtime}
        )
    plan(inputs(documents))


@pytest.mark.parametrize("mode", ["MultiNode", "RawDeployment", "PDDisaggregated", "raw", ""])
def test_modes_that_defaults_write_on_a_service_decide_nothing(mode: str) -> None:
    rendered({"engine": ENGINE}, {MODE: mode})


def test_serverless_with_a_leader_is_a_contradiction() -> None:
    with pytest.raises(RenderError, match="remove one of them") as raised:
        rendered({"engine": {**ENGINE, "leader": {}}}, {MODE: "Serverless"})
    assert raised.value.reason == "DeploymentModeError"


def test_a_service_without_any_engine_is_refused() -> None:
    with pytest.raises(RenderError, match=r"engine component is required: set spec\.engine"):
        rendered({})
    with pytest.raises(RenderError, match="engine component is required"):
        rendered({}, runtime={})


def test_a_runtimes_engine_is_enough() -> None:
    rendered({}, runtime={"engineConfig": ENGINE})


def test_a_pod_needs_a_container() -> None:
    with pytest.raises(RenderError) as raised:
        rendered({"engine": {}})
    text = str(raised.value)
    assert "no containers found in pod spec and no runner spec provided" in text
    assert "set spec.engine.runner" in text


@pytest.mark.parametrize(
    ("uri", "words"),
    [
        ("pvc://elsewhere:claim/path", "is in namespace elsewhere, not demo"),
        ("pvc://claim/path", "names no namespace"),
        ("pvc://demo:claim", "not a claim and a path in it"),
        ("pvc://", "write pvc://<namespace>:<claim>/<sub-path>"),
    ],
)
def test_a_claim_must_be_of_the_namespace(uri: str, words: str) -> None:
    model = {**MODEL, "spec": {"storage": {"storageUri": uri}}}
    with pytest.raises(RenderError) as raised:
        rendered({"engine": ENGINE}, model=model)
    assert words in str(raised.value)
    assert uri in str(raised.value)
    assert raised.value.reason == "ModelReconcileError"


def test_a_host_that_is_none_is_refused() -> None:
    with pytest.raises(RenderError, match="invalid domain name") as raised:
        rendered({"engine": ENGINE}, {"ome.io/ingress-domain": "Upper.case"})
    assert raised.value.component == "engine"
