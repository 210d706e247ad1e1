"""BenchmarkJob at admission; nothing is filled in."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

from ome.api import BenchmarkJob, names
from ome.webhooks.reading import exempt, metadata_of, plain_copy, typed
from ome.webhooks.registry import Problem, Verdict
from ome.webhooks.storageuris import parse_storage
from ome.workloads.benchmark import BenchmarkError, brings_key, dataset

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ome.api import BenchmarkJobSpec
    from ome.webhooks.registry import Lookup, Review

__all__ = ["default", "validate"]

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_PREFIX = re.compile(r"[a-z0-9][-a-z0-9]{0,57}")
_TEXT = (
    r"N\([0-9]+,[0-9]+\)/\([0-9]+,[0-9]+\)|U\([0-9]+,[0-9]+\)(/\([0-9]+,[0-9]+\))?"
    r"|D\([0-9]+,[0-9]+\)"
)
_IMAGE = r"I\([0-9]+,[0-9]+(,[0-9]+)?\)"
_SCENARIOS = {
    "text-to-text": (_TEXT, "N(480,240)/(300,150), U(100,200), U(100,200)/(50,80) or D(100,100)"),
    "text-to-embeddings": (r"E\([0-9]+(,[0-9]+)?\)", "E(128)"),
    "image-to-text": (_IMAGE, "I(512,512) or I(512,512,2)"),
    "image-to-embeddings": (_IMAGE, "I(512,512) or I(512,512,2)"),
}
_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")
_HOT = 1.5
_RELEASE = "0.0.5"
_SECRETS = frozenset(
    {
        "aws_access_key_id",
        "aws_secret_access_key",
        "azure_account_key",
        "azure_connection_string",
        "azure_sas_token",
        "github_token",
        "security_token",
    }
)
_UNUSABLE = ("VENDOR", "HUGGINGFACE", "LOCAL", "HTTP")


def default(review: Review, lookup: Lookup) -> dict[str, Any]:
    """The job as it is."""
    return plain_copy(review)


def validate(review: Review, lookup: Lookup) -> Verdict:
    """The verdict on a job."""
    if exempt(review):
        return Verdict()
    job = typed(BenchmarkJob, review.object)
    spec = job.spec
    problems = (
        *_name(review),
        *_endpoint(spec),
        *_scenarios(spec),
        *_parameters(spec),
        *_output(spec, review.namespace),
    )
    return Verdict(problems, tuple(_remarks(spec, review.namespace)))


def _name(review: Review) -> Iterator[Problem]:
    """The name becomes a label and a container's name; it cannot change later."""
    if review.operation != "CREATE":
        return
    held = metadata_of(review.object)
    name, prefix = str(held.get("name") or review.name), str(held.get("generateName") or "")
    if _LABEL.fullmatch(name) or (not name and _PREFIX.fullmatch(prefix)):
        return
    yield Problem(
        "metadata.name" if name else "metadata.generateName",
        f'invalid name: must be a DNS label of at most 63 characters, not "{name or prefix}"; use'
        " lower-case letters, digits and '-'",
    )


def _endpoint(spec: BenchmarkJobSpec) -> Iterator[Problem]:
    url, service = spec.endpoint.endpoint, spec.endpoint.inference_service
    if url is None and service is None:
        yield Problem(
            "spec.endpoint",
            "invalid endpoint: endpoint or InferenceService must be specified; add"
            " spec.endpoint.inferenceService (name, namespace) or spec.endpoint.endpoint (url,"
            " apiFormat)",
        )
    if url is not None and service is not None:
        yield Problem(
            "spec.endpoint",
            "invalid endpoint: endpoint and InferenceService cannot be specified together; remove"
            " one of them",
        )


def _scenarios(spec: BenchmarkJobSpec) -> Iterator[Problem]:
    pattern, examples = _SCENARIOS[spec.task]
    for index, scenario in enumerate(spec.traffic_scenarios or ()):
        if not re.fullmatch(pattern, scenario):
            yield Problem(
                f"spec.trafficScenarios[{index}]",
                f"invalid traffic scenarios: failed to validate scenario '{scenario}': invalid"
                f" scenario format for task '{spec.task}': {scenario}; write {examples}",
            )


def _parameters(spec: BenchmarkJobSpec) -> Iterator[Problem]:
    given = spec.additional_request_params or {}
    start = "invalid additional request parameters"
    temperature = given.get("temperature")
    if temperature is not None and not _is_number(temperature):
        yield Problem(
            "spec.additionalRequestParams.temperature",
            f"{start}: invalid temperature: {temperature!r} is not a number; write one such as"
            ' "0.7"',
        )
    if given.get("ignore_eos", "true") not in ("true", "false"):
        yield Problem(
            "spec.additionalRequestParams.ignore_eos",
            f"{start}: ignore_eos must be 'true' or 'false', not {given['ignore_eos']!r}",
        )


