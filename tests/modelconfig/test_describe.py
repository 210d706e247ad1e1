"""The whole record: what is believed first, embeddings, formats, rules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from ome.modelconfig.describe import describe
from ome.modelconfig.directory import LocalDirectory
from ome.modelconfig.spec import rules_of, spec_values
from ome.modelconfig.values import ConfigError
from ome.sandbox.safetensors_files import llama_repository, safetensors
from tests.modelconfig.support import DENSE, LLAMA, described, directory

if TYPE_CHECKING:
    from pathlib import Path


def test_the_tiny_model_on_a_disk(tmp_path: Path) -> None:
    for name, content in llama_repository().items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    record = describe(LocalDirectory(tmp_path))
    assert record.parameter_count == 92_564
    assert record.model_size_bytes == 370_256
    assert record.context_length == 2048
    assert record.transformers_version == "4.43.0"
    assert record.torch_dtype == "float32"
    assert record.config_file == "config.json"
    assert record.notes == ()


def test_weights_win_over_a_known_size_and_that_over_the_formula() -> None:
    known = {**LLAMA, "hidden_size": 8192, "num_hidden_layers": 80}
    weights = safetensors({"w": ("F16", [5])})
    with_weights = described(known, model__safetensors=weights)
    assert (with_weights.parameter_count, with_weights.model_size_bytes) == (5, 10)
    assert described(known).parameter_count == 70 * 10**9
    assert described(LLAMA).rules["modelParameterSize"] == "formula on the dimensions"


@pytest.mark.parametrize(
    "weights", [b"version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 5\n", b"", None]
)
def test_weights_that_cannot_be_read_are_a_note(weights: bytes | None) -> None:
    record = described(LLAMA, model__safetensors=weights)
    assert record.rules["modelParameterSize"] == "formula on the dimensions"
    assert record.notes[0].startswith("parameters not counted from weights: ")


def test_missing_shards_are_a_note() -> None:
    files = llama_repository()
    del files["model-00002-of-00002.safetensors"]
    record = describe(directory(files))
    assert "model-00002-of-00002.safetensors, which is not there" in record.notes[0]
    assert record.parameter_count > 0


def test_sizes_without_weights_come_from_the_type() -> None:
    record = described({**LLAMA, "torch_dtype": "float16"})
    assert record.model_size_bytes == 2 * record.parameter_count


@pytest.mark.parametrize("key", ["llama4", "gemma3", "deepseek_vl_v2", "qwen3_vl", "llava", "new"])
def test_the_file_itself_says_which_release_wrote_it(key: str) -> None:
    part = "language_config" if key == "deepseek_vl_v2" else "text_config"
    config = {"model_type": key, "transformers_version": "4.51.0"}
    inner: dict[str, Any] = {part: {"transformers_version": "4.40.0"}}
    assert described({**config, **inner}).transformers_version == "4.51.0"
    assert described({"model_type": key, **inner}).transformers_version == "4.40.0"


def test_packed_weights_of_a_wrapped_language_model() -> None:
    groups = {"group_0": {"weights": {"num_bits": 4, "type": "int"}}}
    packed = {"quant_method": "compressed-tensors", "config_groups": groups}
    config = {"model_type": "new", "text_config": {"quantization_config": packed}}
    weights = safetensors({"w.weight_packed": ("I32", [10]), "w.weight_scale": ("BF16", [5])})
    assert described(config, model__safetensors=weights).parameter_count == 80


@pytest.mark.parametrize("huge", [float("inf"), 1e30, 10**30])
@pytest.mark.parametrize("key", ["max_position_embeddings", "vocab_size", "intermediate_size"])
def test_numbers_beyond_all_measure_stop_nothing(key: str, huge: float) -> None:
    """The most tokens of a tokenizer without a bound are 1e30; all that is told fits 64 bits."""
    record = described({**LLAMA, key: huge})
    told = msgspec.json.decode(msgspec.json.encode(spec_values(record)))
    if key == "max_position_embeddings":
        assert told["maxTokens"] == 2**31 - 1
        assert told["modelConfiguration"]["context_length"] == 2**63 - 1
    else:
        assert "modelParameterSize" not in told


def test_texts_beyond_all_measure_are_not_told() -> None:
    """What is told of a model goes into a line, and beside the other models of a node."""
    long = "x" * 100_000
    config = {**LLAMA, "architectures": [long], "torch_dtype": long, "transformers_version": long}
    record = described(config)
    assert (record.architecture, record.torch_dtype) == ("LlamaForCausalLM", "")
    assert len(msgspec.json.encode(spec_values(record))) < 1000
    with pytest.raises(ConfigError, match="model_type or _class_name field is missing"):
        described({**LLAMA, "model_type": long})


def test_an_index_that_claims_too_much_is_not_believed() -> None:
    index = {"metadata": {"total_parameters": 10**30}, "weight_map": {"w": "a.safetensors"}}
    files = {"a.safetensors": safetensors({"w": ("F16", [5])})}
    held = {"config.json": LLAMA, "model.safetensors.index.json": index, **files}
    assert describe(directory(held)).parameter_count == 5


POOL = [{"idx": 0, "type": "x.Transformer"}, {"type": "sentence_transformers.models.Pooling"}]


@pytest.mark.parametrize(
    ("config", "files", "expected"),
    [
        ({"model_type": "bert"}, {}, True),
        ({"model_type": "mistral", "architectures": ["MistralModel"]}, {}, True),
        ({"model_type": "mistral", "architectures": None}, {}, True),
        ({"model_type": "mistral", "architectures": ["MistralForCausalLM"]}, {}, False),
        ({}, {}, False),
        ({}, {"config_sentence_transformers.json": {"similarity_fn_name": "cosine"}}, True),
        ({}, {"config_sentence_transformers.json": {"similarity_fn_name": ""}}, False),
        ({}, {"config_sentence_transformers.json": {"similarity_fn_name": None}}, False),
        ({}, {"config_sentence_transformers.json": b"{"}, False),
        ({}, {"config_sentence_transformers.json": None}, False),
        ({}, {"sub/config_sentence_transformers.json": {"similarity_fn_name": "dot"}}, False),
        ({}, {"modules.json": POOL}, True),
        ({}, {"modules.json": POOL[:1]}, False),
        ({}, {"modules.json": {"type": "Pooling"}}, False),
        ({}, {"modules.json": [3, None]}, False),
        ({"model_type": "qwen3"}, {"modules.json": POOL}, True),
        ({"model_type": "new"}, {"modules.json": POOL}, True),
    ],
)
def test_embeddings(config: dict[str, Any], files: dict[str, Any], expected: bool) -> None:
    held = {"config.json": {**DENSE, **LLAMA, **config}, **files}
    record = describe(directory(held))
    assert record.is_embedding is expected
    assert bool(record.rules["is_embedding"]) is expected


def test_neighbours_count_only_beside_the_chosen_file() -> None:
    held = directory(
        {
            "model/config.json": LLAMA,
            "model/model.safetensors": safetensors({"w": ("F16", [5])}),
            "model.safetensors": safetensors({"w": ("F16", [500])}),
            "model/modules.json": POOL,
        }
    )
    record = describe(held)
    assert record.parameter_count == 5
    assert record.is_embedding


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["a.safetensors", "b.bin"], "safetensors"),
        (["x/a.safetensors", "b.bin"], "safetensors"),
        (["pytorch_model.bin"], "pytorch"),
        (["m.gguf"], "gguf"),
        (["m.onnx"], "onnx"),
        (["rank0.engine"], "tensorrtllm"),
        (["m.onnx", "m.gguf"], "gguf"),
        ([], "safetensors"),
    ],
)
def test_formats(names: list[str], expected: str) -> None:
    files: dict[str, Any] = dict.fromkeys(names, b"")
    assert describe(directory({"config.json": LLAMA, **files})).format_name == expected


def test_a_rule_names_no_files_that_are_not_there() -> None:
    rules = rules_of(described(LLAMA))
    assert rules["modelFormat"] == "default, as there are no weights"
    assert rules["modelFramework"] == "default, no version told"
    rules = rules_of(described({**LLAMA, "transformers_version": "4.43.0"}))
    assert rules["modelFramework"] == "transformers_version"


def test_packed_weights_of_a_quantized_model() -> None:
    quantized = {**LLAMA, "quantization_config": {"quant_method": "awq", "bits": 4}}
    tensors = {"a.qweight": ("I32", (10,)), "a.scales": ("F16", (4,))}
    record = described(quantized, model__safetensors=safetensors(tensors))
    assert record.parameter_count == 80
    assert record.model_size_bytes == 48
