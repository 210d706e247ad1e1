"""Each remark on a service, which refuses nothing; and what is not remarked on."""

from __future__ import annotations

from typing import Any

import pytest

from ome.webhooks.inferenceservice import validate
from tests.webhooks.objects import (
    CLASS,
    FULL,
    IMAGE,
    LLAMA,
    Cluster,
    cluster,
    document,
    keda,
    model,
    review,
    runtime,
    service,
    told,
)


def weight(name: str, base: str = "llama", *, merged: bool = False, **spec: Any) -> dict[str, Any]:
    configuration = {"configuration": {"merged_weights": True}} if merged else {}
    made = {"baseModelRef": {"name": base}, **configuration, **spec}
    return document("FineTunedWeight", name, made)


OLD = {"minReplicas": 1, "model": {"runtimeVersion": "0.4"}}
RPS = {"model": {"name": "llama"}, "engine": {"scaleMetric": "rps"}}
REMARKS: list[tuple[dict[str, Any], Cluster, str]] = [
    (service(FULL), LLAMA, "Runtime srt will be auto-selected for model llama"),
    (service(name="a" * 56), LLAMA, "has 56 characters"),
    (
        service(annotations={"ome.io/deploymentMode": "Raw"}),
        LLAMA,
        "deployment mode 'Raw' is not known and decides nothing; use one of MultiNode,",
    ),
    *(
        (
            service(annotations={f"ome.io/{switch}": "True"}),
            LLAMA,
            f"ome.io/{switch}\"]: 'True' decides nothing; write true, or remove it",
        )
        for switch in ("paused", "pin-runtime", "upgrade-template")
    ),
    (
        service(annotations={"ome.io/deployment-mode": "Serverless"}),
        LLAMA,
        "is read by nothing; the annotation is ome.io/deploymentMode",
    ),
    (
        service(annotations={"ome.io/disable-ingress": "true"}),
        LLAMA,
        "is read by nothing; the annotation is ome.io/ingress-disable-creation",
    ),
    (
        service({"predictor": OLD, "runtime": {"name": "srt"}}),
        LLAMA,
        "spec.predictor: is deprecated",
    ),
    (
        service({"predictor": OLD, "runtime": {"name": "srt"}}),
        LLAMA,
        "runtimeVersion: 0.4 has no counterpart",
    ),
    (service({"engine": IMAGE}), LLAMA, "spec.model: model reference is required to serve"),
    (
        keda(authModes="basic"),
        LLAMA,
        "KEDA authModes is specified but authenticationRef is not set; authModes will be ignored by"
        " KEDA",
    ),
    (
        service({**FULL, "engine": {"minAvailable": 1, "maxUnavailable": "50%"}}),
        LLAMA,
        "spec.engine.maxUnavailable: a PodDisruptionBudget takes it or minAvailable, not both",
    ),
    (
        service({"engine": {"minReplicas": 4, "maxReplicas": 2}, "runtime": {"name": "srt"}}),
        LLAMA,
        "spec.engine.maxReplicas: 2 is below minReplicas 4",
    ),
    (
        service({"router": {"minReplicas": -1}}),
        LLAMA,
        "spec.router.minReplicas: -1 is below 0",
    ),
    (
        service({"router": {"canaryTrafficPercent": 101}}),
        LLAMA,
        "spec.router.canaryTrafficPercent: 101 is no percentage",
    ),
    (service(RPS), LLAMA, "spec.engine.scaleMetric: rps is known in Serverless mode only"),
    (
        service({**FULL, "engine": {"leader": {}}}),
        LLAMA,
        "spec.engine.leader: has no worker",
    ),
    (
        service({**FULL, "engine": {"leader": {}, "worker": {"size": 0}}}),
        LLAMA,
        "spec.engine.worker.size: 0 counts as 1",
    ),
    (
        service({"model": {"name": "llama", "fineTunedWeights": ["a", "b"]}}),
        LLAMA,
        "spec.model.fineTunedWeights[1]: FineTunedWeight b does not exist",
    ),
    (
        service({"model": {"name": "llama", "fineTunedWeights": ["a"]}}),
        cluster(model(), weight("a", base="qwen")),
        "spec.model.fineTunedWeights[0]: FineTunedWeight a was made from model qwen, not from",
    ),
    (
        service({"model": {"name": "llama", "fineTunedWeights": ["a"]}}),
        cluster(model(), weight("a", disabled=True)),
        "spec.model.fineTunedWeights[0]: FineTunedWeight a is disabled",
    ),
    (
        service({"model": {"name": "llama", "fineTunedWeights": ["b", "a"]}}),
        cluster(model(), weight("a", merged=True), weight("b")),
        "spec.model.fineTunedWeights[1]: FineTunedWeight a holds merged weights",
    ),
    (
        service({"model": {"name": "llama", "fineTunedWeights": ["a"]}}),
        LLAMA,
        "spec.model.fineTunedWeights[0]: FineTunedWeight a does not exist",
    ),
    (
        service({"model": {"name": "llama"}}),
        cluster(model(), model(kind="BaseModel")),
        "BaseModel llama exists in namespace team-a and at cluster scope; the one in the namespace"
        " is used",
    ),
    (
        service({"model": {"name": "llama", "kind": "Model"}}),
        LLAMA,
        "spec.model.kind: 'Model' is not known and is read as if it were absent",
    ),
    (
        service({"runtime": {"name": "srt"}}),
        cluster(runtime(), runtime(kind="ServingRuntime")),
        "ServingRuntime srt exists in namespace team-a and at cluster scope",
    ),
    (
        service({"runtime": {"name": "none"}}),
        LLAMA,
        "runtime none not found in namespace team-a or at cluster scope; the service waits for it",
    ),
    (
        service({"runtime": {"name": "srt", "kind": "ServingRuntime"}}),
        LLAMA,
        "runtime srt not found in namespace team-a; the service waits",
    ),
    (
        service({"runtime": {"name": "srt"}, "model": {"name": "llama"}}),
        cluster(model(), runtime(entry={"modelArchitecture": "Qwen2ForCausalLM"})),
        "runtime srt does not support model llama: model format 'mt:safetensors",
    ),
    (
        service({"runtime": {"name": "srt"}, "model": {"name": "llama"}}),
        cluster(model(modelFormat=None), runtime()),
        "spec.model.name: model llama: invalid model specification: modelFormat.name",
    ),
    (
        service({"runtime": {"name": "srt"}, "model": {"name": "llama"}}),
        cluster(model(), runtime(disabled=True)),
        "cluster-scoped runtime srt is disabled",
    ),
    (
        service({"runtime": {"name": "srt"}, "model": {"name": "llama"}}),
        cluster(model(disabled=True), runtime()),
        "spec.model.name: model llama is disabled",
    ),
    (
        service({"acceleratorSelector": {"acceleratorClass": "h900"}}),
        LLAMA,
        "accelerator class h900 is asked for",
    ),
]


