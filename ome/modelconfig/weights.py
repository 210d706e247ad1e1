"""Counting parameters in the headers of safetensors files; tensors are never read.

A file begins with eight bytes, the little-endian length of a JSON header, which gives the type,
shape and place of every tensor.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ome.modelconfig.values import LARGEST, ConfigError, Fields, read_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ome.modelconfig.directory import Directory

__all__ = ["HEADER_LIMIT", "Packing", "Weights", "count_weights", "weight_files"]

HEADER_LIMIT = 100_000_000
"""The longest header that the format allows, in bytes."""
_MOST_DIMENSIONS = 64
_SUFFIX = ".safetensors"
_INDEX = ".safetensors.index.json"
_VARIANTS = (".fp16", ".bf16", ".non_ema")
_INT_BYTES = {"I32": 32, "U32": 32, "I8": 8, "U8": 8}
_GROUP_PARTS = (
    ".qzeros",
    ".scales",
    ".g_idx",
    ".weight_scale",
    ".weight_shape",
    ".weight_zero_point",
    ".weight_global_scale",
    ".input_global_scale",
    ".input_scale",
)


@dataclass(frozen=True, slots=True)
class Packing:
    """How quantized weights are packed: several parameters in one stored element."""

    method: str = ""
    bits: int = 0

    @property
    def packs(self) -> bool:
        """Whether a stored element may stand for several parameters."""
        return self.method in ("groups", "mxfp4")

    def count(self, name: str, dtype: str, elements: int) -> int:
        """The parameters that a tensor stands for; 0 for scales and other helpers."""
        if self.method == "mxfp4":
            if name.endswith("_scales"):
                return 0
            return elements * 2 if name.endswith("_blocks") else elements
        if self.method == "fp8":
            return 0 if name.endswith(("_scale_inv", "_scale")) else elements
        if self.method != "groups":
            return elements
        if name.endswith(_GROUP_PARTS):
            return 0
        if name.endswith((".qweight", ".weight_packed")) and dtype in _INT_BYTES and self.bits:
            return elements * _INT_BYTES[dtype] // self.bits
        return elements


@dataclass(frozen=True, slots=True)
class Weights:
    """What headers say: parameters, stored bytes (0 unknown), elements by type, and the rule."""

    parameters: int
    size_bytes: int
    rule: str
    dtypes: Mapping[str, int] = field(default_factory=dict)


def weight_files(directory: Directory, folder: str = "") -> list[str]:
    """The safetensors files that make up the model of a folder, without its subfolders."""
    names = [
        name.removeprefix(folder)
        for name in directory.files()
        if name.startswith(folder) and "/" not in name.removeprefix(folder)
    ]
    found = sorted(name for name in names if name.endswith(_SUFFIX))
    present = set(found)
    if any(name.startswith("model") for name in found):
        found = [name for name in found if not name.startswith("consolidated")]
    return [name for name in found if not _is_variant(name, present)]


def _is_variant(name: str, present: set[str]) -> bool:
    """Whether the file holds the tensors of another one again: in a smaller precision, or as
    they were before they were averaged.
    """
    for variant in _VARIANTS:
        stem = name.removesuffix(_SUFFIX)
        if stem.endswith(variant) and stem.removesuffix(variant) + _SUFFIX in present:
            return True
        # Shards: model.fp16-00001-of-00002.safetensors
        if f"{variant}-" in stem and any(f"{variant}-" not in other for other in present):
            return True
    return False


def count_weights(
    directory: Directory, folder: str = "", packing: Packing | None = None
) -> Weights:
    """The parameters of a folder's weights. Raises ``ConfigError`` when they cannot be known."""
    packing = packing or Packing()
    index = _index_of(directory, folder)
    if index:
        return _count_index(directory, folder, index, packing)
    names = weight_files(directory, folder)
    if not names:
        raise ConfigError(f"no .safetensors files found in directory '{directory.name}/{folder}'")
    return _count_files(directory, folder, names, packing, f"headers of {_files(len(names))}")


def _index_of(directory: Directory, folder: str) -> str:
    names = [
        name.removeprefix(folder)
        for name in directory.files()
        if name.startswith(folder) and name.endswith(_INDEX)
    ]
    found = [name for name in names if "/" not in name]
    order = {"model" + _INDEX: 0, "diffusion_pytorch_model" + _INDEX: 1}
    return min(found, key=lambda name: (order.get(name, 2), len(name), name), default="")


def _count_index(directory: Directory, folder: str, index: str, packing: Packing) -> Weights:
    content = read_json(directory, folder + index)
    metadata = content.inner("metadata")
    total, size = metadata.positive("total_parameters"), metadata.positive("total_size")
    # The libraries that write a total count what is stored, so it says little of packed weights.
    if total and max(total, size) <= LARGEST and not packing.packs:
        return Weights(total, size, f"{index}: total_parameters")
    names = {name for _, name in content.inner("weight_map").members()}
    if not names or not all(isinstance(name, str) and name for name in names):
        raise ConfigError(f"{index} names no shards in weight_map")
    # Only listed files are opened, so a name cannot lead out of the directory.
    missing = sorted(name for name in names if folder + name not in directory.files())
    if missing:
        raise ConfigError(f"{index} names {missing[0]}, which is not there")
    return _count_files(
        directory, folder, sorted(names), packing, f"headers of {_files(len(names))} of {index}"
    )


def _count_files(
    directory: Directory, folder: str, names: list[str], packing: Packing, rule: str
) -> Weights:
    parameters = size = 0
    dtypes: Counter[str] = Counter()
    for name in names:
        for tensor, dtype, elements, stored in _tensors(directory, folder + name):
            counted = packing.count(tensor, dtype, elements)
            parameters += counted
            size += stored
            dtypes[dtype] += counted
    if max(parameters, size) > LARGEST:
        raise ConfigError(
            f"the headers below {directory.name} claim {parameters} parameters in {size} bytes"
        )
    return Weights(parameters, size, rule, dict(dtypes))


def _tensors(directory: Directory, name: str) -> list[tuple[str, str, int, int]]:
    """Name, type, elements and stored bytes of every tensor of a file."""
    try:
        length = int.from_bytes(directory.read(name, 0, 8), "little")
        available = directory.files()[name] - 8
        if not 2 <= length <= min(HEADER_LIMIT, max(available, 0)):
            raise ConfigError(f"{name}: its header claims {length} bytes, no safetensors file")
        header = json.loads(directory.read(name, 8, length))
    except OSError as error:
        raise ConfigError(f"{name}: {error.strerror or type(error).__name__}") from error
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{name}: its header is no JSON") from error
    if not isinstance(header, dict):
        raise ConfigError(f"{name}: its header is no JSON object")
    return [_tensor(name, key, item) for key, item in header.items() if key != "__metadata__"]


def _tensor(file: str, name: str, item: Any) -> tuple[str, str, int, int]:
    fields = Fields(item)
    shape, offsets = fields.raw("shape"), fields.raw("data_offsets")
    if not _naturals(shape):
        raise ConfigError(f"{file}: tensor {name} has no shape of whole numbers")
    stored = offsets[1] - offsets[0] if _naturals(offsets) and len(offsets) == 2 else 0
    return name, fields.text("dtype"), math.prod(shape), max(stored, 0)


def _naturals(value: Any) -> bool:
    """Whether it is a list of a few numbers, each of which a file could mean."""
    return (
        isinstance(value, list)
        and len(value) <= _MOST_DIMENSIONS
        and all(type(item) is int and 0 <= item <= LARGEST for item in value)
    )


def _files(count: int) -> str:
    return "1 file" if count == 1 else f"{count} files"
