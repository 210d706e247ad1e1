"""What the rules in CEL refuse and what they let pass: for the server and the validators."""

from __future__ import annotations

import copy
from typing import Any

from tests.api.samples import SMALLEST, manifest

_JOB = SMALLEST["BenchmarkJob"]["spec"]
_URL = {"endpoint": {"url": "https://x", "apiFormat": "openai"}}
_SERVICE = {"inferenceService": {"name": "a", "namespace": "b"}}
_ENTRY = {
    "modelFormat": {"name": "x"},
    "modelFramework": {"name": "y"},
    "autoSelect": True,
}


def entries(*items: tuple[str, str, int | None, bool]) -> list[dict[str, Any]]:
    found = []
    for name, form, priority, auto in items:
        entry: dict[str, Any] = {**_ENTRY, "modelFormat": {"name": form}, "autoSelect": auto}
        if name:
            entry["name"] = name
        if priority is not None:
            entry["priority"] = priority
        found.append(entry)
    return found


def _job(**spec: Any) -> dict[str, Any]:
    return manifest("BenchmarkJob", {"spec": {**_JOB, **spec}})


def _uri(text: str) -> dict[str, Any]:
    return _job(outputLocation={"storageUri": text})


def _runtimes(**spec: Any) -> list[dict[str, Any]]:
    return [manifest(kind, {"spec": spec}) for kind in ("ServingRuntime", "ClusterServingRuntime")]


_DECODER = "decoder cannot be specified without engine"
_PRIORITY = "different priorities assigned for "
_WORKERS = "for MultiNode deployment, both leader and worker must be defined"
_NAME = 'invalid InferenceService name "{}", must match "[a-z]([-a-z0-9]*[a-z0-9])?"'
_SCENARIO = "failed to validate scenario '{0}': invalid scenario format for task '{1}': {0}"
_LABEL = "invalid name: must be a DNS label of at most 63 characters, not "
_STORAGE = "invalid storage: "

# A manifest, the field as the validators name it, and a part of both messages.
REFUSED: list[tuple[dict[str, Any], str, str]] = [
    *(
        (manifest("InferenceService", {"spec": {}}, name), "metadata.name", _NAME.format(name))
        for name in ("1a", "a.b")
    ),
    (manifest("InferenceService", {"spec": {"decoder": {}}}), "spec.decoder", _DECODER),
    *(
        (given, "spec.workers.size", _WORKERS)
        for size in (0, -1)
        for given in _runtimes(workers={"size": size}, supportedModelFormats=entries())
    ),
    *(
        (given, "spec.supportedModelFormats[1].priority", _PRIORITY)
        for pair in (
            entries(("a", "x", 1, True), ("a", "y", 2, True)),
            entries(("", "x", 1, True), ("", "x", 2, True)),
        )
        for given in _runtimes(supportedModelFormats=pair)
    ),
    (manifest("BenchmarkJob", {"spec": _JOB}, "a.b"), "metadata.name", _LABEL),
    (manifest("BenchmarkJob", {"spec": _JOB}, "a" * 64), "metadata.name", _LABEL),
    (_job(endpoint={}), "spec.endpoint", "endpoint or InferenceService must be specified"),
    (_job(endpoint={**_URL, **_SERVICE}), "spec.endpoint", "cannot be specified together"),
    *(
        (
            _job(task=task, trafficScenarios=[text]),
            "spec.trafficScenarios[0]",
            _SCENARIO.format(text, task),
        )
        for task, text in (
            ("text-to-text", "N(1,2)/(3,4)junk"),
            ("text-to-text", "E(1)"),
            ("text-to-embeddings", "D(1,2)"),
            ("image-to-text", "I(1)"),
            ("image-to-embeddings", "E(128)"),
        )
    ),
    # A text of several lines is not repeated.
    (
        _job(trafficScenarios=["D(1,2)\n"]),
        "spec.trafficScenarios[0]",
        "invalid scenario format for",
    ),
    (
        _job(additionalRequestParams={"ignore_eos": "yes"}),
        "spec.additionalRequestParams.ignore_eos",
        "ignore_eos must be 'true' or 'false'",
    ),
    (
        _job(additionalRequestParams={"temperature": "hot"}),
        "spec.additionalRequestParams.temperature",
        "invalid temperature: 'hot' is not a number",
    ),
    *(
        (_uri(uri), "spec.outputLocation.storageUri", _STORAGE + text)
        for uri, text in (
            ("", "storageUri cannot be empty; use oci://"),
            ("hf://a/b", "unsupported storage type: HUGGINGFACE; results cannot go there"),
            ("local:///a", "unsupported storage type: LOCAL"),
            ("vendor://a/b/c", "unsupported storage type: VENDOR"),
            ("https://a/b", "unsupported storage type: HTTP"),
            ("ftp://a", "unknown storage type for URI: ftp://a; use oci://"),
            ("OCI://n/a/b/c/o/d", "unknown storage type for URI: OCI://n/a/b/c/o/d"),
        )
    ),
]

TAKEN: list[dict[str, Any]] = [
    manifest("InferenceService", {"spec": {"engine": {}, "decoder": {}}}),
    manifest("InferenceService", {"spec": {}}, "a-1"),
    *_runtimes(workers={"size": 1}),
    *_runtimes(workers={}),
    *_runtimes(disabled=True, workers={"size": 0}),
    *_runtimes(engineConfig={}, decoderConfig={}, workers={"size": 0}),
    *(
        given
        for pair in (
            entries(("", "x", 1, True), ("", "y", 2, True)),
            entries(("a", "x", 1, True), ("a", "x", 2, False), ("a", "x", None, True)),
            entries(("a", "x", 1, True)) * 128,
        )
        for given in _runtimes(supportedModelFormats=pair)
    ),
    *_runtimes(
        disabled=True, supportedModelFormats=entries(("a", "x", 1, True), ("a", "y", 2, True))
    ),
    manifest("BenchmarkJob", {"spec": _JOB}, "a" * 63),
    _job(endpoint=_URL),
    _job(trafficScenarios=["N(1,2)/(3,4)", "U(1,2)", "U(1,2)/(3,4)", "D(1,2)"]),
    _job(task="text-to-embeddings", trafficScenarios=["E(128)", "E(1,2)"]),
    _job(task="image-to-text", trafficScenarios=["I(1,2)", "I(1,2,3)"]),
    _job(additionalRequestParams={"temperature": "-1e-3", "ignore_eos": "true", "other": ""}),
    *(_uri(uri) for uri in ("pvc://a/b", "s3://b", "az://a/c", "gs://b", "github://o/r")),
]


# Taken by the rules alone: whether an engine comes of it is for the webhook to say.
TAKEN_BY_RULES: list[dict[str, Any]] = [
    manifest("InferenceService", {"spec": {"decoder": {}, "predictor": {"minReplicas": 1}}}),
]


def stored_before(kind: str) -> dict[str, Any]:
    """An object of the kind that the rules refuse."""
    found = {
        "InferenceService": manifest("InferenceService", {"spec": {"decoder": {}}}, "a.b"),
        "ServingRuntime": _runtimes(workers={"size": 0})[0],
        "ClusterServingRuntime": _runtimes(workers={"size": 0})[1],
        "BenchmarkJob": manifest("BenchmarkJob", {"spec": {**_JOB, "endpoint": {}}}, "a.b"),
    }
    before = copy.deepcopy(found[kind])
    if before["metadata"]["name"] == "sample":
        before["metadata"]["name"] = "before"
    return before
