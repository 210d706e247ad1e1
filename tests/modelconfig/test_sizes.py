"""Counts without weights: what is published, and the estimate."""

from __future__ import annotations

from typing import Any

import pytest

from ome.modelconfig.sizetext import size_text
from tests.modelconfig.support import DENSE, described

B = 10**9
M = 10**6


def count(model_type: str, hidden: int, layers: int, **more: Any) -> tuple[int, str]:
    config = {**DENSE, "hidden_size": hidden, "num_hidden_layers": layers, **more}
    record = described({**config, "model_type": model_type})
    return record.parameter_count, record.rules["modelParameterSize"]


PUBLISHED = [
    ("llama", 8192, 80, 70 * B),
    ("llama", 8192, 82, 70 * B),
    ("llama", 16384, 126, 405 * B),
    ("llama", 3072, 28, 3 * B),
    ("llama", 2048, 16, 1 * B),
    ("mistral", 4096, 32, 7 * B),
    ("gemma", 2048, 18, 2 * B),
    ("gemma2", 2304, 26, 2_600 * M),
    ("gemma", 3072, 28, 7 * B),
    ("gemma3_text", 3584, 42, 9 * B),
    ("gemma3", 5376, 62, 27_400 * M),
    ("qwen", 4096, 32, 7 * B),
    ("qwen", 5120, 40, 14 * B),
    ("qwen", 8192, 80, 72 * B),
    ("qwen2", 3584, 28, 7 * B),
    ("qwen2", 8192, 40, 34 * B),
    ("qwen2", 8192, 80, 72_700 * M),
    ("qwen2_vl", 1536, 28, 2 * B),
    ("qwen2_5_vl", 3584, 28, 7 * B),
    ("qwen2_vl", 8192, 80, 72 * B),
    ("qwen3", 2560, 36, 4 * B),
    ("qwen3", 4096, 36, 8 * B),
    ("qwen3_moe", 2048, 48, 30 * B),
    ("qwen3_moe", 4096, 94, 235 * B),
    ("phi3", 3072, 32, 3_800 * M),
    ("phi3small", 4096, 32, 7 * B),
    ("phi3_v", 3072, 32, 4_150 * M),
    ("mllama", 4096, 40, 11 * B),
    ("mllama", 8192, 100, 90 * B),
    ("deepseek_vl_v2", 1280, 12, 3_370 * M),
    ("janus", 2048, 24, 1_300 * M),
    ("baichuan", 4096, 32, 7 * B),
    ("baichuan", 5120, 40, 13 * B),
    ("internlm", 4096, 32, 7 * B),
    ("internlm2", 6144, 48, 20 * B),
    ("internlm2", 2048, 24, 1_800 * M),
    ("minicpm3", 2560, 62, 4 * B),
    ("minicpm", 2304, 40, 2_400 * M),
    ("minicpm", 1536, 52, 1_200 * M),
    ("stablelm", 2560, 32, 3 * B),
    ("stablelm", 2048, 24, 1_600 * M),
    ("xverse", 4096, 32, 7 * B),
    ("xverse", 5120, 40, 13 * B),
    ("xverse", 6144, 80, 65 * B),
    ("cohere", 8192, 40, 35 * B),
    ("command-r", 12288, 64, 104 * B),
    ("cohere", 12800, 70, 104 * B),
    ("bert", 768, 12, 110 * M),
    ("bert", 1024, 24, 340 * M),
]
ALIKE = {
    "gemma": ("gemma2", "gemma3_text"),
    "gemma2": ("gemma", "gemma3_text"),
    "gemma3_text": ("gemma", "gemma2"),
    "qwen2_vl": ("qwen2_5_vl",),
    "qwen2_5_vl": ("qwen2_vl",),
    "deepseek_vl_v2": ("janus", "multi_modality"),
    "janus": ("deepseek_vl_v2", "multi_modality"),
    "internlm": ("internlm2",),
    "internlm2": ("internlm",),
    "minicpm": ("minicpm3",),
    "minicpm3": ("minicpm",),
    "cohere": ("command-r",),
    "command-r": ("cohere",),
}


@pytest.mark.parametrize(("model_type", "hidden", "layers", "expected"), PUBLISHED)
def test_published_sizes(model_type: str, hidden: int, layers: int, expected: int) -> None:
    assert count(model_type, hidden, layers) == (
        expected,
        f"known size of {model_type} ({hidden}, {layers})",
    )


