"""Each family's context, architecture, vision and checks."""

from __future__ import annotations

from typing import Any

import pytest

from ome.modelconfig.families import FAMILIES
from ome.modelconfig.values import ConfigError
from tests.modelconfig.support import DENSE, LLAMA, described

MPE = "max_position_embeddings"
PLAIN = [
    "llama", "mistral", "mixtral", "gemma", "gemma2", "gemma3_text", "deepseek_v3", "kimi_k2",
    "gpt_oss", "qwen", "qwen2", "qwen3", "qwen3_moe", "qwen2_vl", "qwen2_5_vl", "phi", "phi3",
    "phi3small", "phimoe", "phi3_v", "baichuan", "bert", "cohere", "command-r", "exaone",
    "internlm", "internlm2", "minicpm", "minicpm3", "stablelm", "xverse",
]  # fmt: skip
IN_TEXT = [
    "llama4", "mllama", "gemma3", "qwen3_vl", "qwen3_vl_moe", "qwen3_5", "qwen3_5_moe", "llava",
]  # fmt: skip
IN_LANGUAGE = ["deepseek_vl_v2", "janus", "multi_modality"]


def test_every_family_is_in_a_table() -> None:
    assert set(FAMILIES) == {*PLAIN, *IN_TEXT, *IN_LANGUAGE, "chatglm", "dbrx"}


@pytest.mark.parametrize("key", PLAIN)
def test_context_at_the_top(key: str) -> None:
    record = described({**DENSE, "model_type": key})
    assert record.context_length == 4096
    assert record.family == record.model_type == key


@pytest.mark.parametrize("key", IN_TEXT)
def test_context_in_the_text_part(key: str) -> None:
    config = {**DENSE, "model_type": key, "text_config": {MPE: 777}}
    assert described(config).context_length == 777
    assert described({**DENSE, "model_type": key}).context_length == 4096


@pytest.mark.parametrize("key", IN_LANGUAGE)
def test_context_in_the_language_part(key: str) -> None:
    config: dict[str, Any] = {"model_type": key, "language_config": {MPE: 777}}
    assert described(config).context_length == 777
    assert described({"model_type": key}).context_length == 4096


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"model_type": "qwen", "seq_length": 8192, MPE: 100}, 8192),
        ({"model_type": "qwen2", "seq_length": 0, MPE: 100}, 100),
        ({"model_type": "chatglm", "seq_length": 131072, MPE: 5}, 131072),
        ({"model_type": "baichuan", "model_max_length": 4096, MPE: 5}, 4096),
        ({"model_type": "baichuan", "model_max_length": 0, MPE: 5}, 5),
        ({"model_type": "dbrx", "max_seq_len": 32768}, 32768),
        ({"model_type": "gemma3", "text_config": {"sliding_window": 1024}}, 131072),
        ({"model_type": "gemma3", "text_config": {MPE: 32768}}, 32768),
        (
            {
                "model_type": "gemma3",
                "text_config": {"sliding_window": 1024, "rope_scaling": {"factor": 8.0}},
            },
            131072,
        ),
        ({**DENSE, "model_type": "mistral", "sliding_window": 99}, 4096),
        (
            {
                **DENSE,
                "model_type": "llama",
                "rope_scaling": {"factor": 8.0, "original_max_position_embeddings": 8192},
            },
            4096,
        ),
        ({"model_type": "llama4", "text_config": {MPE: 10485760}}, 10485760),
        ({"model_type": "llava", MPE: 2048}, 2048),
    ],
)
def test_special_contexts(config: dict[str, Any], expected: int) -> None:
    assert described(config).context_length == expected


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("llama", "LlamaForCausalLM"),
        ("llama4", "Llama4ForConditionalGeneration"),
        ("mllama", "MllamaForConditionalGeneration"),
        ("mistral", "MistralModel"),
        ("mixtral", "MixtralForCausalLM"),
        ("deepseek_vl_v2", "DeepseekVLV2ForCausalLM"),
        ("janus", "JanusMultiModalityCausalLM"),
        ("multi_modality", "JanusMultiModalityCausalLM"),
        ("gpt_oss", "GptOssForCausalLM"),
        ("dbrx", "DbrxForCausalLM"),
        ("gemma", ""),
        ("kimi_k2", ""),
        ("qwen3", ""),
        ("nobody_knows", ""),
    ],
)
@pytest.mark.parametrize("named", [None, [], [None], "text", [3]])
def test_default_architectures(key: str, expected: str, named: Any) -> None:
    record = described({**DENSE, "model_type": key, "architectures": named})
    assert record.architecture == expected


def test_the_first_architecture_counts_and_both_names_are_kept() -> None:
    config = {**DENSE, "model_type": "kimi_k2", "architectures": ["DeepseekV3ForCausalLM", "B"]}
    record = described(config)
    assert (record.model_type, record.architecture) == ("kimi_k2", "DeepseekV3ForCausalLM")


ALWAYS = {
    "mllama", "gemma3", "deepseek_vl_v2", "janus", "multi_modality", "qwen2_vl", "qwen2_5_vl",
    "qwen3_vl", "qwen3_vl_moe", "qwen3_5", "qwen3_5_moe", "llava",
}  # fmt: skip


