"""Each refusal of a service: its field, the reason and the next step."""

from __future__ import annotations

from typing import Any

import pytest

from ome.webhooks.inferenceservice import validate
from tests.webhooks.objects import (
    CLASS,
    FULL,
    KEDA,
    LLAMA,
    OPERATOR_NOTE,
    THRESHOLD_NOTE,
    UTILIZATION,
    Cluster,
    cluster,
    keda,
    model,
    note,
    review,
    runtime,
    service,
)

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
ADDRESS_NOTE = "autoscaling.keda.sh/prometheus.serverAddress"
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
