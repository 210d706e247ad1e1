from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ome.kube.quantity import parse_quantity, same_quantity

SUFFIXES = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
BINARY = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("1", "1"),
        ("1000m", "1"),
        ("+.5", "0.5"),
        ("2.", "2"),
        ("-3Ki", "-3072"),
        ("1.5Gi", "1610612736"),
        ("1e3", "1000"),
        ("1E3", "1000"),
        ("1E", "1000000000000000000"),
        ("12e-2", "0.12"),
        (4, "4"),
        (0.5, "0.5"),
    ],
)
def test_what_quantities_mean(text: str | int | float, meant: str) -> None:
    assert parse_quantity(text) == Decimal(meant)


@pytest.mark.parametrize("text", ["", "Gi", "1.2.3", "1 Gi", "1gi", "one", "1e", "e3", "1mm", "٣"])
def test_what_is_no_quantity(text: str) -> None:
    with pytest.raises(ValueError, match="is not a quantity"):
        parse_quantity(text)
    assert not same_quantity(text, text)


def test_a_boolean_is_no_quantity() -> None:
    with pytest.raises(ValueError, match="True is not a quantity"):
        parse_quantity(True)


@given(st.integers(-(10**9), 10**9), st.sampled_from(sorted(SUFFIXES)))
def test_decimal_suffixes_are_powers_of_ten(number: int, suffix: str) -> None:
    assert same_quantity(f"{number}{suffix}", f"{number}e{SUFFIXES[suffix]}")


@given(st.integers(0, 10**6), st.sampled_from(sorted(BINARY)))
def test_binary_suffixes_are_powers_of_two(number: int, suffix: str) -> None:
    assert same_quantity(f"{number}{suffix}", str(number * 2 ** BINARY[suffix]))


@given(st.decimals(allow_nan=False, allow_infinity=False, places=3, min_value=0, max_value=10**9))
def test_thousandths(number: Decimal) -> None:
    assert same_quantity(f"{number:f}", f"{int(number * 1000)}m")


@given(st.text(max_size=8))
def test_any_text_is_a_quantity_or_refused(text: str) -> None:
    try:
        parse_quantity(text)
    except ValueError as error:
        assert "is not a quantity" in str(error)  # noqa: PT017 -- not raising is fine too
