"""Types, quantization and bytes."""

from __future__ import annotations

from typing import Any

import pytest

from ome.modelconfig.numbers import packing_of, size_bytes, spec_quantization
from ome.modelconfig.values import Fields
from ome.modelconfig.weights import Packing
from tests.modelconfig.support import LLAMA, described

FLOAT8 = {
    "format": "float-quantized",
    "config_groups": {"group_0": {"weights": {"num_bits": 8, "type": "float"}}},
}


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"torch_dtype": "bfloat16"}, "bfloat16"),
        ({"torch_dtype": "torch.float16"}, "float16"),
        ({"dtype": "bfloat16"}, "bfloat16"),
        ({"torch_dtype": "float32", "dtype": "bfloat16"}, "float32"),
        ({}, ""),
        ({"model_type": "chatglm"}, "float16"),
        ({"model_type": "chatglm", "torch_dtype": "bfloat16"}, "bfloat16"),
        ({"model_type": "qwen3_5", "text_config": {"dtype": "bfloat16"}}, "bfloat16"),
        ({"model_type": "qwen3_5_moe", "text_config": {"dtype": "float8_e4m3fn"}}, "float8_e4m3fn"),
        ({"model_type": "llava", "text_config": {"torch_dtype": "float16"}}, "float16"),
        ({"model_type": "janus", "language_config": {"torch_dtype": "bfloat16"}}, "bfloat16"),
        ({"model_type": "new", "llm_config": {"torch_dtype": "float16"}}, "float16"),
        (
            {"model_type": "llama4", "torch_dtype": "bfloat16", "quantization_config": FLOAT8},
            "float8",
        ),
        (
            {
                "model_type": "llama4",
                "torch_dtype": "bfloat16",
                "quantization_config": {**FLOAT8, "format": "pack-quantized"},
            },
            "bfloat16",
        ),
    ],
)
def test_types(config: dict[str, Any], expected: str) -> None:
    assert described({**LLAMA, **config}).torch_dtype == expected


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [
        ("float32", 4000), ("float", 4000), ("bfloat16", 2000), ("bf16", 2000), ("float16", 2000),
        ("fp16", 2000), ("half", 2000), ("int8", 1000), ("fp8", 1000), ("float8", 1000),
        ("e4m3", 1000), ("int4", 500), ("4bit", 500), ("strange", 4000), ("", 2000),
        ("float8_e4m3fn", 1000), ("float8_e5m2", 1000), ("fp8_e4m3", 1000), ("uint8", 1000),
        ("float64", 8000), ("BFloat16", 2000),
    ],
)  # fmt: skip
def test_bytes(dtype: str, expected: int) -> None:
    assert size_bytes(1000, dtype) == expected


def test_half_bytes_are_rounded_down() -> None:
    assert size_bytes(3, "int4") == 1


@pytest.mark.parametrize(
    ("method", "dtype", "expected"),
    [
        ("fp8", "", "fp8"),
        ("fbgemm_fp8", "", "fp8"),
        ("FP8-E4M3", "", "fp8"),
        ("gptq_int4", "", "int4"),
        ("int4_fp8", "", "int4"),
        ("mxfp4", "", ""),
        ("gptq", "", ""),
        ("awq", "", ""),
        ("bitsandbytes", "", ""),
        ("compressed-tensors", "", ""),
        ("float-quantized", "float8", "fp8"),
        ("float-quantized", "bfloat16", ""),
        ("", "float8", ""),
    ],
)
def test_spec_values(method: str, dtype: str, expected: str) -> None:
    assert spec_quantization(method, dtype) == expected


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"quantization_config": {"quant_method": "fp8"}}, "fp8"),
        ({"model_type": "mistral", "quantization_config": {"quant_method": "fp8"}}, "fp8"),
        ({"model_type": "phi3", "quantization_config": {"quant_method": "awq"}}, "awq"),
        ({"quantization_config": {"bits": 4}}, ""),
        ({"quantization_config": None}, ""),
        ({"model_type": "llama4", "quantization_config": FLOAT8}, "float-quantized"),
        (
            {"model_type": "new", "text_config": {"quantization_config": {"quant_method": "fp8"}}},
            "fp8",
        ),
        (
            {
                "model_type": "new",
                "quantization_config": {"quant_method": "awq"},
                "text_config": {"quantization_config": {"quant_method": "fp8"}},
            },
            "awq",
        ),
        (
            {
                "model_type": "gemma3",
                "quantization_config": {"quant_method": "awq"},
                "text_config": {"quantization_config": {"quant_method": "fp8"}},
            },
            "awq",
        ),
        ({}, ""),
    ],
)
def test_methods(config: dict[str, Any], expected: str) -> None:
    assert described({**LLAMA, **config}).quantization_method == expected


@pytest.mark.parametrize(
    ("quantization", "expected"),
    [
        ({"quant_method": "gptq", "bits": 4}, Packing("groups", 4)),
        ({"quant_method": "awq", "w_bit": 4}, Packing("groups", 4)),
        (
            {
                "quant_method": "compressed-tensors",
                "config_groups": {"group_0": {"weights": {"num_bits": 4}}},
            },
            Packing("groups", 4),
        ),
        ({"quant_method": "mxfp4"}, Packing("mxfp4")),
        ({"quant_method": "fbgemm_fp8"}, Packing("fp8")),
        ({"quant_method": "bitsandbytes"}, Packing()),
        (None, Packing()),
    ],
)
def test_packings(quantization: Any, expected: Packing) -> None:
    assert packing_of(Fields(quantization)) == expected
