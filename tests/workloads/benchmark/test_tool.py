"""genai-bench itself parses what we emit; what it refuses, admission has warned of."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest

from ome.webhooks.benchmarkjob import validate
from ome.webhooks.documents import Documents
from ome.webhooks.registry import Review
from tests.support.genai_bench import the_tool
from tests.workloads.benchmark.support import SERVICE, URL, at_service, container, job, made
from tests.workloads.benchmark.test_arguments import OUTPUTS

PARSE = """
import json, sys
import click
from genai_bench.cli.cli import benchmark
told = []
for words in json.load(sys.stdin):
    try:
        benchmark.make_context("benchmark", words, obj={})
    except click.ClickException as error:
        told.append(error.format_message())
    except click.Abort:  # it would ask its user
        told.append("Aborted!")
    else:
        told.append("")
print("\\nTOLD" + json.dumps(told))
"""
FACTS = {"engine": "vLLM", "version": "0.9", "gpuType": "H100", "gpuCount": 8}
SCENARIOS = ["D(100,100)", "N(480,240)/(300,150)", "U(1,2)/(3,4)", "U(5,6)"]
AT_SERVICE = {"inferenceService": SERVICE}
CLAIM = {"storageUri": "pvc://c/results"}
IMAGES = {"storageUri": "hf://org/pictures"}
COMPLETE = {**URL, "modelName": "m", "tokenizer": "org/t", "apiKeySecretReference": {"name": "k"}}


def jobs() -> dict[str, dict[str, Any]]:
    """Specs that between them have every field, value and form of an argument."""
    found: dict[str, dict[str, Any]] = {
        "the smallest": {},
        "all of it": {
            "trafficScenarios": SCENARIOS,
            "numConcurrency": [1, 64],
            "resultFolderName": "out",
            "serviceMetadata": FACTS,
            "additionalRequestParams": {"temperature": "0.5", "ignore_eos": "true", "stop": "end"},
            "dataset": {"storageUri": "hf://org/data"},
        },
        "a concurrency of nothing": {"numConcurrency": [5, 0]},
        "an empty folder name": {"resultFolderName": ""},
        "text that is no ASCII": {"additionalRequestParams": {"stop": "é", "n": "1"}},
        "data of a claim": {"dataset": {"storageUri": "pvc://c/d/x.csv"}},
        "embeddings": {"task": "text-to-embeddings", "trafficScenarios": ["E(128)"]},
        "a claim": {"outputLocation": CLAIM},
        "images to embeddings": {
            "task": "image-to-embeddings",
            "dataset": IMAGES,
            "endpoint": {"endpoint": {**COMPLETE, "apiFormat": "cohere"}},
        },
        "images to embeddings of a service": {"task": "image-to-embeddings", "dataset": IMAGES},
        "a URL in full": {"endpoint": {"endpoint": COMPLETE}},
        "cohere": {"endpoint": {"endpoint": {**COMPLETE, "apiFormat": "cohere"}}},
        "cohere at OCI": {"endpoint": {"endpoint": {**COMPLETE, "apiFormat": "oci-cohere"}}},
        "a GPU type that needs its memory": {"serviceMetadata": {**FACTS, "gpuType": "A100"}},
        "a task by its former name": {"task": "image-to-text", "dataset": IMAGES},
        "an embedding scenario of two numbers": {
            "task": "text-to-embeddings",
            "trafficScenarios": ["E(1,2)"],
        },
        "a URL without a key": {"endpoint": {"endpoint": {**URL, "tokenizer": "org/t"}}},
        "a key of the override": {
            "endpoint": {"endpoint": {**URL, "tokenizer": "org/t"}},
            "podOverride": {"env": [{"name": "MODEL_API_KEY", "value": "k"}]},
        },
        "a URL without a tokenizer": {
            "endpoint": {"endpoint": {**URL, "apiKeySecretReference": {"name": "k"}}}
        },
        "images without data": {
            "task": "image-to-embeddings",
            "endpoint": {"endpoint": {**COMPLETE, "apiFormat": "cohere"}},
        },
    }
    for engine in ("vLLM", "SGLang", "TGI"):
        for gpu in ("H100", "MI300", "A10"):
            facts = {**FACTS, "engine": engine, "gpuType": gpu}
            found[f"{engine} on {gpu}"] = {"serviceMetadata": facts}
    for number, (uri, parameters, _) in enumerate(OUTPUTS):
        chosen = {**parameters, **({"auth": "user_principal"} if "auth" in parameters else {})}
        found[f"{number} {uri}"] = {"outputLocation": {"storageUri": uri, "parameters": chosen}}
    return found


def cases() -> dict[str, list[str]]:
    """The argument list of each, without the word ``benchmark``."""
    found = {}
    for name, spec in jobs().items():
        target = None if "endpoint" in spec else at_service()
        words: list[str] = container(made(job(**spec), target))["args"]
        assert words[0] == "benchmark"
        found[name] = words[1:]
    return found


def warned(spec: dict[str, Any]) -> str:
    """What admission says of a spec that the tool refuses."""
    document = job(**{"endpoint": AT_SERVICE, **spec}).model_dump(
        mode="json", by_alias=True, exclude_none=True
    )
    verdict = validate(
        Review("CREATE", "BenchmarkJob", "team", "bench", document, None, "anna"),
        Documents((), namespace="team"),
    )
    assert verdict.problems == ()
    return " ".join(text for text in verdict.warnings if "genai-bench 0.0.5 refuses" in text)


REFUSED = {
    "a GPU type that needs its memory": ("'A100' is not one of", "gpuType"),
    "a task by its former name": ("'image-to-text' is not one of", "spec.task"),
    "an embedding scenario of two numbers": ("E(1,2)", "trafficScenarios[0]"),
    "a URL without a key": ("API key is required for openai backend", "apiKeySecretReference"),
    "a URL without a tokenizer": ("Aborted!", "tokenizer"),
    "images to embeddings of a service": ("'image-to-embeddings' is not supported", "spec.task"),
    "images without data": ("--dataset-path is required", "spec.dataset"),
}
"""What the API takes and releases of the tool refuse: their words, and the field of our warning."""
GITHUB = ("--storage-bucket", "spec.outputLocation.storageUri")


def refused() -> dict[str, tuple[str, str]]:
    releases = {name: GITHUB for name in jobs() if "github://" in name}
    tagged = {name: ("--github-tag", GITHUB[1]) for name in releases if "@v1" in name}
    return {**REFUSED, **releases, **tagged}


@pytest.mark.parametrize("name", jobs())
def test_admission_warns_of_what_the_tool_refuses_and_of_nothing_else(name: str) -> None:
    text = warned(jobs()[name])
    _, field = refused().get(name, ("", ""))
    assert bool(text) == bool(field)
    assert field in text


@pytest.mark.slow
@pytest.mark.timeout(2400)
def test_the_tool_parses_every_argument_list() -> None:
    named = cases()
    done = subprocess.run(
        [str(the_tool().parent / "python"), "-c", PARSE],
        input=json.dumps(list(named.values())),
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    line = next((item for item in done.stdout.splitlines() if item.startswith("TOLD")), "")
    assert line, done.stderr[-2000:]
    told = dict(zip(named, json.loads(line.removeprefix("TOLD")), strict=True))
    said = {name: text for name, text in told.items() if text}
    assert said.keys() == refused().keys(), said
    for name, (words, _) in refused().items():
        assert words in said[name], (name, said[name])