def _is_number(text: str) -> bool:
    return bool(_NUMBER.fullmatch(text)) and math.isfinite(float(text))


def _output(spec: BenchmarkJobSpec, namespace: str) -> Iterator[Problem]:
    uri = spec.output_location.storage_uri
    storage = parse_storage(uri)
    supported = "use oci://, pvc://, s3://, az://, gs:// or github://"
    if not uri:
        message = f"storageUri cannot be empty; {supported}"
    elif not storage.type:
        message = f"unknown storage type for URI: {uri}; {supported}"
    elif storage.type in _UNUSABLE:
        message = f"unsupported storage type: {storage.type}; results cannot go there, {supported}"
    elif storage.fault:
        message = f"error parsing storage URI: {storage.fault}; correct the URI"
    elif storage.type == "PVC" and namespace and storage.namespace not in ("", namespace):
        message = (
            f"PVC namespace {storage.namespace} is not the namespace of the BenchmarkJob; a pod"
            f" mounts claims of its own namespace only, use a claim of {namespace}"
        )
    else:
        return
    yield Problem("spec.outputLocation.storageUri", f"invalid storage: {message}")


def _remarks(spec: BenchmarkJobSpec, namespace: str) -> Iterator[str]:
    temperature = (spec.additional_request_params or {}).get("temperature", "")
    if _is_number(temperature) and float(temperature) > _HOT:
        yield (
            f"spec.additionalRequestParams.temperature: {temperature} is above {_HOT}; answers will"
            " be close to random"
        )
    for field, value in (
        ("maxTimePerIteration", spec.max_time_per_iteration),
        ("maxRequestsPerIteration", spec.max_requests_per_iteration),
    ):
        if value <= 0:
            yield f"spec.{field}: {value} lets no iteration run; write 1 or more"
    if spec.num_concurrency and not any(number > 0 for number in spec.num_concurrency):
        yield "spec.numConcurrency: no value is positive, so nothing is sent; add one above 0"
    yield from _refused_by_the_tool(spec)
    try:
        dataset(spec.dataset, namespace)
    except BenchmarkError as error:
        yield f"{error}. It is not read; the benchmark uses its own data"
    for name in sorted(_SECRETS & (spec.output_location.parameters or {}).keys()):
        yield (
            f"spec.outputLocation.parameters.{name}: everybody who may read Jobs sees it; put it"
            " into a Secret and name that in spec.outputLocation.key"
        )


def _refused_by_the_tool(spec: BenchmarkJobSpec) -> Iterator[str]:
    """What the API takes and released versions of genai-bench do not."""
    tail = f"genai-bench {_RELEASE} refuses {{}}, so the Job will fail unless its image knows it"
    facts, url = spec.service_metadata, spec.endpoint.endpoint
    if facts is not None and facts.gpu_type == "A100":
        yield f"spec.serviceMetadata.gpuType: {tail.format('A100')}; leave serviceMetadata out"
    if spec.task == "image-to-text":
        yield f"spec.task: {tail.format('image-to-text')}; the tool calls it image-text-to-text"
    if spec.task == "image-to-embeddings" and (url is None or url.api_format == "openai"):
        text = tail.format("image-to-embeddings at the API of OpenAI")
        yield f"spec.task: {text}; measure an endpoint of the format cohere"
    if spec.task.startswith("image-") and spec.dataset is None:
        yield f"spec.dataset: {tail.format('tasks with images without data')}; name a dataset"
    for index, scenario in enumerate(spec.traffic_scenarios or ()):
        if scenario.startswith("E(") and "," in scenario:
            yield f"spec.trafficScenarios[{index}]: {tail.format(scenario)}; write E(128)"
    if spec.output_location.storage_uri.startswith("github://"):
        yield f"spec.outputLocation.storageUri: {tail.format('releases of GitHub')}; use a bucket"
    if url is None:
        return
    if not url.tokenizer:
        text = tail.format("an endpoint without a tokenizer")
        yield f"spec.endpoint.endpoint.tokenizer: {text}; name one of the hub or a path in the pod"
    if url.api_format == "openai" and url.api_key_secret_reference is None and not brings_key(spec):
        text = tail.format("the format openai without a key")
        yield (
            f"spec.endpoint.endpoint.apiKeySecretReference: {text}; name a Secret with the key"
            f" {names.ENV_MODEL_API_KEY}, of any value where the server asks for none"
        )
