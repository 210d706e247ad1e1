"""A count of parameters in words: ``8.03B``."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal

__all__ = ["size_text"]

_UNITS = ((10**12, "T"), (10**9, "B"), (10**6, "M"), (10**3, "K"))
_CENT = Decimal("0.01")


def size_text(count: int) -> str:
    """The count in its largest unit: no decimals when whole, one when exact, else two, rounded."""
    for index, (unit, letter) in enumerate(_UNITS):
        if count < unit:
            continue
        exact = Decimal(count) / unit
        rounded = exact.quantize(_CENT, ROUND_HALF_EVEN)
        if rounded >= 1000 and index > 0:
            unit, letter = _UNITS[index - 1]
            exact = rounded = Decimal(1)
        if exact == exact.to_integral_value():
            return f"{int(exact)}{letter}"
        if exact * 10 == (exact * 10).to_integral_value():
            return f"{exact.quantize(Decimal('0.1'))}{letter}"
        return f"{rounded}{letter}"
    return str(count)
