"""How long ago something was, as short text."""

from __future__ import annotations

from datetime import datetime

__all__ = ["UNKNOWN", "age", "ago", "duration", "seconds_of"]

UNKNOWN = "<unknown>"
_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_YEAR = 365 * _DAY


def duration(seconds: float) -> str:
    """``duration.HumanDuration``: two units while the second one still says something.

    Up to two seconds in the future count as now, since clocks differ.
    """
    whole = int(seconds)
    if whole < -1:
        return "<invalid>"
    whole = max(whole, 0)
    if whole < 2 * _MINUTE:
        return f"{whole}s"
    for limit, unit, part, both in _STEPS:
        if whole < limit:
            return _two(whole, unit, part) if both else f"{whole // unit}{_LETTERS[unit]}"
    return f"{whole // _YEAR}y"


_LETTERS = {1: "s", _MINUTE: "m", _HOUR: "h", _DAY: "d", _YEAR: "y"}
_STEPS = (
    (10 * _MINUTE, _MINUTE, 1, True),
    (3 * _HOUR, _MINUTE, 1, False),
    (8 * _HOUR, _HOUR, _MINUTE, True),
    (2 * _DAY, _HOUR, _MINUTE, False),
    (8 * _DAY, _DAY, _HOUR, True),
    (2 * _YEAR, _DAY, _HOUR, False),
    (8 * _YEAR, _YEAR, _DAY, True),
)
"""Below which length, in which unit, and whether the next smaller unit follows."""


def _two(whole: int, unit: int, part: int) -> str:
    rest = whole % unit // part
    return f"{whole // unit}{_LETTERS[unit]}" + (f"{rest}{_LETTERS[part]}" if rest else "")


def seconds_of(stamp: str) -> float:
    """Seconds since 1970 of an RFC 3339 text. Raises ValueError for other text."""
    moment = datetime.fromisoformat(stamp)
    if moment.tzinfo is None or "T" not in stamp.upper():
        raise ValueError(stamp)
    return moment.timestamp()


def age(stamp: str | None, now: float) -> str:
    """The time since a stamp of a built-in object; ``<unknown>`` without one."""
    return duration(now - seconds_of(stamp)) if stamp else UNKNOWN


def ago(stamp: str, now: float) -> str:
    """The time since a stamp that somebody else wrote; ``<invalid>`` when it is none."""
    try:
        return duration(now - seconds_of(stamp))
    except ValueError:
        return "<invalid>"
