"""Files as the makers of known models publish them, shortened to what is looked at.

Weights are not there: a model that is published as ``*.bin``, or whose shards are still coming, is
sized by its dimensions.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.modelconfig.support import described

B = 10**9
M = 10**6


def encoder(model_type: str, hidden: int, layers: int, vocabulary: int) -> dict[str, Any]:
    return {
        "model_type": model_type,
        "hidden_size": hidden,
        "intermediate_size": 4 * hidden,
        "num_attention_heads": hidden // 64,
        "num_hidden_layers": layers,
        "vocab_size": vocabulary,
    }


def qwen2(intermediate: int) -> dict[str, Any]:
    return {
        "model_type": "qwen2",
        "hidden_size": 8192,
        "intermediate_size": intermediate,
        "num_attention_heads": 64,
        "num_key_value_heads": 8,
        "num_hidden_layers": 80,
        "vocab_size": 152064,
    }


def llava(**text: Any) -> dict[str, Any]:
    return {
        "model_type": "llava",
        "text_config": {"vocab_size": 32064, "max_position_embeddings": 4096, **text},
        "vision_config": {
            "hidden_size": 1024,
            "image_size": 336,
            "intermediate_size": 4096,
            "num_hidden_layers": 24,
            "patch_size": 14,
        },
    }


VICUNA_13B = {
    "hidden_size": 5120,
    "intermediate_size": 13824,
    "num_attention_heads": 40,
    "num_hidden_layers": 40,
}
DBRX = {
    "model_type": "dbrx",
    "d_model": 6144,
    "n_heads": 48,
    "n_layers": 40,
    "max_seq_len": 32768,
    "vocab_size": 100352,
    "ffn_config": {"ffn_hidden_size": 10752, "moe_num_experts": 16},
}
STARCODER2 = {
    "model_type": "starcoder2",
    "hidden_size": 6144,
    "intermediate_size": 24576,
    "num_attention_heads": 48,
    "num_key_value_heads": 4,
    "num_hidden_layers": 40,
    "vocab_size": 49152,
}
PERSIMMON = {
    "model_type": "persimmon",
    "hidden_size": 4096,
    "intermediate_size": 16384,
    "num_attention_heads": 64,
    "num_hidden_layers": 36,
    "vocab_size": 262144,
}


@pytest.mark.parametrize(
    ("config", "published"),
    [
        pytest.param(qwen2(49152), 111 * B, id="Qwen1.5-110B"),
        pytest.param(qwen2(29568), 72_700 * M, id="Qwen2.5-72B"),
        pytest.param(llava(), 7_060 * M, id="llava-1.5-7b"),
        pytest.param(llava(hidden_size=4096, num_hidden_layers=32), 7_060 * M, id="llava-sizes"),
        pytest.param(llava(**VICUNA_13B), 13_350 * M, id="llava-1.5-13b"),
        pytest.param(DBRX, 132 * B, id="dbrx"),
        pytest.param(encoder("xlm-roberta", 1024, 24, 250002), 568 * M, id="bge-m3"),
        pytest.param(encoder("xlm-roberta", 768, 12, 250002), 278 * M, id="multilingual-e5-base"),
        pytest.param(encoder("bert", 384, 12, 30522), 33_400_000, id="bge-small"),
        pytest.param(encoder("roberta", 768, 12, 50265), 125 * M, id="roberta-base"),
        pytest.param(encoder("mpnet", 768, 12, 30527), 109 * M, id="all-mpnet-base"),
        pytest.param(STARCODER2, 16 * B, id="starcoder2-15b"),
        pytest.param(PERSIMMON, 9_400 * M, id="persimmon-8b"),
    ],
)
def test_sizes_without_weights(config: dict[str, Any], published: int) -> None:
    assert described(config).parameter_count == pytest.approx(published, rel=0.07)
