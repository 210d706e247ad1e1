"""Each refusal of a benchmark: its field, the reason and the next step."""

from __future__ import annotations

from typing import Any

import pytest

from ome.webhooks.benchmarkjob import validate
from ome.webhooks.registry import Undecodable
from tests.webhooks.objects import EMPTY, document, review, told

OPEN = {"url": "https://x/v1", "apiFormat": "openai"}
URL = {"endpoint": {**OPEN, "tokenizer": "a/b", "apiKeySecretReference": {"name": "key"}}}
SERVICE = {"inferenceService": {"name": "chat", "namespace": "team-b"}}
SPEC: dict[str, Any] = {
    "endpoint": URL,
    "task": "text-to-text",
    "maxTimePerIteration": 10,
    "maxRequestsPerIteration": 100,
    "outputLocation": {"storageUri": "oci://n/a/b/c/o/d"},
}


def job(name: str = "measure", /, **spec: Any) -> dict[str, Any]:
    return document("BenchmarkJob", name, {**SPEC, **spec})


def stored(uri: str) -> dict[str, Any]:
    return job(outputLocation={"storageUri": uri})


def scenario(task: str, text: str) -> dict[str, Any]:
    return job(task=task, trafficScenarios=[text])


URI = "spec.outputLocation.storageUri"
NAME = "invalid name: must be a DNS label of at most 63 characters"
REFUSALS: list[tuple[dict[str, Any], str, str, str]] = [
    (job("a.b"), "metadata.name", NAME, "use lower-case letters"),
    (job("a" * 64), "metadata.name", NAME, "use lower-case letters"),
    (job("A"), "metadata.name", NAME, "use lower-case letters"),
    (
        job(endpoint={}),
        "spec.endpoint",
        "invalid endpoint: endpoint or InferenceService must be specified",
        "add spec.endpoint.inferenceService",
    ),
    (
        job(endpoint={**URL, **SERVICE}),
        "spec.endpoint",
        "invalid endpoint: endpoint and InferenceService cannot be specified together",
        "remove one of them",
    ),
    *(
        (
            scenario(task, text),
            "spec.trafficScenarios[0]",
            f"invalid traffic scenarios: failed to validate scenario '{text}': invalid scenario"
            f" format for task '{task}': {text}",
            "write ",
        )
        for task, text in (
            ("text-to-text", "N(1,2)/(3,4)junk"),
            ("text-to-text", "xU(1,2)y"),
            ("text-to-text", "junkD(1,2)"),
            ("text-to-text", "N(1,2)"),
            ("text-to-text", "D(1, 2)"),
            ("text-to-text", "D(1,2)\n"),
            ("text-to-text", "E(128)"),
            ("text-to-text", "D(٣,2)"),
            ("text-to-embeddings", "D(1,2)"),
            ("text-to-embeddings", "E()"),
            ("image-to-text", "I(1)"),
            ("image-to-text", "I(1,2,3,4)"),
            ("image-to-embeddings", "E(128)"),
        )
    ),
    (
        job(additionalRequestParams={"temperature": "hot"}),
        "spec.additionalRequestParams.temperature",
        "invalid additional request parameters: invalid temperature: 'hot'",
        'such as "0.7"',
    ),
    (
        job(additionalRequestParams={"ignore_eos": "True"}),
        "spec.additionalRequestParams.ignore_eos",
        "invalid additional request parameters: ignore_eos must be 'true' or 'false'",
        "'true' or 'false'",
    ),
    (stored(""), URI, "invalid storage: storageUri cannot be empty", "use oci://"),
    (
        stored("ftp://a"),
        URI,
        "invalid storage: unknown storage type for URI: ftp://a",
        "use oci://",
    ),
    (stored("/a"), URI, "unknown storage type for URI: /a", "use oci://"),
    *(
        (stored(uri), URI, f"invalid storage: unsupported storage type: {type_}", "use oci://")
        for uri, type_ in (
            ("hf://a/b", "HUGGINGFACE"),
            ("vendor://a/b/c", "VENDOR"),
            ("local:///a", "LOCAL"),
            ("https://a/b", "HTTP"),
        )
    ),
    (
        stored("oci://n/a/b/c"),
        URI,
        "invalid storage: error parsing storage URI: invalid OCI storage URI format",
        "correct the URI",
    ),
    (
        stored("pvc://team-b:claim/a"),
        URI,
        "invalid storage: PVC namespace team-b is not the namespace of the BenchmarkJob",
        "use a claim of team-a",
    ),
]


