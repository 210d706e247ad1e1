"""Diffusion pipelines: what ``model_index.json`` lists, and the weights of its parts."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from ome.modelconfig.find import CONFIG
from ome.modelconfig.record import Component, Pipeline
from ome.modelconfig.values import LARGEST, ConfigError, Fields, read_json, text_of
from ome.modelconfig.weights import Weights, count_weights

if TYPE_CHECKING:
    from ome.modelconfig.directory import Directory

__all__ = ["CLASS_KEYS", "pipeline_context", "pipeline_weights", "read_pipeline"]

CLASS_KEYS = ("_class_name", "class_name", "className")
_VERSION_KEYS = ("_diffusers_version", "diffusers_version")
_MOST_PARTS = 256
_MOST_LETTERS = 16_384
"""What is told of a model must fit beside the other models of its node."""
_FIELDS = {
    "scheduler": "scheduler",
    "text_encoder": "textEncoder",
    "tokenizer": "tokenizer",
    "vae": "vae",
    "unet": "transformer",
    "transformer": "transformer",  # after unet: with both it wins
}


def read_pipeline(index: Fields) -> Pipeline:
    """The parts of a pipeline. Raises ``ConfigError`` when there is neither class nor part."""
    found = {}
    for key, value in index.members():
        named = text_of(key) and not key.startswith("_") and key not in CLASS_KEYS
        part = _component(value) if named else None
        if part is not None:
            found[key] = part
    if len(found) > _MOST_PARTS:
        raise ConfigError(f"model_index.json lists {len(found)} parts; at most {_MOST_PARTS}")
    letters = sum(len(key) + len(part.type) + len(part.library) for key, part in found.items())
    if letters > _MOST_LETTERS:
        raise ConfigError(
            f"model_index.json names its parts in {letters} letters; at most {_MOST_LETTERS}"
        )
    if not found and not index.text(*CLASS_KEYS):
        raise ConfigError("model_index.json did not contain diffusion pipeline metadata")
    by_name = {key.lower(): part for key, part in found.items()}
    parts = {field: by_name[name] for name, field in _FIELDS.items() if name in by_name}
    more = {key: part for key, part in found.items() if key.lower() not in _FIELDS}
    return Pipeline(index.text(*CLASS_KEYS), index.text(*_VERSION_KEYS), parts, more)


def _component(value: Any) -> Component | None:
    part = Component()
    if isinstance(value, dict):
        fields = Fields(value)
        part = Component(fields.text(*CLASS_KEYS, "type"), fields.text("_library", "library"))
    elif isinstance(value, list) and value:
        # An optional part that is absent is written [null, null].
        texts = [text_of(item) for item in value]
        part = Component(texts[0]) if len(texts) == 1 else Component(texts[1], texts[0])
    return part if part.type or part.library else None


def pipeline_weights(directory: Directory, folder: str, pipeline: Pipeline) -> Weights:
    """The sum over the parts. Raises ``ConfigError`` when one that is listed cannot be counted.

    Parts beside encoder, transformer and VAE count when they have weights.
    """
    main = "transformer"
    if f"{folder}{main}/{CONFIG}" not in directory.files():
        main = "unet" if f"{folder}unet/{CONFIG}" in directory.files() else main
    required = {"textEncoder": "text_encoder", "transformer": main, "vae": "vae"}
    names = [name for field, name in required.items() if field in pipeline.parts]
    total = [_weights_of(directory, f"{folder}{name}/") for name in names]
    counted = list(names)
    for name in pipeline.additional:
        try:
            total.append(_weights_of(directory, f"{folder}{name}/"))
            counted.append(name)
        except ConfigError:
            continue
    if not total:
        raise ConfigError("the pipeline lists no part with weights")
    dtypes: Counter[str] = Counter()
    for weights in total:
        dtypes.update(weights.dtypes)
    # Each of them fits 64 bits; what is told of them together is to do so, too.
    return Weights(
        min(sum(weights.parameters for weights in total), LARGEST),
        min(sum(weights.size_bytes for weights in total), LARGEST),
        f"headers of {', '.join(counted)}",
        dict(dtypes),
    )


def _weights_of(directory: Directory, folder: str) -> Weights:
    if folder + CONFIG not in directory.files():
        raise ConfigError(f"{folder}{CONFIG} is missing")
    return count_weights(directory, folder)


def pipeline_context(directory: Directory, folder: str) -> int:
    """The context of the text encoder; 0 when it says none."""
    name = f"{folder}text_encoder/{CONFIG}"
    if name not in directory.files():
        return 0
    try:
        return min(read_json(directory, name).positive("max_position_embeddings"), LARGEST)
    except ConfigError:
        return 0
