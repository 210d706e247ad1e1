"""Sizes that nobody should write, and how far a range is from a size."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ome.api import ModelSizeRange
from ome.selection import SizeRange, parse_size, size_range


def bounds(low: str | None, high: str | None) -> SizeRange:
    found = size_range(ModelSizeRange(min=low, max=high))
    assert found is not None
    return found


def test_no_range_is_no_bounds() -> None:
    assert size_range(None) is None


@pytest.mark.parametrize(
    "text",
    [
        "B",
        ".",
        "1.2.3B",
        "7BB",
        "B7",
        "Infinity",
        "-0.1",
        "sNaN",
        "1e999999B",
        "1e-999999B",
        "1_0B",
    ],
)
def test_strange_texts_are_no_sizes(text: str) -> None:
    assert parse_size(text) is None


@pytest.mark.parametrize(("text", "expected"), [(".5B", 5 * 10**8), ("7.B", 7 * 10**9), ("0", 0)])
def test_unusual_numbers_are_sizes(text: str, expected: int) -> None:
    assert parse_size(text) == Decimal(expected)


@given(st.text(alphabet="0123456789.eE+-_TBMK nif", max_size=12))
def test_no_text_breaks_a_range(text: str) -> None:
    size = parse_size(text) or Decimal(1)
    found = bounds(text, "9" * 40 + "T")
    assert found.holds(size) in (True, False)
    assert found.distance(size) == found.distance(size)


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [("1B", "2B", "[1B, 2B]"), (None, "2B", "[, 2B]"), ("1B", None, "[1B, ]")],
)
def test_the_text_of_a_range_is_as_written(low: str | None, high: str | None, text: str) -> None:
    assert bounds(low, high).text == text


def test_a_closed_range_is_nearer_than_an_open_one() -> None:
    size = Decimal(7 * 10**9)
    narrow, wide = bounds("6B", "8B"), bounds("1B", "9T")
    half, junk, nothing = bounds("1B", None), bounds("junk", "9B"), bounds(None, None)
    assert narrow.distance(size) < wide.distance(size) < half.distance(size)
    assert half.distance(size) == junk.distance(size) < nothing.distance(size)


@given(st.integers(0, 10**13), st.integers(0, 10**13), st.integers(0, 10**13))
def test_the_distance_of_a_fitting_range_is_its_width(low: int, high: int, size: int) -> None:
    found = bounds(str(low), str(high))
    assert found.holds(Decimal(size)) is (low <= size <= high)
    if low <= size <= high:
        assert found.distance(Decimal(size)) == (0, Decimal(high - low))