@pytest.mark.parametrize(("given", "field", "reason", "step"), REFUSALS)
def test_a_refusal_says_field_reason_and_next_step(
    given: dict[str, Any], field: str, reason: str, step: str
) -> None:
    (problem,) = validate(review(given), EMPTY).problems
    assert problem.field == field
    assert reason in problem.message
    assert step in problem.message


ACCEPTED: list[dict[str, Any]] = [
    job(),
    job("a" * 63),
    job("1-a"),
    job(endpoint=SERVICE),
    job(
        endpoint={"endpoint": {**OPEN, "tokenizer": "a/b"}},
        podOverride={"env": [{"name": "MODEL_API_KEY", "value": "x"}]},
    ),
    job(trafficScenarios=[]),
    job(trafficScenarios=["N(480,240)/(300,150)", "U(1,2)", "U(1,2)/(3,4)", "D(7800,200)"]),
    job(task="text-to-embeddings", trafficScenarios=["E(64)"]),
    job(
        task="image-to-embeddings",
        endpoint={"endpoint": {"url": "https://x", "apiFormat": "cohere", "tokenizer": "a/b"}},
        trafficScenarios=["I(512,512)", "I(2048,2048,2)"],
        dataset={"storageUri": "hf://a/b"},
    ),
    job(additionalRequestParams={"temperature": "-1e-3", "ignore_eos": "false", "other": "x"}),
    *(
        stored(uri)
        for uri in (
            "pvc://claim/a",
            "pvc://team-a:claim/a",
            "s3://b",
            "az://acct/cont",
            "gs://b",
        )
    ),
]


@pytest.mark.parametrize("given", ACCEPTED)
def test_what_is_accepted(given: dict[str, Any]) -> None:
    verdict = validate(review(given), EMPTY)
    assert (verdict.problems, verdict.warnings) == ((), ()), told(verdict)


REMARKS: list[tuple[dict[str, Any], str]] = [
    (job(additionalRequestParams={"temperature": "1.6"}), "temperature: 1.6 is above 1.5"),
    (job(maxTimePerIteration=0), "spec.maxTimePerIteration: 0 lets no iteration run"),
    (job(maxRequestsPerIteration=-1), "spec.maxRequestsPerIteration: -1 lets no"),
    (job(numConcurrency=[0]), "spec.numConcurrency: no value is positive"),
    (job(dataset={"storageUri": "s3://a/b"}), "It is not read; the benchmark uses its own data"),
    (
        job(outputLocation={"storageUri": "s3://b", "parameters": {"aws_secret_access_key": "x"}}),
        "spec.outputLocation.parameters.aws_secret_access_key: everybody who may read Jobs sees it",
    ),
    (scenario("text-to-embeddings", "E(1,2)"), "genai-bench 0.0.5 refuses E(1,2)"),
    (scenario("image-to-text", "I(1,2)"), "the tool calls it image-text-to-text"),
    (stored("github://o/r@v1"), "genai-bench 0.0.5 refuses releases of GitHub"),
    (job(endpoint={"endpoint": OPEN}), "spec.endpoint.endpoint.tokenizer: genai-bench 0.0.5"),
]


@pytest.mark.parametrize(("given", "text"), REMARKS)
def test_remarks_do_not_refuse(given: dict[str, Any], text: str) -> None:
    verdict = validate(review(given), EMPTY)
    assert verdict.problems == ()
    assert text in verdict.warnings[0]


def test_a_name_that_exists_is_no_longer_judged() -> None:
    before, after = job("a.b"), job("a.b", maxTimePerIteration=1)
    assert validate(review(after, before), EMPTY).problems == ()


def test_a_generated_name() -> None:
    given = job("")
    given["metadata"]["generateName"] = "a."
    (problem,) = validate(review(given), EMPTY).problems
    assert problem.field == "metadata.generateName"
    given["metadata"]["generateName"] = "a-"
    assert validate(review(given), EMPTY).problems == ()


def test_what_is_not_judged() -> None:
    broken = job(endpoint={})
    finalized = {**broken, "metadata": {**broken["metadata"], "finalizers": ["a"]}}
    assert validate(review(finalized, broken), EMPTY).problems == ()
    leaving = job(endpoint={})
    leaving["metadata"]["deletionTimestamp"] = "2026-05-06T10:11:12Z"
    assert validate(review(leaving, job()), EMPTY).problems == ()


def test_values_of_a_wrong_type_are_named() -> None:
    with pytest.raises(Undecodable, match=r"spec\.task: .*; spec\.numConcurrency: holds a value"):
        validate(review(job(task="a", numConcurrency=[1, 1])), EMPTY)
