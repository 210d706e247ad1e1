"""Kubernetes quantities: ``500m``, ``1.5Gi``, ``2e3``."""

from __future__ import annotations

import re
from decimal import Decimal

__all__ = ["parse_quantity", "same_quantity", "whole"]

_QUANTITY = re.compile(
    r"(?P<number>[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+))"
    r"(?:[eE](?P<exponent>[+-]?[0-9]{1,3})|(?P<suffix>[numkMGTPE]|[KMGTPE]i)?)"
)

_LARGEST = Decimal(2**63 - 1)
_SUFFIXES = {
    "n": Decimal("1e-9"),
    "u": Decimal("1e-6"),
    "m": Decimal("1e-3"),
    "k": Decimal(10**3),
    "M": Decimal(10**6),
    "G": Decimal(10**9),
    "T": Decimal(10**12),
    "P": Decimal(10**15),
    "E": Decimal(10**18),
    "Ki": Decimal(2**10),
    "Mi": Decimal(2**20),
    "Gi": Decimal(2**30),
    "Ti": Decimal(2**40),
    "Pi": Decimal(2**50),
    "Ei": Decimal(2**60),
}


def parse_quantity(value: str | int | float) -> Decimal:
    """The exact number that a quantity means. Raises ``ValueError`` naming what is not one."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return Decimal(str(value))
    match = _QUANTITY.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError(f"{value!r} is not a quantity; write a number like 2, 500m or 1.5Gi")
    number = Decimal(match["number"])
    if match["exponent"]:
        return number.scaleb(int(match["exponent"]))
    return number * _SUFFIXES[match["suffix"]] if match["suffix"] else number


def whole(value: str | int | float) -> int:
    """How many things a quantity counts, at most what 64 bits hold; 0 for what is none."""
    try:
        return int(min(parse_quantity(value), _LARGEST))
    except ValueError:
        return 0


def same_quantity(left: object, right: object) -> bool:
    """Whether both are quantities and mean the same number; never raises."""
    if not isinstance(left, (str, int, float)) or not isinstance(right, (str, int, float)):
        return False
    try:
        return parse_quantity(left) == parse_quantity(right)
    except ValueError:
        return False