@pytest.mark.parametrize("key", sorted(FAMILIES))
def test_vision(key: str) -> None:
    assert described({**DENSE, "model_type": key}).has_vision == (key in ALWAYS)


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"model_type": "llama4", "vision_config": {"x": 1}}, True),
        ({"model_type": "llama4", "vision_config": None}, False),
        ({"model_type": "phi3_v", "img_processor": {"name": "clip"}}, True),
        ({"model_type": "phi3_v", "img_processor": "clip"}, False),
        ({"model_type": "llama", "vision_config": {"x": 1}}, False),
        ({"model_type": "other", "vision_config": {}}, True),
        ({"model_type": "other", "vision_config": None}, False),
        ({"model_type": "other", "text_config": {"vision_config": {"a": 1}}}, False),
    ],
)
def test_vision_that_depends_on_the_file(config: dict[str, Any], expected: bool) -> None:
    assert described({**DENSE, **config}).has_vision is expected


CHECKED = {
    "llama": "Llama",
    "mistral": "Mistral",
    "mixtral": "Mixtral",
    "gemma": "Gemma",
    "gemma2": "Gemma",
    "gemma3_text": "Gemma",
    "deepseek_v3": "DeepSeek V3",
    "kimi_k2": "Kimi-K2",
    "gpt_oss": "GPT-OSS",
}
V2 = ["hidden_size", "num_hidden_layers", "num_attention_heads", "vocab_size", MPE]


def refusal(config: dict[str, Any]) -> str:
    with pytest.raises(ConfigError) as raised:
        described(config)
    return str(raised.value)


@pytest.mark.parametrize(("key", "label"), CHECKED.items())
def test_checks_of_dimensions(key: str, label: str) -> None:
    keys = [name for name in V2 if label != "Gemma" or name != MPE]
    for name in keys:
        for value in (0, -1, None, "x"):
            text = refusal({**DENSE, "model_type": key, name: value})
            number = value if isinstance(value, int) else 0
            assert text == (
                "failed to parse config file with hf_model_config: invalid"
                f" {label} configuration in '/model/config.json': {name} must be positive, got"
                f" {number}"
            )


@pytest.mark.parametrize("key", sorted(set(FAMILIES) - set(CHECKED)))
def test_families_without_checks_take_a_bare_file(key: str) -> None:
    assert described({"model_type": key}).parameter_count == 0


@pytest.mark.parametrize(
    ("config", "problem"),
    [
        (
            {"model_type": "llama", "num_key_value_heads": 0},
            "num_key_value_heads must be positive, got 0",
        ),
        (
            {"model_type": "llama", "num_key_value_heads": 8},
            "num_key_value_heads (8) cannot be greater than num_attention_heads (4)",
        ),
        (
            {"model_type": "gpt_oss", "num_key_value_heads": 8},
            "num_key_value_heads (8) cannot be greater than num_attention_heads (4)",
        ),
        (
            {"model_type": "mixtral", "num_local_experts": 0},
            "num_local_experts must be positive, got 0",
        ),
        (
            {"model_type": "mixtral", "num_experts_per_tok": None},
            "num_experts_per_tok must be positive, got 0",
        ),
        (
            {"model_type": "kimi_k2", "n_routed_experts": 0},
            "n_routed_experts must be positive, got 0",
        ),
        (
            {"model_type": "deepseek_v3", "num_experts_per_tok": 0},
            "num_experts_per_tok must be positive, got 0",
        ),
        (
            {"model_type": "gpt_oss", "num_experts_per_tok": 0},
            "either num_experts_per_tok or experts_per_token must be positive",
        ),
        (
            {"model_type": "llama", "hidden_size": 0, "vocab_size": 0},
            "hidden_size must be positive, got 0",
        ),
    ],
)
def test_further_checks(config: dict[str, Any], problem: str) -> None:
    assert refusal({**DENSE, **config}).endswith(f": {problem}")


@pytest.mark.parametrize(
    "config",
    [
        {"model_type": "llama", "num_key_value_heads": None},
        {"model_type": "mistral", "num_key_value_heads": 8},
        {"model_type": "gpt_oss", "num_experts_per_tok": None, "experts_per_token": 4},
        {"model_type": "gemma", "num_key_value_heads": 0, MPE: 0},
    ],
)
def test_files_that_pass(config: dict[str, Any]) -> None:
    assert described({**DENSE, **config}).family == config["model_type"]


@pytest.mark.parametrize("key", ["Llama", " llama", "llama ", "LLAMA", "llama5"])
def test_other_spellings_get_the_generic_rules(key: str) -> None:
    record = described({**LLAMA, "model_type": key})
    assert record.family == ""
    assert record.model_type == key
    assert record.rules["family"] == "generic rules"


@pytest.mark.parametrize(
    "config", [{}, {"model_type": ""}, {"model_type": None}, {"model_type": 3}]
)
def test_a_file_without_a_type(config: dict[str, Any]) -> None:
    assert refusal({**DENSE, **config}).endswith(
        "model_type or _class_name field is missing or empty in config file '/model/config.json'"
    )
