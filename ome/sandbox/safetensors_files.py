"""Tiny but genuine safetensors files and repositories."""

from __future__ import annotations

import json
import math
import random
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Tensor", "llama_repository", "safetensors", "shard_index"]

Tensor = tuple[str, "Sequence[int]"]
"""A type such as ``F32`` and a shape."""
_BITS = {"F32": 32, "F16": 16, "BF16": 16, "I32": 32, "U8": 8, "I8": 8, "F8_E4M3": 8, "I64": 64}


def safetensors(tensors: Mapping[str, Tensor], *, seed: int = 0) -> bytes:
    """A whole file: header, and data drawn from the seed."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    end = 0
    for name, (dtype, shape) in tensors.items():
        start, end = end, end + math.prod(shape) * _BITS[dtype] // 8
        header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [start, end]}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + random.Random(seed).randbytes(end)


def shard_index(shards: Mapping[str, Mapping[str, Tensor]], **metadata: int) -> bytes:
    """A ``model.safetensors.index.json`` of these shards."""
    places = {name: shard for shard, tensors in shards.items() for name in tensors}
    return json.dumps({"metadata": metadata, "weight_map": places}).encode()


def llama_repository(shards: int = 2, *, seed: int = 0) -> dict[str, bytes]:
    """The files of a Llama of 92,564 parameters, as a hub would list them."""
    config = {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "intermediate_size": 64,
        "vocab_size": 1000,
        "max_position_embeddings": 2048,
        "torch_dtype": "float32",
        "transformers_version": "4.43.0",
        "eos_token_id": [1, 2],
    }
    files = {
        "config.json": json.dumps(config).encode(),
        "tokenizer.json": b'{"version": "1.0"}',
        "README.md": "# tiny \u00fcber model\n".encode(),
        ".gitattributes": b"",
        "original/notes.txt": b"not needed\n",
    }
    each = 92_564 // shards
    names = [f"model-{n + 1:05}-of-{shards:05}.safetensors" for n in range(shards)]
    layout: dict[str, dict[str, Tensor]] = {
        name: {f"layer.{n}.weight": ("F32", [each])} for n, name in enumerate(names)
    }
    for n, name in enumerate(names):
        files[name] = safetensors(layout[name], seed=seed + n)
    files["model.safetensors.index.json"] = shard_index(layout)
    return files
