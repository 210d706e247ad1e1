"""The families of models: where each writes its context, what it is by default, what it must say.

A family's values may stand in an object of the language part; a key that is not there is looked for
at the top level.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ome.modelconfig.values import Fields

__all__ = ["FAMILIES", "Family", "Language", "language_of", "problems_of"]

_MPE = ("max_position_embeddings",)
_BASIC = ("hidden_size", "num_hidden_layers", "num_attention_heads")
_V4 = (*_BASIC, "vocab_size")
_V2 = (*_BASIC, "num_key_value_heads", "vocab_size", "max_position_embeddings")
_NESTED = ("text_config", "llm_config", "language_config")
EXPERTS = ("n_routed_experts", "num_local_experts", "num_experts")
"""The names of the number of experts, in the order in which they are believed."""


@dataclass(frozen=True, slots=True)
class Family:
    """What is known of a ``model_type``."""

    context: tuple[str, ...] = _MPE
    """Keys of the context length; the first positive one counts."""
    nested: str = ""
    """The object of the language part."""
    architecture: str = ""
    """What it is when the file names no architecture."""
    vision: str = ""
    """``yes``, or the key of an object that makes it take images; empty for never."""
    label: str = ""
    """Its name in messages; also says that ``checks`` hold."""
    checks: tuple[str, ...] = ()
    """Keys that must be positive, in the order of their checks."""
    compares_heads: bool = False
    """Whether more key/value heads than heads are a mistake."""
    either: tuple[str, ...] = ()
    """Keys of which one must be positive."""
    default_context: int = 0
    """The context when no key has one."""
    embeds: bool = False
    """Whether every model of the family makes embeddings."""


@dataclass(frozen=True, slots=True)
class Language:
    """The language part: two objects, the second asked for what the first does not say."""

    first: Fields
    second: Fields

    def positive(self, *keys: str) -> int:
        """The first key with a positive number, in either object before the next key."""
        for key in keys:
            value = self.first.positive(key) or self.second.positive(key)
            if value:
                return value
        return 0

    def integer(self, key: str) -> int | None:
        """The number as written, also 0 and below."""
        value = self.first.integer(key)
        return self.second.integer(key) if value is None else value

    def text(self, *keys: str) -> str:
        """The first text that is not empty; all keys of the first object come first."""
        return self.first.text(*keys) or self.second.text(*keys)

    @property
    def experts(self) -> int:
        """The number of experts; 0 for a dense model."""
        return self.positive(*EXPERTS)


def language_of(family: Family | None, config: Fields) -> Language:
    """The language part: for a family without a place of its own the top level comes first."""
    if family is not None and family.nested:
        return Language(config.inner(family.nested), config)
    return _generic(config)


def _generic(config: Fields) -> Language:
    """The top level, then the first nested object that could be a language part."""
    for key in _NESTED:
        if config.inner(key):
            return Language(config, config.inner(key))
    return Language(config, config.inner("thinker_config").inner("text_config"))


def problems_of(family: Family, language: Language) -> Iterator[str]:
    """What a file of the family says wrong, in the order of the checks."""
    heads = language.integer("num_attention_heads")
    for key in family.checks:
        value = language.integer(key)
        if value is None and key == "num_key_value_heads":
            value = heads  # files from before grouped attention
        if (value or 0) <= 0:
            yield f"{key} must be positive, got {value or 0}"
    if family.either and not any(language.positive(key) for key in family.either):
        yield f"either {' or '.join(family.either)} must be positive"
    groups = language.integer("num_key_value_heads") or 0
    if family.compares_heads and groups > (heads or 0):
        yield (
            f"num_key_value_heads ({groups}) cannot be greater than num_attention_heads"
            f" ({heads or 0})"
        )


_GEMMA = Family(label="Gemma", checks=_V4)
_QWEN = Family(context=("seq_length", *_MPE))
_QWEN_VL = Family(vision="yes")
_QWEN_3_VL = Family(nested="text_config", vision="yes")
_PLAIN = Family()
_MOE_CHECKS = (*_V2, "n_routed_experts", "num_experts_per_tok")
_JANUS = Family(
    nested="language_config",
    architecture="JanusMultiModalityCausalLM",
    vision="yes",
    default_context=4096,
)

FAMILIES: dict[str, Family] = {
    "llama": Family(
        architecture="LlamaForCausalLM", label="Llama", checks=_V2, compares_heads=True
    ),
    "llama4": Family(
        nested="text_config",
        architecture="Llama4ForConditionalGeneration",
        vision="vision_config",
    ),
    "mllama": Family(
        nested="text_config", architecture="MllamaForConditionalGeneration", vision="yes"
    ),
    "mistral": Family(architecture="MistralModel", label="Mistral", checks=_V2),
    "mixtral": Family(
        architecture="MixtralForCausalLM",
        label="Mixtral",
        checks=(*_V2, "num_local_experts", "num_experts_per_tok"),
    ),
    **dict.fromkeys(("gemma", "gemma2", "gemma3_text"), _GEMMA),
    # The class default of the 4B and larger ones, whose files leave it out.
    "gemma3": Family(nested="text_config", vision="yes", default_context=131072),
    "deepseek_v3": Family(label="DeepSeek V3", checks=_MOE_CHECKS),
    "kimi_k2": Family(label="Kimi-K2", checks=_MOE_CHECKS),
    "deepseek_vl_v2": Family(
        nested="language_config",
        architecture="DeepseekVLV2ForCausalLM",
        vision="yes",
        default_context=4096,
    ),
    **dict.fromkeys(("janus", "multi_modality"), _JANUS),
    "gpt_oss": Family(
        architecture="GptOssForCausalLM",
        label="GPT-OSS",
        checks=(*_V2, "num_local_experts"),
        compares_heads=True,
        either=("num_experts_per_tok", "experts_per_token"),
    ),
    **dict.fromkeys(("qwen", "qwen2", "qwen3", "qwen3_moe"), _QWEN),
    **dict.fromkeys(("qwen2_vl", "qwen2_5_vl"), _QWEN_VL),
    **dict.fromkeys(("qwen3_vl", "qwen3_vl_moe", "qwen3_5", "qwen3_5_moe"), _QWEN_3_VL),
    **dict.fromkeys(("phi", "phi3", "phi3small", "phimoe"), _PLAIN),
    "phi3_v": Family(vision="img_processor"),
    "chatglm": Family(context=("seq_length",)),
    "baichuan": Family(context=("model_max_length", *_MPE)),
    "bert": Family(embeds=True),
    **dict.fromkeys(("cohere", "command-r"), _PLAIN),
    "dbrx": Family(context=("max_seq_len",), architecture="DbrxForCausalLM"),
    **dict.fromkeys(
        ("exaone", "internlm", "internlm2", "minicpm", "minicpm3", "stablelm", "xverse"), _PLAIN
    ),
    "llava": Family(nested="text_config", vision="yes"),
}
"""By ``model_type``, exactly as written; every other type gets the generic rules."""
