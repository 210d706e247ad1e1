"""Versions and sizes as models and runtimes write them."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ome.api import ModelSizeRange
from ome.selection import Version, fits, parse_size, parse_version, size_range


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("4.51.3-SAM-HQ-preview", Version(4, 51, 3, pre=("SAM-HQ-preview",))),
        ("4.43.0.dev0", Version(4, 43, 0, dev=("dev0",))),
        ("4.43.0+build", Version(4, 43, 0, build=("build",))),
        (
            "4.43.0.dev0-x.y+b1.b2",
            Version(4, 43, 0, dev=("dev0",), pre=("x", "y"), build=("b1", "b2")),
        ),
        ("v1.12", Version(1, 12, prefix="v", precision=2)),
        ("1.2.3.4", Version(1, 2, 3, dev=("4",))),
        ("7", Version(7, precision=1)),
    ],
)
def test_versions_are_read(text: str, expected: Version) -> None:
    assert parse_version(text) == expected


@pytest.mark.parametrize(
    "text", ["", "01.2", "1.x", "V1.0", "latest", "1.2.", "1.2.3-", "1.8-rc1", "1-alpha"]
)
def test_other_texts_are_no_versions(text: str) -> None:
    with pytest.raises(ValueError, match="version"):
        parse_version(text)


@pytest.mark.parametrize(
    ("model", "runtime", "operator", "expected"),
    [
        ("1.0", "1.0.0", "Equal", True),
        ("v1", "1.0.0", "Equal", True),
        ("1", "1.0", "", True),
        ("4.43.1", "4.43.1", "GreaterThanOrEqual", True),
        ("4.42.0", "4.43.1", "GreaterThanOrEqual", True),
        ("4.44.0", "4.43.1", "GreaterThanOrEqual", False),
        ("4.43.1", "4.43.1", "GreaterThan", False),
        ("4.43", "4.43.1", "GreaterThan", False),
        ("v4.43.0", "4.43.1", "GreaterThan", False),
        ("4.45.0.dev0", "4.46.0", "GreaterThan", False),
        ("4.45.0.dev0", "4.45.0.dev0", "GreaterThan", True),
        ("latest", "latest", "Equal", False),
        ("1.2.3", "1.2.3", "Unheard", True),
        ("1.2.2", "1.2.3", "Unheard", False),
    ],
)
def test_a_version_fits(model: str, runtime: str, operator: str, expected: bool) -> None:
    assert fits(model, runtime, operator) is expected


def test_a_suffix_makes_a_version_greater() -> None:
    assert parse_version("1.8.0-alpha").order > parse_version("1.8.0").order


numbers = st.integers(0, 3)
versions = st.builds("{}.{}.{}".format, numbers, numbers, numbers)


@given(versions, versions, versions)
def test_the_order_is_total(first: str, second: str, third: str) -> None:
    at_least = "GreaterThanOrEqual"
    assert fits(first, second, at_least) or fits(second, first, at_least)
    if fits(first, second, at_least) and fits(second, third, at_least):
        assert fits(first, third, at_least)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("7B", 7 * 10**9),
        ("1.5B", 15 * 10**8),
        ("1T", 10**12),
        ("1000B", 10**12),
        ("1000000M", 10**12),
        ("7b", 7 * 10**9),
        (" 7 B ", 7 * 10**9),
        ("500K", 500_000),
        ("12", 12),
        ("7Billion", None),
        ("", None),
        (None, None),
        ("-1B", None),
        ("NaN", None),
    ],
)
def test_sizes_are_read(text: str | None, expected: int | None) -> None:
    assert parse_size(text) == (None if expected is None else Decimal(expected))


@pytest.mark.parametrize(
    ("low", "high", "size", "holds"),
    [
        ("5B", "9B", "5B", True),
        ("5B", "9B", "9B", True),
        ("5B", "9B", "9.01B", False),
        (None, "9B", "1M", True),
        ("5B", None, "900B", True),
        ("junk", "9B", "1M", True),
    ],
)
def test_a_range_holds_its_ends(low: str | None, high: str | None, size: str, holds: bool) -> None:
    bounds, wanted = size_range(ModelSizeRange(min=low, max=high)), parse_size(size)
    assert bounds is not None
    assert wanted is not None
    assert bounds.holds(wanted) is holds
