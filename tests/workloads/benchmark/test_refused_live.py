"""Every value of a benchmark's schema that an API server takes or refuses."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest

from ome.api.crds import all_crds
from tests import cluster
from tests.api.samples import FULL, SMALLEST, manifest
from tests.api.test_crds_live import established
from tests.cluster import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(120)]

NAMESPACE = "ome-benchmark-schema"
ABSENT = object()
URL = {"endpoint": {"url": "https://host/v1", "apiFormat": "openai"}}
FACTS = {"engine": "vLLM", "version": "1", "gpuType": "H100", "gpuCount": 8}


@pytest.fixture(scope="module", autouse=True)
def served() -> Iterator[None]:
    for crd in all_crds():
        if crd["spec"]["names"]["kind"] == "BenchmarkJob":
            cluster.apply(crd)
            cluster.eventually(lambda: established("benchmarkjobs.ome.io"), every=0.5)
    cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
    yield
    cluster.delete("namespaces", NAMESPACE, wait=0)


def stored(path: str, value: Any, base: dict[str, Any]) -> dict[str, Any]:
    """The spec as the server would store it, with another value at a path."""
    document = copy.deepcopy(manifest("BenchmarkJob", {"spec": base}))
    *parents, last = path.split(".")
    place = document["spec"]
    for part in parents:
        place = place.setdefault(part, {})
    if value is ABSENT:
        place.pop(last, None)
    else:
        place[last] = value
    made = cluster.create(document, NAMESPACE, dryRun="All", fieldValidation="Strict")
    return dict(made["spec"])


def full() -> dict[str, Any]:
    """A spec with every optional object, so that a part of each can be taken away."""
    return {
        **FULL["BenchmarkJob"]["spec"],
        "endpoint": URL,
        "serviceMetadata": FACTS,
    }


REFUSED: list[tuple[str, Any, str]] = [
    *(
        (path, ABSENT, "Required value")
        for path in (
            "endpoint",
            "endpoint.endpoint.url",
            "endpoint.endpoint.apiFormat",
            "serviceMetadata.engine",
            "serviceMetadata.version",
            "serviceMetadata.gpuType",
            "serviceMetadata.gpuCount",
            "task",
            "maxTimePerIteration",
            "maxRequestsPerIteration",
            "outputLocation",
            "outputLocation.storageUri",
        )
    ),
    ("huggingFaceSecretReference", {}, "Required value"),
    ("endpoint.endpoint.apiKeySecretReference", {}, "Required value"),
    ("endpoint", {"inferenceService": {"name": "a"}}, "Required value"),
    ("endpoint", {"inferenceService": {"namespace": "a"}}, "Required value"),
    ("dataset", {"path": "/a"}, "Required value"),
    ("endpoint.endpoint.url", "host:8000", "should match"),
    ("endpoint.endpoint.url", "ftp://host", "should match"),
    *(
        (path, value, "Unsupported value")
        for path, value in (
            ("endpoint.endpoint.apiFormat", "vllm"),
            ("serviceMetadata.engine", "vllm"),
            ("serviceMetadata.gpuType", "H200"),
            ("task", "text-to-video"),
            ("outputLocation.downloadPolicy", "Never"),
        )
    ),
    *(
        (path, value, "Duplicate value")
        for path, value in (
            ("trafficScenarios", ["D(1,2)", "D(1,2)"]),
            ("numConcurrency", [1, 1]),
            ("podOverride.env", [{"name": "A"}, {"name": "A"}]),
            (
                "podOverride.volumeMounts",
                [{"name": "a", "mountPath": "/a"}, {"name": "b", "mountPath": "/a"}],
            ),
        )
    ),
    *(
        (path, value, "Invalid value")
        for path, value in (
            ("maxTimePerIteration", "10"),
            ("maxRequestsPerIteration", 1.5),
            ("serviceMetadata.gpuCount", "8"),
            ("numConcurrency", ["1"]),
            ("additionalRequestParams", {"temperature": 0.5}),
        )
    ),
]


@pytest.mark.parametrize(("path", "value", "message"), REFUSED)
def test_the_server_refuses(path: str, value: Any, message: str) -> None:
    with pytest.raises(Problem) as refused:
        stored(path, value, full())
    assert f"spec.{path}" in str(refused.value)
    assert message in str(refused.value)


TAKEN: list[tuple[str, Any]] = [
    *(
        (path, value)
        for path, values in (
            ("endpoint.endpoint.apiFormat", ("openai", "oci-cohere", "cohere")),
            ("serviceMetadata.engine", ("vLLM", "SGLang", "TGI")),
            ("serviceMetadata.gpuType", ("H100", "A100", "MI300", "A10")),
            ("outputLocation.downloadPolicy", ("AlwaysDownload", "ReuseIfExists")),
        )
        for value in values
    ),
    ("endpoint.endpoint.url", "http://host"),
    ("endpoint", {"inferenceService": {"name": "a", "namespace": "b"}}),
    ("numConcurrency", [0, 1]),
    ("maxTimePerIteration", -1),
    ("maxRequestsPerIteration", 0),
    ("resultFolderName", ""),
    ("huggingFaceSecretReference", {"name": ""}),
    ("outputLocation.parameters", {}),
    ("podOverride", {}),
    (
        "podOverride.volumeMounts",
        [{"name": "a", "mountPath": "/a"}, {"name": "a", "mountPath": "/b"}],
    ),
]


@pytest.mark.parametrize(("path", "value"), TAKEN)
def test_the_server_takes_it_as_it_is(path: str, value: Any) -> None:
    found: Any = stored(path, value, full())
    for part in path.split("."):
        found = found[part]
    assert found == value


@pytest.mark.parametrize(
    "task", ["text-to-text", "image-to-text", "text-to-embeddings", "image-to-embeddings"]
)
def test_nothing_is_filled_in(task: str) -> None:
    base = SMALLEST["BenchmarkJob"]["spec"]
    assert stored("task", task, base) == {**base, "task": task}
