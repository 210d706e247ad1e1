"""Counts in words."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ome.modelconfig.sizetext import size_text
from ome.selection.size import parse_size


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0"),
        (999, "999"),
        (1_000, "1K"),
        (10_500, "10.5K"),
        (92_564, "92.56K"),
        (1_500_000, "1.5M"),
        (494_032_768, "494.03M"),
        (8_030_261_248, "8.03B"),
        (7_615_616_512, "7.62B"),
        (46_700_000_000, "46.7B"),
        (151_500_000_000, "151.5B"),
        (685_000_000_000, "685B"),
        (1_000_000_000_000, "1T"),
        (1_512_300_000_000, "1.51T"),
        (8_101_000_000, "8.10B"),
        (1_250_000_000, "1.25B"),
        (1_100_000_000, "1.1B"),
        (999_999_999, "1B"),
        (999_999, "1M"),
        (999_999_999_999_999, "1000.00T"),
    ],
)
def test_texts(count: int, text: str) -> None:
    assert size_text(count) == text


@given(st.integers(min_value=1, max_value=10**15))
def test_selection_reads_back_what_is_written(count: int) -> None:
    back = parse_size(size_text(count))
    assert back is not None
    assert abs(back - count) <= Decimal(count) / 100
