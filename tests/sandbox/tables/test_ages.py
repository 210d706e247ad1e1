"""Lengths of time as text."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ome.sandbox.tables.ages import age, ago, duration, seconds_of

MINUTE, HOUR, DAY = 60, 3600, 86400
YEAR = 365 * DAY
_UNITS = {"s": 1, "m": MINUTE, "h": HOUR, "d": DAY, "y": YEAR}


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-3600, "<invalid>"),
        (-2, "<invalid>"),
        (-1.9, "0s"),
        (0, "0s"),
        (0.9, "0s"),
        (119.9, "119s"),
        (2 * MINUTE, "2m"),
        (5 * MINUTE + 12, "5m12s"),
        (10 * MINUTE - 1, "9m59s"),
        (10 * MINUTE + 59, "10m"),
        (3 * HOUR - 1, "179m"),
        (3 * HOUR, "3h"),
        (7 * HOUR + 59 * MINUTE, "7h59m"),
        (8 * HOUR + 59 * MINUTE, "8h"),
        (2 * DAY - 1, "47h"),
        (2 * DAY, "2d"),
        (2 * DAY + HOUR, "2d1h"),
        (8 * DAY + HOUR, "8d"),
        (2 * YEAR - 1, "729d"),
        (2 * YEAR, "2y"),
        (2 * YEAR + DAY, "2y1d"),
        (8 * YEAR + 300 * DAY, "8y"),
        (100 * YEAR, "100y"),
    ],
)
def test_lengths(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@given(st.floats(0, 200 * YEAR))
def test_no_more_than_a_tenth_is_left_out_and_nothing_is_added(seconds: float) -> None:
    parts = re.findall(r"(\d+)([smhdy])", duration(seconds))
    said = sum(int(number) * _UNITS[unit] for number, unit in parts)
    assert said <= seconds
    assert seconds - said < max(1, 0.13 * seconds)


@pytest.mark.parametrize(
    ("stamp", "seconds"),
    [
        ("1970-01-01T00:01:00Z", 60),
        ("1970-01-01T00:01:00.250000Z", 60.25),
        ("1970-01-01T02:00:00+02:00", 0),
    ],
)
def test_stamps(stamp: str, seconds: float) -> None:
    assert seconds_of(stamp) == seconds


def test_an_object_without_stamp_has_no_age() -> None:
    assert age(None, 60) == "<unknown>"
    assert age("1970-01-01T00:00:00Z", 60) == "60s"


@pytest.mark.parametrize("stamp", ["", "soon", "1970-01-01", "1970-01-01T00:00:00"])
def test_a_text_that_is_no_stamp_is_invalid(stamp: str) -> None:
    assert ago(stamp, 60) == "<invalid>"