@pytest.mark.parametrize(("given", "lookup", "text"), REMARKS)
def test_remarks_do_not_refuse(given: dict[str, Any], lookup: Cluster, text: str) -> None:
    verdict = validate(review(given), lookup)
    assert verdict.problems == ()
    assert any(text in warning for warning in verdict.warnings), told(verdict)


QUIET: list[dict[str, Any]] = [
    service({"model": {"name": "llama"}, "runtime": {"name": "srt"}, "engine": {}}),
    service({**RPS, "runtime": {"name": "srt"}}, {CLASS: "keda"}),
    service({**RPS, "runtime": {"name": "srt"}}, {"ome.io/deploymentMode": "Serverless"}),
    service(
        {
            "model": {"name": "llama"},
            "runtime": {"name": "srt"},
            "engine": {"scaleMetric": "concurrency", "minReplicas": 0, "maxReplicas": 3},
        }
    ),
    service(annotations={"ome.io/deploymentMode": "PDDisaggregated"}),
    service({"predictor": {}}),
    service(name="a" * 55),
]


@pytest.mark.parametrize("given", QUIET)
def test_nothing_to_remark(given: dict[str, Any]) -> None:
    verdict = validate(review(given), LLAMA)
    assert (verdict.problems, verdict.warnings) == ((), ())
