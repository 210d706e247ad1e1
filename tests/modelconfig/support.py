"""Directories in memory, and configurations in a line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ome.modelconfig.describe import describe

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ome.modelconfig.record import Record

__all__ = ["DENSE", "LLAMA", "MemoryDirectory", "described", "directory"]

DENSE: dict[str, Any] = {
    "hidden_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "vocab_size": 100,
    "intermediate_size": 128,
    "max_position_embeddings": 4096,
    "num_local_experts": 8,
    "n_routed_experts": 8,
    "num_experts_per_tok": 2,
}
"""Passes the checks of every family."""
LLAMA: dict[str, Any] = {
    "model_type": "llama",
    "architectures": ["LlamaForCausalLM"],
    **{key: value for key, value in DENSE.items() if "experts" not in key},
}


class MemoryDirectory:
    """Files in memory; a file of None is listed and cannot be read."""

    name = "/model"

    def __init__(self, files: Mapping[str, bytes | None]) -> None:
        self._files = dict(files)
        self.read_bytes = 0

    def files(self) -> Mapping[str, int]:
        return {name: len(content or b"") for name, content in self._files.items()}

    def read(self, name: str, start: int = 0, length: int | None = None) -> bytes:
        content = self._files[name]
        if content is None:
            raise PermissionError(13, "Permission denied")
        part = content[start:] if length is None else content[start : start + length]
        self.read_bytes += len(part)
        return part


def directory(files: Mapping[str, Any]) -> MemoryDirectory:
    """Files whose contents are bytes, texts, or values that become JSON."""
    contents: dict[str, bytes | None] = {}
    for name, value in files.items():
        if isinstance(value, str):
            value = value.encode()
        elif value is not None and not isinstance(value, bytes):
            value = json.dumps(value).encode()
        contents[name] = value
    return MemoryDirectory(contents)


def described(config: Mapping[str, Any], **files: Any) -> Record:
    """The record of a ``config.json`` beside further files (``__`` in a name is a dot)."""
    more = {name.replace("__", "."): value for name, value in files.items()}
    return describe(directory({"config.json": dict(config), **more}))
