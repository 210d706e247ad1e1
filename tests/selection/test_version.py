"""The order of versions, and the example tables of their fit."""

from __future__ import annotations

from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ome.selection import Version, fits, parse_version


def order(text: str) -> tuple[Any, ...]:
    return cast("tuple[Any, ...]", parse_version(text).order)


@pytest.mark.parametrize(
    ("runtime", "operator", "model", "expected"),
    [
        ("1.8.0", "GreaterThan", "1.7.0", True),
        ("1.7.0", "GreaterThan", "1.7.0", False),
        ("1.7.0", "GreaterThanOrEqual", "1.8.0", False),
        ("1.8.0-dev", "GreaterThan", "1.8.0-dev", True),
        ("4.46.0", "GreaterThanOrEqual", "4.45.0.dev0", False),
        ("1.0", "GreaterThan", "1.0.0", False),
        ("v1.9.0", "GreaterThan", "1.0.0", False),
        ("v1.9.0", "GreaterThan", "v1.0.0", True),
        ("1", "Equal", "1.0.0", True),
        ("1.10.0", "GreaterThan", "1.9.0", True),
    ],
)
def test_the_examples(runtime: str, operator: str, model: str, expected: bool) -> None:
    assert fits(model, runtime, operator) is expected


@pytest.mark.parametrize(
    "text",
    [
        *("v", "vv1", " 1", "1 ", "1\n", "-1", "+1", "1..2", ".1", "00", "1.02", "1.2.03"),
        *("1.2.3-a..b", "1.2.3+", "1.2.3.", "1.2.3+a..", "\u0661.0", "9" * 5000),
    ],
)
def test_what_does_not_parse_fits_nothing(text: str) -> None:
    with pytest.raises(ValueError):
        parse_version(text)
    assert not fits(text, text)
    assert not fits(text, "1.0.0", "GreaterThanOrEqual")


def test_a_suffix_may_hold_other_marks() -> None:
    assert parse_version("1.2.3+a-b") == Version(1, 2, 3, build=("a-b",))
    assert parse_version("1.2.3-a+b-c.d") == Version(1, 2, 3, pre=("a",), build=("b-c", "d"))


ASCENDING = [
    "0",
    "0.0.1",
    "1.7.9",
    "1.8.0",
    "1.8.0.dev0",
    "1.8.0.dev0.1",
    "1.8.0+1",
    "1.8.0+10",
    "1.8.0+2",
    "1.8.0-alpha",
    "1.8.0-alpha.1",
    "1.8.0-beta",
    "1.9",
    "1.10",
    "v2",
]


def test_versions_ascend() -> None:
    shuffled = ASCENDING[::-1]
    shuffled.sort(key=order)
    assert shuffled == ASCENDING
    assert len({order(text) for text in ASCENDING}) == len(ASCENDING)


def test_prefix_and_precision_take_no_part() -> None:
    assert order("v1") == order("1.0") == order("1.0.0")


numbers = st.integers(0, 2).map(str)
suffixes = st.sampled_from(["", ".dev0", ".dev0.1", "-a", "-a.b", "+1", "+1.2", "-a+1", ".d-a+1"])
versions = st.one_of(
    st.builds("{}{}".format, st.sampled_from(["", "v"]), numbers),
    st.builds("{}.{}".format, numbers, numbers),
    st.builds("{}.{}.{}{}".format, numbers, numbers, numbers, suffixes),
)
operators = st.sampled_from(["", "Equal", "GreaterThan", "GreaterThanOrEqual", "Other"])


@given(versions, versions, versions)
def test_the_order_is_a_total_preorder(first: str, second: str, third: str) -> None:
    one, two, three = order(first), order(second), order(third)
    assert one <= one
    assert one <= two or two <= one
    assert not (one <= two <= three) or one <= three
    assert fits(first, second) == (one == two)


@given(versions, versions)
def test_equality_is_symmetric_and_no_operator_fits_both_ways_otherwise(
    first: str, second: str
) -> None:
    assert fits(first, second) == fits(second, first)
    assert not (fits(first, second, "GreaterThan") and fits(second, first, "GreaterThan")) or (
        parse_version(first).unofficial or parse_version(second).unofficial
    )


@given(versions, versions, operators)
def test_a_suffix_forces_equality(model: str, runtime: str, operator: str) -> None:
    if parse_version(model).unofficial or parse_version(runtime).unofficial:
        assert fits(model, runtime, operator) == (order(model) == order(runtime))
