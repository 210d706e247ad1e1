"""The type of a model's numbers, how they are quantized and packed, and their bytes. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ome.modelconfig.values import LARGEST, Fields
from ome.modelconfig.weights import Packing

if TYPE_CHECKING:
    from ome.modelconfig.families import Language

__all__ = [
    "packing_of",
    "quantization_method",
    "quantization_of",
    "size_bytes",
    "spec_quantization",
    "torch_dtype",
]

_HALVES = {
    **dict.fromkeys(("float32", "float"), 8),
    "float64": 16,
    **dict.fromkeys(("bfloat16", "bf16", "float16", "fp16", "half", ""), 4),
    **dict.fromkeys(("int8", "uint8", "e4m3"), 2),
    **dict.fromkeys(("int4", "4bit"), 1),
}
"""Half bytes for each parameter."""


def torch_dtype(model_type: str, config: Fields, language: Language) -> tuple[str, str]:
    """The type as the file has it, without ``torch.``, and the rule that found it."""
    if model_type == "llama4" and _is_float8(config.inner("quantization_config")):
        return "float8", "quantization_config: 8-bit floats"
    for where, fields in (
        ("", config),
        ("language part: ", language.first),
        ("language part: ", language.second),
    ):
        for key in ("torch_dtype", "dtype"):
            found = fields.text(key)
            if found:
                return found.removeprefix("torch."), f"{where}{key}"
    if model_type == "chatglm":
        return "float16", "default of chatglm"
    return "", ""


def _is_float8(quantization: Fields) -> bool:
    weights = quantization.inner("config_groups").inner("group_0").inner("weights")
    return (
        quantization.text("format") == "float-quantized"
        and weights.integer("num_bits") == 8
        and weights.text("type") == "float"
    )


def quantization_of(config: Fields, language: Language) -> Fields:
    """The object that says how the weights are quantized: of the model, else of its language part.

    Empty when there is none.
    """
    for fields in (config, language.first, language.second):
        found = fields.inner("quantization_config")
        if found:
            return found
    return Fields()


def quantization_method(model_type: str, quantization: Fields) -> str:
    """The method as the file names it; empty for none."""
    return quantization.text("format" if model_type == "llama4" else "quant_method")


def spec_quantization(method: str, dtype: str) -> str:
    """The value that runtimes match on: ``int4``, ``fp8`` or nothing."""
    lowered = method.lower()
    if "int4" in lowered:
        return "int4"
    if "fp8" in lowered or (lowered == "float-quantized" and dtype == "float8"):
        return "fp8"
    return ""


def packing_of(quantization: Fields) -> Packing:
    """How the tensors of weights that are quantized so are packed."""
    method = quantization.text("quant_method").lower()
    if method == "mxfp4":
        return Packing("mxfp4")
    if method in ("gptq", "awq"):
        return Packing("groups", quantization.positive("bits", "w_bit"))
    if method == "compressed-tensors":
        return Packing("groups", _group_bits(quantization))
    return Packing("fp8") if "fp8" in method else Packing()


def _group_bits(quantization: Fields) -> int:
    for _, group in quantization.inner("config_groups").members():
        bits = Fields(group).inner("weights").positive("num_bits")
        if bits:
            return bits
    return 0


def size_bytes(parameters: int, dtype: str) -> int:
    """The bytes of that many parameters of a type, rounded down."""
    lowered = dtype.lower()
    halves = 2 if lowered.startswith(("float8", "fp8")) else _HALVES.get(lowered, 8)
    return min(parameters * halves // 2, LARGEST)
