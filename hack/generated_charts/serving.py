"""What ome-serving knows of models: the facts of the catalogue, as its values name them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from hack.model_catalogue.facts import read
from ome.selection import parse_size

if TYPE_CHECKING:
    from hack.model_catalogue.facts import Engine, Facts, Family, Model, Shape

__all__ = ["registry"]


def registry() -> str:
    """The registry as JSON, one line for each model; those that SGLang serves on one node."""
    facts = read()
    entries = {
        model.name: _entry(model, engine, shape)
        for model in facts.models
        for engine, shape in _served(model, facts)
    }
    lines = [f"  {json.dumps(name)}: {json.dumps(entry)}" for name, entry in entries.items()]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _served(model: Model, facts: Facts) -> list[tuple[Engine, Shape]]:
    """The engine and the shape for a model; none when it takes more than one node."""
    return [
        (engine, shape)
        for family in facts.families
        if _takes(family, model)
        for engine in family.engines
        if engine.name == "sglang"
        for shape in family.shapes
        if shape.nodes == 1 and _fits(model.size, shape)
    ][:1]


def _takes(family: Family, model: Model) -> bool:
    return (
        model.architecture in family.architectures
        and family.quantization == model.quantization
        and family.framework == model.framework
    )


def _fits(size: str, shape: Shape) -> bool:
    low, count, high = (parse_size(text) for text in (shape.smallest, size, shape.largest))
    assert low is not None
    assert count is not None
    assert high is not None
    return low <= count <= high


def _entry(model: Model, engine: Engine, shape: Shape) -> dict[str, Any]:
    runtime: dict[str, Any] = {
        "architecture": model.architecture,
        "transformersVersion": model.saved,
        "sizeRange": {"min": model.size, "max": model.size},
        "servedName": model.huggingface,
        "gpus": shape.gpus,
    }
    if model.quantization:
        runtime["quantization"] = model.quantization
    if model.framework != "transformers":
        # Its releases are not those of transformers.
        del runtime["transformersVersion"]
        runtime["framework"] = model.framework
    if engine.arguments:
        runtime["extraArgs"] = list(engine.arguments)
    return {
        "vendor": model.vendor,
        "capabilities": list(model.capabilities),
        "hfModelId": model.huggingface,
        "runtime": runtime,
    }
