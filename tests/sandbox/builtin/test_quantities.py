"""Quantities as they are stored."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ome.kube.quantity import parse_quantity
from ome.sandbox.builtin.quantities import canonical


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        (1, "1"),
        (0.5, "500m"),
        ("1000m", "1"),
        ("0.1", "100m"),
        ("1500m", "1500m"),
        ("0", "0"),
        ("-0", "0"),
        ("1000", "1k"),
        ("1024", "1024"),
        ("1024Mi", "1Gi"),
        ("1.5Gi", "1536Mi"),
        ("0.5Ki", "512"),
        ("1e3", "1e3"),
        ("1000e3", "1e6"),
        ("-1", "-1"),
        ("1E", "1E"),
        ("0.0000000001", "1n"),
    ],
)
def test_forms(given: str | float, stored: str) -> None:
    assert canonical(given) == stored


@given(
    st.integers(-(10**6), 10**6),
    st.integers(0, 3),
    st.sampled_from(["", "m", "k", "M", "Ki", "Mi", "Gi"]),
)
def test_the_amount_stays_and_the_form_is_final(number: int, digits: int, unit: str) -> None:
    text = f"{Decimal(number).scaleb(-digits):f}{unit}"
    stored = canonical(text)
    assert parse_quantity(stored) == parse_quantity(text)
    assert canonical(stored) == stored


@pytest.mark.parametrize("text", ["", "a", "1 Gi", "1gi", "--1", "Mi"])
def test_what_is_no_quantity(text: str) -> None:
    with pytest.raises(ValueError, match="is not a quantity"):
        canonical(text)
