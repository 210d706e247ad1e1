"""Reading JSON that was written by many hands."""

from __future__ import annotations

from typing import Any

import pytest

from ome.modelconfig.values import ConfigError, Fields, read_json
from tests.modelconfig.support import LLAMA, described, directory


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (4096, 4096),
        (4096.0, 4096),
        (1e6, 1_000_000),
        (4096.5, None),
        ("4096", None),
        (True, None),
        ([1], None),
        (None, None),
        (0, 0),
        (-3, -3),
    ],
)
def test_integers(value: Any, expected: int | None) -> None:
    assert Fields({"x": value}).integer("x") == expected
    assert Fields({"x": value}).positive("x") == max(expected or 0, 0)


def test_values_of_a_wrong_type_count_as_absent() -> None:
    fields = Fields({"a": [1], "b": {"c": 1}, "d": None, "e": "", "f": "text", "g": "true"})
    assert fields.text("a", "d", "e", "f") == "text"
    assert not fields.inner("a")
    assert fields.inner("b").integer("c") == 1
    assert "d" not in fields
    assert fields.flag("g") is None
    assert not Fields([1])


@pytest.mark.parametrize("model_type", ["llama", "unknown"])
def test_infinities_and_nan_in_every_family(model_type: str) -> None:
    text = (
        '{"model_type": "%s", "hidden_size": 64, "num_hidden_layers": 2,'
        ' "num_attention_heads": 4, "vocab_size": 10, "max_position_embeddings": 128,'
        ' "a": Infinity, "b": [-Infinity, NaN], "c": {"d": NaN}}'
    )
    fields = read_json(directory({"config.json": text % model_type}), "config.json")
    assert fields.raw("a") == 1e308
    assert fields.raw("b") == [-1e308, None]
    assert described(LLAMA | {"model_type": model_type}).context_length == 4096


def test_a_byte_order_mark_is_tolerated() -> None:
    held = directory({"config.json": b"\xef\xbb\xbf" + b'{"a": 1}'})
    assert read_json(held, "config.json").integer("a") == 1


def test_escaped_text_is_read() -> None:
    held = directory({"config.json": b'{"a": "\\u00e4\\ud83d\\ude00"}'})
    assert read_json(held, "config.json").text("a") == "\u00e4\U0001f600"


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"{", "failed to parse model config JSON from '/model/config.json': Expecting"),
        (b"[1]", "expected a JSON object"),
        (b"\xff\xfe", "failed to parse model config JSON from '/model/config.json':"),
        (b"[" * 200_000, "nested too deeply"),
        (b'{"a": %s}' % (b"9" * 5000), "failed to parse"),
        (b'{"architectures": ["\\ud800"]}', "surrogates not allowed"),
        (None, "failed to read model config file '/model/config.json': Permission denied"),
    ],
)
def test_files_that_are_no_object(content: bytes | None, text: str) -> None:
    with pytest.raises(ConfigError) as raised:
        read_json(directory({"config.json": content}), "config.json")
    assert text in str(raised.value)


def test_unrelated_values_of_odd_types_do_not_matter() -> None:
    odd = {"eos_token_id": [1, 2], "mlp_only_layers": [1], "rope_scaling": "none", "bos": {}}
    assert described(LLAMA | odd).architecture == "LlamaForCausalLM"