@pytest.mark.parametrize(
    ("other", "hidden", "layers", "expected"),
    [
        (other, hidden, layers, expected)
        for model_type, hidden, layers, expected in PUBLISHED
        for other in ALIKE.get(model_type, ())
    ],
)
def test_families_that_share_their_sizes(
    other: str, hidden: int, layers: int, expected: int
) -> None:
    assert count(other, hidden, layers)[0] == expected


@pytest.mark.parametrize(
    ("model_type", "hidden", "layers"),
    [
        ("qwen2", 7680, 64),  # which no model has
        ("mixtral", 6144, 56),
        ("phi3", 3072, 31),
        ("mistral", 8192, 80),  # that of llama
    ],
)
def test_other_dimensions_are_estimated(model_type: str, hidden: int, layers: int) -> None:
    experts = {"num_local_experts": 8, "num_experts_per_tok": 2}
    assert count(model_type, hidden, layers, **experts)[1] == "formula on the dimensions"


@pytest.mark.parametrize(
    ("model_type", "hidden", "layers", "experts", "expected"),
    [
        ("mixtral", 4096, 32, 8, 46_700 * M),
        ("phimoe", 4096, 32, 16, 41_900 * M),
        ("llama4", 5120, 48, 128, 402 * B),
        ("llama4", 5120, 48, 16, 109 * B),
        ("deepseek_v3", 7168, 61, 256, 685 * B),
        ("kimi_k2", 7168, 61, 384, 1_030 * B),
        ("gpt_oss", 2880, 24, 32, 20 * B),
        ("gpt_oss", 2880, 36, 128, 120 * B),
    ],
)
def test_published_sizes_with_experts(
    model_type: str, hidden: int, layers: int, experts: int, expected: int
) -> None:
    more = {"num_local_experts": experts, "n_routed_experts": experts}
    assert count(model_type, hidden, layers, **more)[0] == expected
    assert count(model_type, hidden, layers, num_local_experts=2, n_routed_experts=2)[1].startswith(
        "formula"
    )


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"model_type": "chatglm", "hidden_size": 4096, "num_layers": 28}, 6 * B),
        ({"model_type": "chatglm", "hidden_size": 4096, "num_layers": 40}, 9 * B),
        ({"model_type": "exaone", "hidden_size": 4096, "num_layers": 32}, 7_800 * M),
        ({"model_type": "exaone", "hidden_size": 2560, "num_layers": 42}, 2_800 * M),
        ({"model_type": "dbrx", "d_model": 6144, "n_layers": 48}, 132 * B),
        (
            {
                "model_type": "llava",
                "vision_config": {"num_hidden_layers": 24},
                "text_config": {"vocab_size": 32064},
            },
            7_500 * M,
        ),
        (
            {"model_type": "llama4", "text_config": {
                "hidden_size": 5120, "num_hidden_layers": 48, "num_local_experts": 16}},
            109 * B,
        ),
        (
            {"model_type": "deepseek_vl_v2", "language_config": {
                "hidden_size": 1280, "num_hidden_layers": 12}},
            3_370 * M,
        ),
    ],
)  # fmt: skip
def test_published_sizes_under_other_names(config: dict[str, Any], expected: int) -> None:
    assert described(config).parameter_count == expected


