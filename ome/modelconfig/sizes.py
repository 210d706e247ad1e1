"""Parameter counts without weights: published sizes of known models, else an estimate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ome.modelconfig.values import LARGEST

if TYPE_CHECKING:
    from ome.modelconfig.families import Language
    from ome.modelconfig.values import Fields

__all__ = ["Dimensions", "dimensions", "estimate", "known_size"]

_M = 10**6
_B = 10**9
_ENCODERS = frozenset(
    {"bert", "roberta", "xlm-roberta", "xlm-roberta-xl", "camembert", "electra", "mpnet"}
)
"""BERT and those built like it: no output head of their own, feed-forward of two matrices."""
_UNGATED = _ENCODERS | {
    "phi", "falcon", "gpt", "gpt_bigcode", "starcoder2", "bloom", "opt", "mpt", "persimmon"
}  # fmt: skip
_TIED = ("gemma", "cohere", "command-r")

_Sizes = dict[tuple[int, int], int]
_GEMMA: _Sizes = {
    (2048, 18): 2 * _B,
    (2304, 26): 2_600 * _M,
    (3072, 28): 7 * _B,
    (3584, 42): 9 * _B,
}
_QWEN_VL: _Sizes = {(1536, 28): 2 * _B, (3584, 28): 7 * _B, (8192, 80): 72 * _B}
_DEEPSEEK_VL: _Sizes = {(1280, 12): 3_370 * _M, (2048, 24): 1_300 * _M}
_INTERNLM: _Sizes = {(4096, 32): 7 * _B, (6144, 48): 20 * _B, (2048, 24): 1_800 * _M}
_MINICPM: _Sizes = {(2560, 62): 4 * _B, (2304, 40): 2_400 * _M, (1536, 52): 1_200 * _M}
_COHERE: _Sizes = {(8192, 40): 35 * _B}
_BY_DIMENSIONS: dict[str, _Sizes] = {
    "llama": {
        (8192, 80): 70 * _B,
        (8192, 82): 70 * _B,
        (16384, 126): 405 * _B,
        (3072, 28): 3 * _B,
        (2048, 16): 1 * _B,
    },
    "mistral": {(4096, 32): 7 * _B},
    **dict.fromkeys(("gemma", "gemma2", "gemma3_text"), _GEMMA),
    "gemma3": {(5376, 62): 27_400 * _M},
    "qwen": {(4096, 32): 7 * _B, (5120, 40): 14 * _B, (8192, 80): 72 * _B},
    "qwen2": {(3584, 28): 7 * _B, (8192, 40): 34 * _B, (8192, 80): 72_700 * _M},
    **dict.fromkeys(("qwen2_vl", "qwen2_5_vl"), _QWEN_VL),
    "qwen3": {(2560, 36): 4 * _B, (4096, 36): 8 * _B},
    "qwen3_moe": {(2048, 48): 30 * _B, (4096, 94): 235 * _B},
    "phi3": {(3072, 32): 3_800 * _M},
    "phi3small": {(4096, 32): 7 * _B},
    "phi3_v": {(3072, 32): 4_150 * _M},
    "mllama": {(4096, 40): 11 * _B, (8192, 100): 90 * _B},
    **dict.fromkeys(("deepseek_vl_v2", "janus", "multi_modality"), _DEEPSEEK_VL),
    "chatglm": {(4096, 28): 6 * _B, (4096, 40): 9 * _B},
    "exaone": {(4096, 32): 7_800 * _M, (2560, 42): 2_800 * _M},
    "baichuan": {(4096, 32): 7 * _B, (5120, 40): 13 * _B},
    **dict.fromkeys(("internlm", "internlm2"), _INTERNLM),
    **dict.fromkeys(("minicpm", "minicpm3"), _MINICPM),
    "stablelm": {(2560, 32): 3 * _B, (2048, 24): 1_600 * _M},
    "xverse": {(4096, 32): 7 * _B, (5120, 40): 13 * _B, (6144, 80): 65 * _B},
    **dict.fromkeys(("cohere", "command-r"), _COHERE),
    # 40 layers is what the files say, 48 the number of heads.
    "dbrx": {(6144, 40): 132 * _B, (6144, 48): 132 * _B},
    "bert": {(768, 12): 110 * _M, (1024, 24): 340 * _M},
}
_BY_EXPERTS: dict[str, dict[tuple[int, int, int], int]] = {
    "mixtral": {(4096, 32, 8): 46_700 * _M},
    "phimoe": {(4096, 32, 16): 41_900 * _M},
    "llama4": {(5120, 48, 128): 402 * _B, (5120, 48, 16): 109 * _B},
    "deepseek_v3": {(7168, 61, 256): 685 * _B},
    "kimi_k2": {(7168, 61, 384): 1_030 * _B},
    "gpt_oss": {(2880, 24, 32): 20 * _B, (2880, 36, 128): 120 * _B},
}
_BY_WIDTH: dict[tuple[str, int, int, int], int] = {
    # Qwen1.5-110B has as many layers as the 72B ones, and wider ones.
    ("qwen2", 8192, 80, 49152): 111 * _B,
}


@dataclass(frozen=True, slots=True)
class Dimensions:
    """The sizes of a language model; 0 is unknown."""

    hidden: int
    layers: int
    heads: int
    kv_heads: int
    head: int
    intermediate: int
    vocabulary: int
    experts: int


def dimensions(language: Language) -> Dimensions:
    """The sizes under the names that the families use."""
    hidden = language.positive("hidden_size", "d_model", "n_embd")
    heads = language.positive("num_attention_heads", "n_head", "n_heads", "num_heads")
    head = language.positive("head_dim") or (hidden // heads if heads else 0)
    return Dimensions(
        hidden=hidden,
        layers=language.positive("num_hidden_layers", "num_layers", "n_layers", "n_layer"),
        heads=heads,
        kv_heads=language.positive("num_key_value_heads") or heads,
        head=head,
        intermediate=language.positive("intermediate_size", "n_inner", "ffn_dim") or 4 * hidden,
        vocabulary=language.positive("vocab_size"),
        experts=language.experts,
    )


def known_size(model_type: str, config: Fields, size: Dimensions) -> int:
    """The published count of a known model with exactly these sizes; 0 for any other."""
    if model_type == "llava":
        return _known_llava(config, size)
    if model_type in ("cohere", "command-r") and size.hidden >= 12288 and size.layers >= 64:
        return 104 * _B
    wide = _BY_WIDTH.get((model_type, size.hidden, size.layers, size.intermediate), 0)
    if wide:
        return wide
    with_experts = _BY_EXPERTS.get(model_type, {})
    found = with_experts.get((size.hidden, size.layers, size.experts), 0)
    return found or _BY_DIMENSIONS.get(model_type, {}).get((size.hidden, size.layers), 0)


def _known_llava(config: Fields, size: Dimensions) -> int:
    """The smaller ones; their files leave out the sizes of Vicuna 7B, those of 13B say theirs."""
    layers = config.inner("vision_config").positive("num_hidden_layers")
    small = size.hidden in (0, 4096) and size.layers in (0, 32)
    return 7_500 * _M if small and layers == 24 and size.vocabulary >= 32000 else 0


def estimate(model_type: str, config: Fields, language: Language, size: Dimensions) -> int:
    """The count by arithmetic on the sizes; exact for most dense decoders, 0 when unknown."""
    h, layers = size.hidden, size.layers
    if not h or not layers:
        return 0
    attention = 4 * h * h
    if size.heads:
        attention = 2 * h * size.heads * size.head + 2 * h * size.kv_heads * size.head
    embeddings = size.vocabulary * h * (1 if _tied(model_type, config, language) else 2)
    feed_forward = _feed_forward(model_type, language, size)
    total = embeddings + layers * attention + feed_forward + 2 * h * layers + h
    total += _vision_tower(config.inner("vision_config"), h)
    return total if total <= LARGEST else 0


def _tied(model_type: str, config: Fields, language: Language) -> bool:
    for fields in (config, language.first, language.second):
        flag = fields.flag("tie_word_embeddings")
        if flag is not None:
            return flag
    return model_type.startswith(_TIED) or model_type in _ENCODERS


def _feed_forward(model_type: str, language: Language, size: Dimensions) -> int:
    """The parameters between the attentions of all layers."""
    h, i = size.hidden, size.intermediate
    dense = 3 * h * i
    if model_type == "qwen":
        dense = 3 * h * i // 2  # its intermediate size counts both halves
    elif model_type in _UNGATED or model_type.startswith(("gpt2", "gpt_neo", "gptj")):
        dense = 2 * h * i
    if not size.experts:
        return size.layers * dense
    expert_layers = max(size.layers - language.positive("first_k_dense_replace"), 0)
    if model_type.startswith("llama4"):
        expert_layers = size.layers // (language.positive("interleave_moe_layer_step") or 1)
        dense = 3 * h * (language.positive("intermediate_size_mlp") or i)
    width = language.positive("moe_intermediate_size") or i
    shared = language.positive("n_shared_experts")
    experts = (size.experts + shared) * 3 * h * width + h * size.experts
    return (size.layers - expert_layers) * dense + expert_layers * experts


def _vision_tower(vision: Fields, hidden: int) -> int:
    """The image encoder, when its sizes are known: layers, patches, positions, projection."""
    width = vision.positive("hidden_size")
    layers = vision.positive("num_hidden_layers", "depth")
    inner = vision.positive("intermediate_size")
    if not (width and layers and inner):
        return 0
    patch = vision.positive("patch_size")
    channels = vision.positive("num_channels", "in_channels", "in_chans") or 3
    tower = layers * (4 * width * width + 2 * width * inner + 2 * width)
    positions = (vision.positive("image_size") // patch) ** 2 if patch else 0
    return tower + patch**2 * channels * width + positions * width + width * hidden
