"""Texts of bounded length, and remarks on runtimes that fit."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ome.errors import SelectionError
from ome.selection import LISTED, NothingFits, judge, remarks, select_runtime
from tests.selection.support import candidate, entry, model, request, sizes


def nothing(count: int, length: int) -> NothingFits:
    found = [
        candidate(f"r{number}", *[entry(modelArchitecture="Ä" * length)] * 2)
        for number in range(count)
    ]
    with pytest.raises(NothingFits) as raised:
        select_runtime(request(), found)
    return raised.value


@given(st.integers(1, 9), st.integers(0, 300), st.integers(200, 2000))
def test_a_text_is_cut_at_a_runtime_with_the_count_of_the_rest(
    count: int, length: int, limit: int
) -> None:
    error = nothing(count, length)
    text = error.text(limit)
    assert len(text.encode()) <= limit or ". Excluded runtimes" not in text
    named = text.count("not in supported formats")
    assert named <= min(count, LISTED)
    if named and named < count:
        assert text.endswith(f"; and {count - named} more")
    if len(error.text().encode()) <= limit:
        assert text == str(error)


def test_in_a_list_only_the_closest_entry_of_a_runtime_is_compared() -> None:
    far = entry("onnx", quantization="fp8", modelArchitecture="Other")
    near = entry(quantization="int4")
    verdict = judge(candidate("r", far, near, far), request())
    assert verdict.nearest == "model has no quantization but runtime requires int4"
    assert verdict.brief == (
        "model format 'mt:safetensors' not in supported formats:"
        " model has no quantization but runtime requires int4; and 2 farther formats"
    )
    assert verdict.reason.count("; ") == 2
    assert verdict.mismatches == 1


@pytest.mark.parametrize(
    ("fields", "size", "expected"),
    [
        ({}, "7B", []),
        ({"auto": False}, "7B", ["does not have auto-select enabled"]),
        (sizes("1B", "9B"), None, ["model does not specify size"]),
        (sizes("1B", "9B"), "huge", ["model size 'huge' is not a size"]),
        (sizes("tiny", "9B"), "7B", ["modelSizeRange.min 'tiny' is not a size"]),
        ({**sizes(None, "big"), "auto": False}, "7B", ["auto-select", "modelSizeRange.max"]),
    ],
)
def test_remarks_exclude_nothing(
    fields: dict[str, Any], size: str | None, expected: list[str]
) -> None:
    held = dict(fields)
    auto = held.pop("auto", True)
    found = candidate("r", entry(autoSelect=auto), **held)
    said = remarks(found, request(model(modelParameterSize=size)))
    assert len(said) == len(expected)
    assert all(text in line for text, line in zip(expected, said, strict=True))


def test_a_model_without_format_lists_no_runtimes() -> None:
    with pytest.raises(SelectionError) as raised:
        select_runtime(request(model(None)), [candidate("r", entry())])
    assert not isinstance(raised.value, NothingFits)
