"""Diffusion pipelines."""

from __future__ import annotations

from typing import Any

import pytest

from ome.modelconfig.describe import describe
from ome.modelconfig.pipeline import read_pipeline
from ome.modelconfig.record import Component
from ome.modelconfig.values import ConfigError, Fields
from ome.sandbox.safetensors_files import safetensors
from tests.modelconfig.support import directory

INDEX: dict[str, Any] = {
    "_class_name": "StableDiffusionPipeline",
    "_diffusers_version": "0.30.0",
    "_ignored": ["x", "Y"],
    "scheduler": ["diffusers", "PNDMScheduler"],
    "text_encoder": ["transformers", "CLIPTextModel"],
    "tokenizer": ["transformers", "CLIPTokenizer"],
    "unet": ["diffusers", "UNet2DConditionModel"],
    "vae": ["diffusers", "AutoencoderKL"],
    "safety_checker": [None, None],
    "feature_extractor": [None, None],
    "requires_safety_checker": True,
}
TEN = safetensors({"w": ("BF16", [10])})


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (["diffusers", "AutoencoderKL"], Component("AutoencoderKL", "diffusers")),
        (["AutoencoderKL"], Component("AutoencoderKL")),
        (["diffusers", "A", "more"], Component("A", "diffusers")),
        ({"_class_name": "A", "_library": "l"}, Component("A", "l")),
        ({"class_name": "A"}, Component("A")),
        ({"className": "A"}, Component("A")),
        ({"type": "A", "library": "l"}, Component("A", "l")),
        ({"library": "l"}, Component("", "l")),
        ([], None),
        ([None, None], None),
        ({}, None),
        ({"x": "y"}, None),
        (True, None),
        (3, None),
        ("text", None),
        (None, None),
    ],
)
def test_components(value: Any, expected: Component | None) -> None:
    pipeline = read_pipeline(Fields({"_class_name": "P", "image_encoder": value}))
    assert pipeline.additional.get("image_encoder") == expected


@pytest.mark.parametrize("key", ["_class_name", "class_name", "className"])
def test_the_class_under_every_name(key: str) -> None:
    assert read_pipeline(Fields({key: "P"})).class_name == "P"
    assert read_pipeline(Fields({"_class_name": "", key: "P"})).class_name == "P"


def test_fields_of_their_own() -> None:
    pipeline = read_pipeline(Fields(INDEX | {"text_encoder_2": ["transformers", "T5"]}))
    assert pipeline.document() == {
        "className": "StableDiffusionPipeline",
        "scheduler": {"library": "diffusers", "type": "PNDMScheduler"},
        "textEncoder": {"library": "transformers", "type": "CLIPTextModel"},
        "tokenizer": {"library": "transformers", "type": "CLIPTokenizer"},
        "vae": {"library": "diffusers", "type": "AutoencoderKL"},
        "transformer": {"library": "diffusers", "type": "UNet2DConditionModel"},
        "additionalComponents": {"text_encoder_2": {"library": "transformers", "type": "T5"}},
    }
    assert pipeline.version == "0.30.0"


def test_the_transformer_wins_over_the_unet_in_any_order() -> None:
    for keys in (("unet", "Transformer"), ("Transformer", "unet")):
        index = {key: ["lib", key] for key in keys}
        pipeline = read_pipeline(Fields({"_class_name": "P", **index}))
        assert pipeline.parts["transformer"].type == "Transformer"
        assert pipeline.additional == {}


def test_an_index_that_says_nothing() -> None:
    with pytest.raises(ConfigError, match="did not contain diffusion pipeline metadata"):
        read_pipeline(Fields({"_diffusers_version": "1"}))


def test_an_index_beyond_all_measure() -> None:
    long = "x" * 100_000
    pipeline = read_pipeline(
        Fields({"_class_name": "P", long: ["lib", "A"], "vae": ["lib", long], "b": [long, "B"]})
    )
    assert pipeline.document() == {
        "className": "P",
        "vae": {"library": "lib"},
        "additionalComponents": {"b": {"type": "B"}},
    }
    many = {f"part_{n}": ["lib", "A"] for n in range(1000)}
    with pytest.raises(ConfigError, match="lists 1000 parts; at most 256"):
        read_pipeline(Fields({"_class_name": "P", **many}))


def files(index: dict[str, Any], *folders: str, weights: bytes = TEN) -> dict[str, Any]:
    held: dict[str, Any] = {"model_index.json": index}
    for folder in folders:
        held[f"{folder}/config.json"] = {"max_position_embeddings": 77}
        held[f"{folder}/diffusion_pytorch_model.safetensors"] = weights
    return held


def test_the_record_of_a_pipeline() -> None:
    record = describe(directory(files(INDEX, "text_encoder", "unet", "vae")))
    assert record.model_type == "diffusers"
    assert record.architecture == "StableDiffusionPipeline"
    assert record.has_vision
    assert not record.is_embedding
    assert record.parameter_count == 30
    assert record.model_size_bytes == 60
    assert record.torch_dtype == "bfloat16"
    assert record.context_length == 77
    assert record.quantization_method == record.transformers_version == ""


@pytest.mark.parametrize(
    ("index", "folders", "expected"),
    [
        (INDEX, ("text_encoder", "unet"), 0),
        (INDEX, ("text_encoder", "unet", "vae", "safety_checker"), 30),
        (
            INDEX | {"image_encoder": ["t", "C"]},
            ("text_encoder", "unet", "vae", "image_encoder"),
            40,
        ),
        (INDEX | {"image_encoder": ["t", "C"]}, ("text_encoder", "unet", "vae"), 30),
        (INDEX | {"vae": [None, None]}, ("text_encoder", "unet"), 20),
        (INDEX, ("text_encoder", "unet", "transformer", "vae"), 30),
        ({"_class_name": "P"}, ("vae",), 0),
    ],
)
def test_counting_the_parts(index: dict[str, Any], folders: tuple[str, ...], expected: int) -> None:
    record = describe(directory(files(index, *folders)))
    assert record.parameter_count == expected
    assert bool(record.notes) == (expected == 0)


def test_a_pipeline_without_a_class_is_refused() -> None:
    with pytest.raises(ConfigError) as raised:
        describe(directory({"model_index.json": {"vae": ["a", "b"]}}))
    text = str(raised.value)
    assert text.startswith("failed to parse model_index.json with hf_model_config: model_type or")


def test_an_index_that_is_no_json() -> None:
    with pytest.raises(ConfigError) as raised:
        describe(directory({"model_index.json": b"{"}))
    assert str(raised.value).startswith("failed to parse model_index.json with hf_model_config: ")


def test_unreadable_parts_are_notes_and_no_errors() -> None:
    held = files(INDEX, "text_encoder", "unet", "vae", weights=b"version https://git-lfs")
    held["text_encoder/config.json"] = b"{"
    record = describe(directory(held))
    assert record.parameter_count == record.context_length == 0
    assert "no safetensors file" in record.notes[0]