QWEN = {"vocab_size": 151936, "model_type": "qwen2", "max_position_embeddings": 32768}
REAL: list[tuple[dict[str, Any], str]] = [
    (
        {**QWEN, "hidden_size": 896, "num_hidden_layers": 24, "intermediate_size": 4864,
         "num_attention_heads": 14, "num_key_value_heads": 2, "tie_word_embeddings": True},
        "494",
    ),
    (
        {**QWEN, "hidden_size": 1536, "num_hidden_layers": 28, "intermediate_size": 8960,
         "num_attention_heads": 12, "num_key_value_heads": 2, "tie_word_embeddings": True},
        "1.54B",
    ),
    (
        {**QWEN, "hidden_size": 2048, "num_hidden_layers": 36, "intermediate_size": 11008,
         "num_attention_heads": 16, "num_key_value_heads": 2, "tie_word_embeddings": True},
        "3.09B",
    ),
    (
        {**QWEN, "vocab_size": 152064, "hidden_size": 5120, "num_hidden_layers": 48,
         "intermediate_size": 13824, "num_attention_heads": 40, "num_key_value_heads": 8},
        "14.77B",
    ),
    (
        {**QWEN, "vocab_size": 152064, "hidden_size": 5120, "num_hidden_layers": 64,
         "intermediate_size": 27648, "num_attention_heads": 40, "num_key_value_heads": 8},
        "32.76B",
    ),
    (
        {"model_type": "llama", "vocab_size": 128256, "hidden_size": 4096,
         "num_hidden_layers": 32, "intermediate_size": 14336, "num_attention_heads": 32,
         "num_key_value_heads": 8, "max_position_embeddings": 8192},
        "8.03B",
    ),
    (
        {"model_type": "llama", "vocab_size": 49152, "hidden_size": 2048,
         "num_hidden_layers": 24, "intermediate_size": 8192, "num_attention_heads": 32,
         "num_key_value_heads": 32, "max_position_embeddings": 8192, "tie_word_embeddings": True},
        "1.71B",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("config", "expected"), REAL)
def test_the_estimate_agrees_with_real_models(config: dict[str, Any], expected: str) -> None:
    record = described(config)
    assert record.rules["modelParameterSize"] == "formula on the dimensions"
    assert size_text(record.parameter_count).startswith(expected)


def generic(**config: Any) -> int:
    base = {"hidden_size": 100, "num_hidden_layers": 10, "num_attention_heads": 10}
    return described({"model_type": "new", **base, "vocab_size": 1000, **config}).parameter_count


EMBEDDINGS = 2 * 1000 * 100
ATTENTION = 10 * 4 * 100 * 100
NORMS = 2 * 100 * 10 + 100
REST = EMBEDDINGS + ATTENTION + NORMS
MLP = 3 * 100 * 400


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({}, REST + 10 * MLP),
        ({"num_attention_heads": None}, REST + 10 * MLP),
        ({"intermediate_size": 200}, REST + 10 * 3 * 100 * 200),
        ({"tie_word_embeddings": True}, REST - EMBEDDINGS // 2 + 10 * MLP),
        ({"num_key_value_heads": 5}, REST - ATTENTION // 4 + 10 * MLP),
        ({"head_dim": 20}, REST + ATTENTION + 10 * MLP),
        ({"model_type": "falcon"}, REST + 10 * 2 * 100 * 400),
        ({"model_type": "phi"}, REST + 10 * 2 * 100 * 400),
        ({"model_type": "qwen", "intermediate_size": 400}, REST + 10 * MLP // 2),
        ({"num_experts": 4}, REST + 10 * (4 * MLP + 400)),
        (
            {"num_experts": 4, "moe_intermediate_size": 50, "n_shared_experts": 2},
            REST + 10 * (6 * 3 * 100 * 50 + 400),
        ),
        (
            {"n_routed_experts": 4, "first_k_dense_replace": 3},
            REST + 3 * MLP + 7 * (4 * MLP + 400),
        ),
        (
            {
                "model_type": "llama4",
                "num_local_experts": 4,
                "interleave_moe_layer_step": 2,
                "intermediate_size_mlp": 800,
            },
            REST + 5 * 2 * MLP + 5 * (4 * MLP + 400),
        ),
        ({"hidden_size": 0}, 0),
        ({"num_hidden_layers": None}, 0),
    ],
)
def test_the_terms_of_the_estimate(config: dict[str, Any], expected: int) -> None:
    assert generic(**config) == expected


@pytest.mark.parametrize("model_type", ["gemma2", "cohere"])
def test_families_that_tie_their_embeddings(model_type: str) -> None:
    more = {"max_position_embeddings": 10, "model_type": model_type}
    tied = generic(**more)
    assert generic(**more, tie_word_embeddings=False) - tied == EMBEDDINGS // 2


def test_the_top_level_says_whether_embeddings_are_tied() -> None:
    inner = {"tie_word_embeddings": True}
    assert generic(text_config=inner) == generic(tie_word_embeddings=True)
    assert generic(text_config=inner, tie_word_embeddings=False) == generic()


def test_a_vision_tower_is_added_when_its_sizes_are_known() -> None:
    vision = {
        "hidden_size": 40,
        "num_hidden_layers": 2,
        "intermediate_size": 80,
        "patch_size": 4,
        "image_size": 16,
    }
    tower = 2 * (4 * 1600 + 2 * 40 * 80 + 80) + 16 * 3 * 40 + 16 * 40 + 40 * 100
    assert generic(vision_config=vision) - generic() == tower
    assert generic(vision_config={"hidden_size": 40}) == generic()
