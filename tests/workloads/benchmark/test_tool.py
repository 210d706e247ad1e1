"""genai-bench itself parses what we emit, run in an environment of its own.

``OME_GENAI_BENCH`` names that environment: uv venv DIR && uv pip install --python DIR genai-bench
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.workloads.benchmark.support import URL, at_service, container, job, made
from tests.workloads.benchmark.test_arguments import OUTPUTS

_HOME = os.environ.get("OME_GENAI_BENCH", "")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.skipif(
        not _HOME, reason="needs OME_GENAI_BENCH, an environment with genai-bench in it"
    ),
]

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
    else:
        told.append("")
print("TOLD" + json.dumps(told))
"""
FACTS = {"engine": "vLLM", "version": "0.9", "gpuType": "H100", "gpuCount": 8}
SCENARIOS = ["D(100,100)", "N(480,240)/(300,150)", "U(1,2)/(3,4)", "U(5,6)"]
# What the spec lets through and releases of today refuse: told, so that a change is noticed.
KNOWN = {
    "a GPU type that needs its memory": "'A100' is not one of",
    "a task by its former name": "'image-to-text' is not one of",
    "an embedding scenario of two numbers": "E",
    "a tag": "--github-tag",
    "a URL without a tokenizer": "API key is required for openai backend",
}
NEEDS_A_BUCKET = "--storage-bucket"
"""What the tool says of every release of GitHub, which has none."""


def at(target: Any = None, **spec: Any) -> list[str]:
    words: list[str] = container(made(job(**spec), target or at_service()))["args"]
    assert words[0] == "benchmark"
    return words[1:]


def cases() -> dict[str, list[str]]:
    found = {
        "the smallest": at(),
        "all of it": at(
            trafficScenarios=SCENARIOS,
            numConcurrency=[1, 64],
            resultFolderName="out",
            serviceMetadata=FACTS,
            additionalRequestParams={"temperature": "0.5", "ignore_eos": "true"},
            dataset={"storageUri": "hf://org/data"},
        ),
        "an empty folder name": at(resultFolderName=""),
        "embeddings": at(task="text-to-embeddings", trafficScenarios=["E(128)"]),
        "a claim": at(outputLocation={"storageUri": "pvc://c/results"}),
        "a GPU type that needs its memory": at(serviceMetadata={**FACTS, "gpuType": "A100"}),
        "a task by its former name": at(task="image-to-text"),
        "an embedding scenario of two numbers": at(
            task="text-to-embeddings", trafficScenarios=["E(1,2)"]
        ),
        "a URL without a tokenizer": container(made(job(endpoint={"endpoint": URL})))["args"][1:],
    }
    for engine in ("vLLM", "SGLang", "TGI"):
        for gpu in ("H100", "MI300", "A10"):
            facts = {**FACTS, "engine": engine, "gpuType": gpu}
            found[f"{engine} on {gpu}"] = at(serviceMetadata=facts)
    for number, (uri, parameters, _) in enumerate(OUTPUTS):
        chosen = {**parameters, **({"auth": "user_principal"} if "auth" in parameters else {})}
        name = "a tag" if "@v1" in uri else f"{number} {uri}"
        found[name] = at(outputLocation={"storageUri": uri, "parameters": chosen})
    return found


def test_the_tool_parses_every_argument_list() -> None:
    named = cases()
    done = subprocess.run(
        [str(Path(_HOME) / "bin/python"), "-c", PARSE],
        input=json.dumps(list(named.values())),
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    line = next((item for item in done.stdout.splitlines() if item.startswith("TOLD")), "")
    assert line, done.stderr[-2000:]
    told = dict(zip(named, json.loads(line.removeprefix("TOLD")), strict=True))
    refused = {name: text for name, text in told.items() if text}
    for name in [name for name in refused if "github://" in name]:
        assert NEEDS_A_BUCKET in refused.pop(name)
    assert refused.keys() == KNOWN.keys(), refused
    for name, text in KNOWN.items():
        assert text in refused[name], (name, refused[name])
