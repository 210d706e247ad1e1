"""Models that nobody knows."""

from __future__ import annotations

from typing import Any

import pytest

from ome.modelconfig.families import language_of
from ome.modelconfig.spec import rules_of, spec_values
from ome.modelconfig.values import Fields
from tests.modelconfig.support import described

MPE = "max_position_embeddings"


def context(**config: Any) -> int:
    return described({"model_type": "new", **config}).context_length


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({}, 0),
        ({MPE: 10}, 10),
        ({"max_sequence_length": 20}, 20),
        ({MPE: 0, "max_sequence_length": 20}, 20),
        ({"max_sequence_length": 131072, "text_config": {MPE: 262144}}, 262144),
        ({MPE: 5, "text_config": {MPE: 262144}}, 5),
        ({"llm_config": {MPE: 7}}, 7),
        ({"language_config": {MPE: 8}}, 8),
        ({"text_config": {MPE: 1}, "llm_config": {MPE: 2}}, 1),
        ({"text_config": {"x": 1}, "llm_config": {MPE: 2}}, 0),
        ({"text_config": [1], "llm_config": {MPE: 2}}, 2),
        ({"thinker_config": {"text_config": {MPE: 9}}}, 9),
        ({"n_positions": 1024}, 1024),
        ({"n_ctx": 1024}, 1024),
        ({"max_seq_len": 2048}, 2048),
    ],
)
def test_context(config: dict[str, Any], expected: int) -> None:
    assert context(**config) == expected


def test_a_file_with_only_a_type() -> None:
    record = described({"model_type": "new"})
    assert record.parameter_count == record.context_length == record.model_size_bytes == 0
    assert not record.has_vision
    assert record.architecture == ""


def test_the_nested_part_fills_what_is_empty() -> None:
    record = described(
        {
            "model_type": "new",
            "architectures": ["NewModel"],
            "text_config": {"torch_dtype": "bfloat16", "transformers_version": "5.0"},
        }
    )
    assert record.torch_dtype == "bfloat16"
    assert record.transformers_version == "5.0"


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"n_routed_experts": 8, "num_local_experts": 4}, 8),
        ({"num_local_experts": 4, "num_experts": 2}, 4),
        ({"num_experts": 2}, 2),
        ({"text_config": {"num_experts": 2}}, 2),
        ({"text_config": {"n_routed_experts": 3}, "num_local_experts": 4}, 3),
        ({}, 0),
    ],
)
def test_experts(config: dict[str, Any], expected: int) -> None:
    assert language_of(None, Fields(config)).experts == expected


def test_names_of_gpt_2_are_dimensions() -> None:
    config = {"n_embd": 768, "n_layer": 12, "n_head": 12, "vocab_size": 50257}
    record = described({"model_type": "gpt2", "tie_word_embeddings": True, **config})
    assert 120_000_000 < record.parameter_count < 130_000_000


def test_names_of_mpt_are_dimensions() -> None:
    config = {"d_model": 4096, "num_layers": 32, "n_heads": 32, "vocab_size": 50432}
    assert described({"model_type": "mpt", **config}).parameter_count > 6_000_000_000


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"audio_config": {"d_model": 1280}}, ["TEXT_TO_TEXT", "AUDIO_TO_TEXT"]),
        (
            {"audio_config": {"d_model": 1280}, "vision_config": {"depth": 2}},
            ["IMAGE_TEXT_TO_TEXT", "AUDIO_TO_TEXT"],
        ),
        (
            {"audio_config": {"d_model": 1}, "architectures": ["WhisperLikeModel"]},
            ["AUDIO_TO_TEXT"],
        ),
        ({"audio_config": {"d_model": 1}, "architectures": ["XEmbedding"]}, ["EMBEDDING"]),
        ({"audio_config": None}, ["TEXT_TO_TEXT"]),
        ({"audio_config": {}}, ["TEXT_TO_TEXT"]),
        ({"audio_config": {"d_model": 1}, "model_type": "qwen"}, ["TEXT_TO_TEXT"]),
    ],
)
def test_a_part_for_sound(config: dict[str, Any], expected: list[str]) -> None:
    record = described({"model_type": "new", **config})
    assert spec_values(record)["modelCapabilities"] == expected
    assert ("audio_config" in rules_of(record)["modelCapabilities"]) is (len(expected) > 1)
