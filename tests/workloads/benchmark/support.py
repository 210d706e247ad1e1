"""BenchmarkJobs and what they are made with, as plain values."""

from __future__ import annotations

from typing import Any

from ome import api
from ome.workloads.benchmark import (
    BenchmarkInputs,
    BenchmarkSettings,
    benchmark_job,
    dataset,
    output,
    service_target,
    url_target,
)
from ome.workloads.inputs import ModelInput

SETTINGS = BenchmarkSettings("image:1", "2", "2Gi", "2", "2Gi")
URL = {"url": "http://host:8000/v1", "apiFormat": "openai"}
SERVICE = {"name": "svc", "namespace": "serving"}


def job(name: str = "bench", **spec: Any) -> api.BenchmarkJob:
    """The smallest job at a URL, with changes to its spec."""
    endpoint = {} if "endpoint" in spec else {"endpoint": {"endpoint": URL}}
    return api.BenchmarkJob.model_validate(
        {
            "apiVersion": "ome.io/v1beta1",
            "kind": "BenchmarkJob",
            "metadata": {"name": name, "namespace": "team", "uid": "u-1"},
            "spec": {
                "task": "text-to-text",
                "maxTimePerIteration": 10,
                "maxRequestsPerIteration": 100,
                "outputLocation": {"storageUri": "s3://b"},
                **endpoint,
                **spec,
            },
        }
    )


def service(url: str | None = "http://svc.serving.example.com", **spec: Any) -> Any:
    """A service, ready at a URL."""
    return api.InferenceService.model_validate(
        {
            "apiVersion": "ome.io/v1beta1",
            "kind": "InferenceService",
            "metadata": dict(SERVICE),
            "spec": {"model": {"name": "llama"}, **spec},
            "status": {} if url is None else {"url": url},
        }
    )


def model(name: str = "llama", namespace: str = "", **storage: Any) -> ModelInput:
    """A model on nodes."""
    held = {"storageUri": "hf://a/b", "path": "/raid/llama", **storage}
    spec = api.BaseModelSpec.model_validate({"storage": held})
    return ModelInput(name, namespace, {}, spec)


def made(benchmark: api.BenchmarkJob, target: Any = None) -> dict[str, Any]:
    """The Job of a BenchmarkJob."""
    spec = benchmark.spec
    if target is None:
        assert spec.endpoint.endpoint is not None
        target = url_target(spec.endpoint.endpoint)
    data, results = dataset(spec.dataset, "team"), output(spec.output_location, "team")
    return benchmark_job(BenchmarkInputs(benchmark, SETTINGS, target, data, results))


def at_service(namespace: str = "team", **changes: Any) -> Any:
    """The target that ``service`` and ``model`` make."""
    return service_target(service(**changes), model(), namespace)


def container(document: dict[str, Any]) -> dict[str, Any]:
    """The only container of a Job."""
    (found,) = document["spec"]["template"]["spec"]["containers"]
    return dict(found)


def option(words: list[str], name: str) -> list[str]:
    """The values of an option, in order."""
    return [words[at + 1] for at, word in enumerate(words) if word == name]
