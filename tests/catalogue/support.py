"""The catalogue's objects under the chart's default values, and what agents would report."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import yaml

from hack.model_catalogue import chart, facts
from ome.agent.protocol import READY, Config, Entry
from ome.api import BaseModelSpec, ServingRuntimeSpec
from ome.controllers.basemodel.backfill import backfill
from ome.selection import RuntimeCandidate, SelectionRequest, parse_size

if TYPE_CHECKING:
    from hack.model_catalogue.facts import Facts, Model

Json = dict[str, Any]


@functools.cache
def known() -> Facts:
    return facts.read()


@functools.cache
def default_values() -> Json:
    found: Json = yaml.safe_load((chart.CHART / "values.yaml").read_text())
    return found


@functools.cache
def texts() -> dict[str, str]:
    """What the script writes, by the path in the chart."""
    return chart.files(known())


@functools.cache
def objects() -> dict[str, Json]:
    """Every object of the chart, by name."""
    return {item["metadata"]["name"]: item for item in chart.objects(known(), default_values())}


def of_kind(kind: str) -> dict[str, Json]:
    return {name: item for name, item in objects().items() if item["kind"] == kind}


@functools.cache
def candidates() -> tuple[RuntimeCandidate, ...]:
    """Every runtime, as selection takes it."""
    return tuple(
        RuntimeCandidate(name, "", ServingRuntimeSpec.model_validate(item["spec"]))
        for name, item in of_kind("ClusterServingRuntime").items()
    )


def engine_of(runtime: str) -> str:
    labels: dict[str, str] = objects()[runtime]["metadata"]["labels"]
    return labels["app.kubernetes.io/component"]


def request(name: str, spec: Json) -> SelectionRequest:
    return SelectionRequest(name, BaseModelSpec.model_validate(spec), "demo")


def reported(model: Model) -> Entry:
    """What a node says about the files of a model, by the facts of the table."""
    config = Config(
        model_type=model.architecture.lower(),
        model_architecture=model.architecture,
        model_framework={"name": "transformers", "version": model.saved},
        model_format={"name": "safetensors", "version": "1.0.0"},
        model_parameter_size=model.size,
        model_capabilities=list(model.capabilities),
        quantization=model.quantization or "",
        max_tokens=4096,
    )
    path = f"/mnt/models/{model.huggingface}"
    return Entry(model.name, READY, path=path, config=config)


def after_download(spec: Json, *entries: Entry) -> Json:
    """The spec once the controller has filled in what nodes reported."""
    fill = backfill(spec, {}, entries)
    return spec if fill is None else {**spec, **fill.spec(spec)}


def bits(model: Model) -> float:
    """How many bits a weight has, from the name of what packs them."""
    if model.architecture in ("GptOssForCausalLM", "DeepseekV4ForCausalLM"):
        return 4.4  # four, and the scales of each block
    return 8 if model.quantization == "fp8" or "fp8" in model.name else 16


def gigabytes(model: Model) -> float:
    """What the weights take."""
    count = parse_size(model.size)
    assert count is not None, model
    return float(count) * bits(model) / 8 / 1e9
