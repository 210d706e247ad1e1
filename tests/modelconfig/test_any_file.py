"""Whatever a repository's files say: a record that can be told to others, or ``ConfigError``."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ome.agent.fetch.model import config_of
from ome.agent.protocol import Config
from ome.modelconfig.describe import describe
from ome.modelconfig.directory import LocalDirectory
from ome.modelconfig.families import FAMILIES
from ome.modelconfig.values import ConfigError
from ome.modelconfig.weights import count_weights
from tests.modelconfig.support import DENSE, LLAMA, directory
from tests.support.tiers import examples

if TYPE_CHECKING:
    from pathlib import Path

_MOST_TOLD = 128 * 1024
"""A node's ConfigMap takes 1 MiB, of all its models."""

numbers = st.one_of(
    st.integers(-3, 100_000),
    st.sampled_from([10**400, -(10**400), 2**63, 2**64, 1e308, -1e308, 1.5, 4096.0]),
    st.sampled_from([float("inf"), float("-inf"), float("nan")]),
)
texts = st.one_of(
    st.text(max_size=20),
    st.sampled_from(
        ["a" * 2000, "\x00", "a\nb", "\ud800", "torch.bfloat16", "gptq", "fp8", "mxfp4"]
    ),
)
values = st.recursive(
    st.one_of(st.none(), st.booleans(), numbers, texts),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=8,
)
keys = st.sampled_from(
    [
        *DENSE,
        "architectures",
        "torch_dtype",
        "quantization_config",
        "config_groups",
        "text_config",
        "vision_config",
        "audio_config",
        "quant_method",
        "bits",
        "patch_size",
        "image_size",
        "head_dim",
        "_class_name",
        "vae",
        "transformer",
    ]
)
objects = st.dictionaries(keys, values, max_size=10)
configs = st.one_of(
    values,
    st.builds(
        lambda kind, dense, odd, inner: {"model_type": kind, **dense, **odd, "text_config": inner},
        st.sampled_from([*FAMILIES, "unheard_of", 7, ""]),
        st.sampled_from([DENSE, {}]),
        objects,
        objects,
    ),
)
tensors = st.one_of(
    values,
    st.fixed_dictionaries(
        {},
        optional={
            "dtype": st.one_of(st.sampled_from(["BF16", "F32", "I32", "U8"]), values),
            "shape": st.one_of(st.lists(numbers, max_size=4), values),
            "data_offsets": st.one_of(st.lists(numbers, max_size=3), values),
        },
    ),
)


def weights(header: Any) -> bytes:
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text


def told(files: dict[str, Any]) -> Config | None:
    """What a node would say of these files, as it is read at the other end; None when nothing."""
    contents = {
        name: json.dumps(value) if not isinstance(value, bytes) else value
        for name, value in files.items()
    }
    try:
        said = config_of(describe(directory(contents)))
    except ConfigError:
        return None
    text = msgspec.json.encode(said)
    assert len(text) < _MOST_TOLD
    found = msgspec.json.decode(text, type=Config)
    assert abs((found.decoded_model_configuration or {}).get("model_size_bytes", 0)) < 2**63
    return found


@settings(max_examples=examples(500), deadline=None)
@given(configs, st.dictionaries(texts, tensors, max_size=3))
def test_any_config_and_any_header(config: Any, header: Any) -> None:
    told({"config.json": config, "model.safetensors": weights(header)})


@settings(max_examples=examples(300), deadline=None)
@given(configs, configs, tensors)
def test_any_index_and_any_pipeline(index: Any, part: Any, tensor: Any) -> None:
    told(
        {
            "model_index.json": index,
            "vae/config.json": part,
            "vae/a.safetensors": weights({"t": tensor}),
            "transformer/config.json": part,
            "transformer/b.safetensors.index.json": index,
            "text_encoder/config.json": part,
        }
    )


@settings(max_examples=examples(200), deadline=None)
@given(st.binary(max_size=40), st.integers(0, 2**64 - 1))
def test_any_bytes(content: bytes, length: int) -> None:
    head = length.to_bytes(8, "little")
    told({"config.json": content, "model.safetensors": head + content})
    told({"config.json": LLAMA, "model.safetensors": head + content})


_DIGITS = 10**4000


@pytest.mark.parametrize("shape", [[_DIGITS, _DIGITS], [2**63 - 1] * 64, [2] * 100_000])
def test_a_shape_beyond_all_measure_is_not_multiplied_out(shape: list[int]) -> None:
    header = weights({"t": {"dtype": "BF16", "shape": shape, "data_offsets": [0, 1]}})
    with pytest.raises(ConfigError, match=r"no shape of whole numbers|claim"):
        count_weights(directory({"model.safetensors": header}))
    found = told({"config.json": LLAMA, "model.safetensors": header})
    assert found is not None
    assert found.model_type == "llama"


def test_the_parts_of_a_pipeline_are_bounded_together_too() -> None:
    most = {"t": {"dtype": "U8", "shape": [2**63 - 1], "data_offsets": [0, 2**63 - 1]}}
    names = [f"part_{number}" for number in range(4)]
    files: dict[str, Any] = {"model_index.json": {"_class_name": "P"}}
    for name in names:
        files["model_index.json"][name] = ["diffusers", "Part"]
        files[f"{name}/config.json"] = {}
        files[f"{name}/model.safetensors"] = weights(most)
    found = told(files)
    assert found is not None
    assert found.decoded_model_configuration is not None
    assert found.decoded_model_configuration["model_size_bytes"] == 2**63 - 1


def test_parts_with_endless_names_are_no_pipeline() -> None:
    index = {f"{number}{'k' * 1000}": ["l" * 1000, "t" * 1000] for number in range(200)}
    with pytest.raises(ConfigError, match="letters; at most"):
        describe(directory({"model_index.json": {"_class_name": "P", **index}}))


def test_a_name_in_no_encoding_is_left_out(tmp_path: Path) -> None:
    folder = os.fsencode(tmp_path) + b"/\xff"
    os.mkdir(folder)
    (tmp_path / os.fsdecode(folder) / "config.json").write_text("{")
    with pytest.raises(ConfigError) as raised:
        describe(LocalDirectory(tmp_path))
    assert "no model_index.json or config.json" in str(raised.value)
