"""Each refusal of a service: its field, the reason and the next step; and each remark."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ome.errors import ServiceUnavailable
from ome.webhooks.inferenceservice import validate
from ome.webhooks.registry import Undecodable
from tests.webhooks.objects import (
    Cluster,
    cluster,
    document,
    model,
    review,
    runtime,
    told,
)

CLASS = "ome.io/autoscalerClass"
KEDA = {CLASS: "keda"}
LLAMA = cluster(model(), runtime())
FULL: dict[str, Any] = {"model": {"name": "llama"}, "engine": {}}


def service(
    spec: dict[str, Any] | None = None, annotations: dict[str, str] | None = None, **metadata: Any
) -> dict[str, Any]:
    name = metadata.pop("name", "chat")
    return document("InferenceService", name, spec, annotations, **metadata)


def weight(name: str, base: str = "llama", *, merged: bool = False, **spec: Any) -> dict[str, Any]:
    configuration = {"configuration": {"merged_weights": True}} if merged else {}
    made = {"baseModelRef": {"name": base}, **configuration, **spec}
    return document("FineTunedWeight", name, made)


def note(name: str) -> str:
    return f'metadata.annotations["{name}"]'


def keda(**config: Any) -> dict[str, Any]:
    return service({"kedaConfig": config}, KEDA)


NAME = 'invalid InferenceService name "{}", must match "[a-z]([-a-z0-9]*[a-z0-9])?"'
OPERATOR = (
    'invalid KEDA scaling operator "{}", must be one of: GreaterThan, GreaterThanOrEqual, LessThan,'
    " LessThanOrEqual"
)
THRESHOLD = 'invalid KEDA scaling threshold "{}": must be a valid number'
ADDRESS = 'invalid KEDA Prometheus server address "{}": {}'
MODE = 'invalid KEDA auth mode "{}", must be one of: basic, tls, bearer, custom'
TARGET = "the target utilization percentage should be a [1-100] integer"
NOT_FOUND = (
    'referenced model "{}" not found in namespace "team-a": ensure a BaseModel exists in this'
    " namespace or a ClusterBaseModel exists cluster-wide with this name"
)
OPERATOR_NOTE = "autoscaling.keda.sh/operator"
THRESHOLD_NOTE = "autoscaling.keda.sh/threshold"
ADDRESS_NOTE = "autoscaling.keda.sh/prometheus.serverAddress"
UTILIZATION = "ome.io/targetUtilizationPercentage"
# The service, the field, what the message says, the next step in it.
REFUSALS: list[tuple[dict[str, Any], str, str, str]] = [
    *(
        (service(name=name), "metadata.name", NAME.format(name), "use lower-case letters")
        for name in ("1chat", "chat.a", "chat-", "Chat", "ch_at")
    ),
    (
        service(name="", generateName="1-"),
        "metadata.generateName",
        NAME.format("1-"),
        "begin with a letter",
    ),
    *(
        (
            service(annotations={CLASS: value}),
            note(CLASS),
            f"[{value}] is not a supported autoscaler class type",
            "use hpa, keda or external",
        )
        for value in ("HPA", "", "vpa")
    ),
    (
        service(annotations={CLASS: "hpa", "ome.io/metrics": "rps"}),
        note("ome.io/metrics"),
        "[rps] is not a supported metric",
        "use cpu or memory",
    ),
    *(
        (service(annotations={UTILIZATION: value}), note(UTILIZATION), TARGET, "such as 80")
        for value in ("80%", "0", "101", "", "0.5", "-1", "9" * 5000)
    ),
    (
        keda(scalingOperator="greaterThan"),
        "spec.kedaConfig.scalingOperator",
        OPERATOR.format("greaterThan"),
        "must be one of",
    ),
    (
        service(annotations={**KEDA, OPERATOR_NOTE: ""}),
        note(OPERATOR_NOTE),
        OPERATOR.format(""),
        "must be one of",
    ),
    (
        service(annotations={**KEDA, OPERATOR_NOTE: 'a"b'}),
        note(OPERATOR_NOTE),
        OPERATOR.format('a\\"b'),
        "must be one of",
    ),
    *(
        (
            keda(scalingThreshold=value),
            "spec.kedaConfig.scalingThreshold",
            THRESHOLD.format(value),
            "such as 10",
        )
        for value in ("10abc", "10,5", "NaN", "Inf", "-inf", "1e999", "1_0", " 1")
    ),
    (
        service(annotations={**KEDA, THRESHOLD_NOTE: ""}),
        note(THRESHOLD_NOTE),
        THRESHOLD.format(""),
        "such as 10",
    ),
    *(
        (
            keda(promServerAddress=value),
            "spec.kedaConfig.promServerAddress",
            ADDRESS.format(value, why),
            "write one such as http://",
        )
        for value, why in (
            ("prometheus.monitoring.svc:9090", "scheme must be http or https"),
            ("ftp://prometheus", "scheme must be http or https"),
            ("http://", "host is required"),
            ("http://:9090", "host is required"),
            ("http://[::1", "Invalid IPv6 URL"),
            ("http://a:port", "Port could not be cast to integer"),
            ("http://a b", "a URL holds no blanks"),
        )
    ),
    (
        service(annotations={**KEDA, ADDRESS_NOTE: "prometheus"}),
        note(ADDRESS_NOTE),
        ADDRESS.format("prometheus", "scheme must be http or https"),
        "write one such as http://",
    ),
    (
        keda(authModes="bearer, Basic,,", authenticationRef={"name": "a"}),
        "spec.kedaConfig.authModes",
        MODE.format("Basic"),
        "must be one of",
    ),
    (
        keda(authenticationRef={"kind": "ClusterTriggerAuthentication"}),
        "spec.kedaConfig.authenticationRef.name",
        "KEDA authenticationRef.name is required",
        "name a TriggerAuthentication",
    ),
    (
        service({"decoder": {}, "runtime": {"name": "a"}}),
        "spec.decoder",
        "decoder cannot be specified without engine",
        "add spec.engine",
    ),
    (
        service({"model": {"name": "mistral"}}),
        "spec.model.name",
        NOT_FOUND.format("mistral"),
        "create it first or correct the name",
    ),
    (
        service({"model": {"name": "llama", "kind": "BaseModel"}}),
        "spec.model.name",
        'referenced model "llama" not found in namespace "team-a": ensure a BaseModel exists in'
        " this namespace",
        "set kind: ClusterBaseModel",
    ),
    (
        service({"engine": {}}),
        "spec.model",
        "model reference is required when runtime is not specified and engine does not have"
        " complete runner configuration",
        "set spec.model.name",
    ),
]


@pytest.mark.parametrize(("given", "field", "reason", "step"), REFUSALS)
def test_a_refusal_says_field_reason_and_next_step(
    given: dict[str, Any], field: str, reason: str, step: str
) -> None:
    verdict = validate(review(given), LLAMA)
    (problem,) = verdict.problems
    assert problem.field == field
    assert reason in problem.message
    assert step in problem.message
    assert "\n" not in problem.message


def test_every_problem_is_told_at_once() -> None:
    given = service({"decoder": {}}, {CLASS: "vpa", UTILIZATION: "0"}, name="1")
    fields = [problem.field for problem in validate(review(given), LLAMA).problems]
    assert fields == ["metadata.name", note(CLASS), note(UTILIZATION), "spec.decoder"]


SELECTION = "no supporting runtime found for model llama and engine does not have complete runner"
# The cluster, the reason and the next step, for a service that names only its model.
UNSUPPORTED: list[tuple[Cluster, str, str, str]] = [
    (
        cluster(model()),
        "spec.runtime",
        f"{SELECTION} configuration: no runtime found to support model llama with format"
        " safetensors in namespace team-a",
        "Name a runtime in spec.runtime.name",
    ),
    (
        cluster(model(), runtime(entry={"autoSelect": False})),
        "spec.runtime",
        "srt (auto-select is not enabled for any supported format that matches the model)",
        "create or enable one",
    ),
    (
        cluster(model(), runtime(disabled=True)),
        "spec.runtime",
        "srt (runtime is disabled)",
        "create or enable one",
    ),
    (
        cluster(model(disabled=True), runtime()),
        "spec.model.name",
        "model llama is disabled",
        "set spec.disabled of the model to false",
    ),
    (
        cluster(model(modelFormat={"name": ""}), runtime()),
        "spec.runtime",
        "invalid model specification: modelFormat.name: model format name is required",
        "spec.engine.runner.image",
    ),
    (
        cluster(model(maxTokens="many"), runtime()),
        "spec.model.name",
        "failed to resolve model llama: its spec.maxTokens cannot be read",
        "correct the value",
    ),
]


@pytest.mark.parametrize(("lookup", "field", "reason", "step"), UNSUPPORTED)
def test_automatic_selection_must_find_a_runtime(
    lookup: Cluster, field: str, reason: str, step: str
) -> None:
    (problem,) = validate(review(service(FULL)), lookup).problems
    assert problem.field == field
    assert reason in problem.message
    assert step in problem.message


IMAGE = {"runner": {"image": "a"}}
ACCEPTED: list[dict[str, Any]] = [
    service(),
    service(FULL),
    service({"model": {"name": "llama"}}),
    service({"engine": {}, "runtime": {"name": "not-there-yet"}}),
    service({"engine": {}, "runtime": {"name": ""}}),
    service({"engine": IMAGE}),
    service({"engine": {"leader": IMAGE, "worker": IMAGE}}),
    service({"decoder": {}, **FULL}),
    service(name="a"),
    service(name="chat-2-b"),
    service(name="", generateName="chat-"),
    service(annotations={CLASS: "external", "ome.io/metrics": "rps"}),
    service(annotations={"ome.io/metrics": "rps", OPERATOR_NOTE: "no", THRESHOLD_NOTE: "no"}),
    service({"kedaConfig": {"scalingOperator": "no", "authenticationRef": {}}}),
    *(service(annotations={UTILIZATION: value}) for value in ("1", "100", "+50", "080")),
    *(keda(scalingThreshold=value) for value in ("-5", "0.5", "1e10", "10", ".5", "5.")),
    keda(promServerAddress="https://[::1]:9090/a", scalingOperator="LessThan"),
    keda(authModes=" tls ,", authenticationRef={"name": "a"}),
    service({"model": {"name": ""}}),
]


@pytest.mark.parametrize("given", ACCEPTED)
def test_what_is_accepted(given: dict[str, Any]) -> None:
    verdict = validate(review(given), LLAMA)
    assert verdict.problems == (), told(verdict)


def test_engine_and_worker_images_make_a_runner_only_together() -> None:
    given = service({"engine": {"leader": IMAGE, "worker": {}, "containers": [{"name": "a"}]}})
    (problem,) = validate(review(given), LLAMA).problems
    assert problem.field == "spec.model"


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


def test_an_object_on_its_way_out_is_not_judged() -> None:
    given = service({"decoder": {}}, name="1", deletionTimestamp="2026-05-06T10:11:12Z")
    assert validate(review(given), LLAMA).problems == ()
    gone = replace(review(service(name="1")), operation="DELETE", object=None)
    assert validate(gone, LLAMA).problems == ()


def test_an_update_that_changes_nothing_we_read_is_not_judged() -> None:
    """The operator's finalizer goes on and off although the model is gone."""
    before = service({"model": {"name": "gone"}}, {CLASS: "vpa", "other": "a"})
    after = service(
        {"model": {"name": "gone"}},
        {CLASS: "vpa", "other": "b"},
        finalizers=["inferenceservice.finalizers"],
    )
    assert validate(review(after, before), LLAMA).problems == ()
    fields = [problem.field for problem in validate(review(before), LLAMA).problems]
    assert fields == [note(CLASS), "spec.model.name"]
    annotated = service({"model": {"name": "gone"}}, {CLASS: "hpa"})
    assert validate(review(annotated, before), LLAMA).problems != ()


def test_values_of_a_wrong_type_are_named() -> None:
    given = service({"engine": {"minReplicas": "1", "scaleMetric": "tps"}})
    with pytest.raises(Undecodable) as caught:
        validate(review(given), LLAMA)
    assert "InferenceService chat: spec.engine.minReplicas: " in str(caught.value)
    assert "; spec.engine.scaleMetric: " in str(caught.value)
    assert "kubectl explain inferenceservice" in str(caught.value)


class Away(Cluster):
    """A cluster whose API server does not answer."""

    def base_model(self, namespace: str, name: str) -> Any:
        raise ServiceUnavailable("the server is away")


def test_a_failed_look_up_is_not_a_missing_model() -> None:
    with pytest.raises(ServiceUnavailable, match="the server is away"):
        validate(review(service(FULL)), Away())
