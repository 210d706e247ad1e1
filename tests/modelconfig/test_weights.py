"""Counting in headers."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ome.modelconfig.values import ConfigError
from ome.modelconfig.weights import Packing, count_weights, weight_files
from ome.sandbox.safetensors_files import Tensor, llama_repository, safetensors, shard_index
from tests.modelconfig.support import directory

ONE: dict[str, Tensor] = {"w": ("F32", [2, 3])}


def header(value: Any) -> bytes:
    text = json.dumps(value).encode()
    return len(text).to_bytes(8, "little") + text


def test_the_tiny_model() -> None:
    weights = count_weights(directory(llama_repository()))
    assert weights.parameters == 92_564
    assert weights.size_bytes == 92_564 * 4
    assert weights.rule == "headers of 2 files of model.safetensors.index.json"


def test_only_headers_are_read() -> None:
    held = directory({"model.safetensors": safetensors({"w": ("F32", [1000, 1000])})})
    assert count_weights(held).parameters == 1_000_000
    assert held.read_bytes < 1000


@pytest.mark.parametrize(
    ("tensors", "expected"),
    [
        ({"w": ("F32", [2, 3]), "b": ("F32", [4])}, 10),
        ({"scalar": ("F32", [])}, 1),
        ({"empty": ("F32", [0, 5])}, 0),
    ],
)
def test_shapes(tensors: dict[str, Tensor], expected: int) -> None:
    assert count_weights(directory({"a.safetensors": safetensors(tensors)})).parameters == expected


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["a.safetensors", "b.safetensors"], ["a.safetensors", "b.safetensors"]),
        (["model.safetensors", "consolidated.safetensors"], ["model.safetensors"]),
        (["consolidated.safetensors"], ["consolidated.safetensors"]),
        (["model.safetensors", "model.fp16.safetensors"], ["model.safetensors"]),
        (["m.bf16.safetensors", "m.safetensors"], ["m.safetensors"]),
        (["model.fp16.safetensors"], ["model.fp16.safetensors"]),
        (["m.non_ema.safetensors", "m.safetensors"], ["m.safetensors"]),
        (["sub/x.safetensors", "model.safetensors"], ["model.safetensors"]),
        (["model.bin", "x.safetensors.part"], []),
    ],
)
def test_the_files_that_count(names: list[str], expected: list[str]) -> None:
    assert weight_files(directory(dict.fromkeys(names, b""))) == expected


def test_two_shards_with_equal_names_and_no_index_count_twice() -> None:
    held = directory({"a.safetensors": safetensors(ONE), "b.safetensors": safetensors(ONE)})
    assert count_weights(held).parameters == 12


def test_the_index_wins_over_a_whole_file() -> None:
    held = directory(
        {
            "model.safetensors": safetensors({"w": ("F32", [100])}),
            "part.safetensors": safetensors(ONE),
            "model.safetensors.index.json": shard_index({"part.safetensors": ONE}),
        }
    )
    assert count_weights(held).parameters == 6


def test_a_total_in_the_index_opens_no_shard() -> None:
    held = directory(
        {"model.safetensors.index.json": shard_index({}, total_parameters=7, total_size=14)}
    )
    weights = count_weights(held)
    assert (weights.parameters, weights.size_bytes) == (7, 14)
    assert "total_parameters" in weights.rule


@pytest.mark.parametrize(
    ("packing", "tensors", "expected"),
    [
        (Packing("groups", 4), {"a.qweight": ("I32", [10])}, 80),
        (Packing("mxfp4"), {"a_blocks": ("U8", [10])}, 20),
        (Packing("fp8"), {"a.weight": ("F8_E4M3", [10])}, 7),
    ],
)
def test_a_total_counts_stored_elements_so_packed_ones_are_counted_again(
    packing: Packing, tensors: dict[str, Tensor], expected: int
) -> None:
    held = directory(
        {
            "x.safetensors": safetensors(tensors),
            "model.safetensors.index.json": shard_index(
                {"x.safetensors": tensors}, total_parameters=7
            ),
        }
    )
    assert count_weights(held, packing=packing).parameters == expected


def test_an_index_of_another_name_and_one_in_a_folder() -> None:
    name = "diffusion_pytorch_model.safetensors.index.json"
    held = directory(
        {"vae/" + name: shard_index({"x.safetensors": ONE}), "vae/x.safetensors": safetensors(ONE)}
    )
    assert count_weights(held, "vae/").parameters == 6
    with pytest.raises(ConfigError, match="safetensors files found in directory"):
        count_weights(held)


@pytest.mark.parametrize(
    ("files", "text"),
    [
        ({}, "no .safetensors files found in directory '/model/'"),
        ({"a.safetensors": b"version https://git-lfs.github.com/spec/v1"}, "no safetensors file"),
        ({"a.safetensors": b"\x01"}, "no safetensors file"),
        ({"a.safetensors": b""}, "no safetensors file"),
        ({"a.safetensors": (200_000_000).to_bytes(8, "little") + b"{}"}, "no safetensors file"),
        ({"a.safetensors": (2).to_bytes(8, "little") + b"x}"}, "its header is no JSON"),
        ({"a.safetensors": header([1])}, "its header is no JSON object"),
        ({"a.safetensors": header({"w": {"dtype": "F32", "shape": [-1]}})}, "has no shape"),
        ({"a.safetensors": header({"w": {"dtype": "F32", "shape": [1.5]}})}, "has no shape"),
        ({"a.safetensors": header({"w": {"dtype": "F32"}})}, "has no shape"),
        ({"a.safetensors": header({"w": {"shape": [2**40, 2**40]}})}, "claim"),
        ({"a.safetensors": None}, "Permission denied"),
        ({"model.safetensors.index.json": {"weight_map": {}}}, "names no shards"),
        ({"model.safetensors.index.json": {"weight_map": {"w": ""}}}, "names no shards"),
        ({"model.safetensors.index.json": {"weight_map": {"w": 1}}}, "names no shards"),
        ({"model.safetensors.index.json": {"weight_map": {"w": "x"}}}, "names x, which is not"),
        (
            {"model.safetensors.index.json": {"weight_map": {"w": "../../etc/passwd"}}},
            "which is not there",
        ),
    ],
)
def test_weights_that_cannot_be_counted(files: dict[str, Any], text: str) -> None:
    with pytest.raises(ConfigError, match="(?s).*" + text.replace("(", ".")):
        count_weights(directory(files))


def test_a_large_header_is_read() -> None:
    tensors: dict[str, Tensor] = {
        f"model.layers.{n}.expert.weight": ("U8", [1]) for n in range(40_000)
    }
    content = safetensors(tensors)
    assert len(content) > 3_000_000
    assert count_weights(directory({"a.safetensors": content})).parameters == 40_000


@pytest.mark.parametrize(
    ("packing", "tensors", "expected"),
    [
        (
            Packing("groups", 4),
            {
                "a.qweight": ("I32", [8, 10]),
                "a.qzeros": ("I32", [2]),
                "a.scales": ("F16", [4]),
                "a.g_idx": ("I32", [8]),
                "norm": ("F16", [5]),
            },
            645,
        ),
        (Packing("groups", 8), {"a.weight_packed": ("I32", [10])}, 40),
        (Packing("groups", 4), {"a.weight_packed": ("U8", [10])}, 20),
        (
            Packing("groups", 4),
            {
                "a.weight_packed": ("I32", [1]),
                "a.weight_scale": ("F16", [9]),
                "a.weight_shape": ("I64", [2]),
                "a.weight_zero_point": ("I32", [2]),
            },
            8,
        ),
        (Packing("mxfp4"), {"e_blocks": ("U8", [10]), "e_scales": ("U8", [3])}, 20),
        (
            Packing("fp8"),
            {
                "w": ("F8_E4M3", [10]),
                "w_scale_inv": ("F32", [2]),
                "w.weight_scale": ("F32", [1]),
            },
            10,
        ),
        (
            Packing("groups", 4),
            {
                "a.weight_packed": ("U8", [10]),
                "a.weight_scale": ("F8_E4M3", [5]),
                "a.weight_global_scale": ("F32", [1]),
                "a.input_global_scale": ("F32", [1]),
                "b.input_scale": ("F32", [1]),
            },
            20,
        ),
        (Packing(), {"w_scale": ("F32", [2])}, 2),
    ],
)
def test_packed_weights(packing: Packing, tensors: dict[str, Tensor], expected: int) -> None:
    held = directory({"model.safetensors": safetensors(tensors)})
    assert count_weights(held, packing=packing).parameters == expected


def test_two_hundred_shards_read_nothing_but_headers() -> None:
    tensors: dict[str, Tensor] = {f"model.layers.{n}.w": ("U8", [2]) for n in range(500)}
    shard = safetensors(tensors)
    names = [f"model-{n:05}-of-00200.safetensors" for n in range(200)]
    held = directory(dict.fromkeys(names, shard))
    assert count_weights(held).parameters == 200_000
    assert held.read_bytes < 200 * len(shard)
