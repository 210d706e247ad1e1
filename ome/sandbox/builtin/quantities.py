"""Quantities as they are stored: the shortest form with the largest unit, in the notation given."""

from __future__ import annotations

from decimal import ROUND_UP, Decimal

from ome.kube.quantity import parse_quantity

__all__ = ["canonical"]

_DECIMAL = {-9: "n", -6: "u", -3: "m", 0: "", 3: "k", 6: "M", 9: "G", 12: "T", 15: "P", 18: "E"}
_BINARY = ("", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei")


def canonical(value: str | int | float) -> str:
    """``1000m`` is ``1``, ``1024Mi`` is ``1Gi``, ``0.1`` is ``100m``. Raises ``ValueError``."""
    number = parse_quantity(value).quantize(Decimal("1e-9"), rounding=ROUND_UP)
    text = str(value)
    if text.endswith("i") and number == number.to_integral_value() and abs(number) >= 1024:
        return _binary(int(number))
    exponent = "e" in text or ("E" in text and not text.endswith("E"))
    return _decimal(number, exponent=exponent)


def _binary(number: int) -> str:
    power = 0
    while number % 1024 == 0 and power < len(_BINARY) - 1:
        number, power = number // 1024, power + 1
    return f"{number}{_BINARY[power]}"


def _decimal(number: Decimal, *, exponent: bool) -> str:
    if not number:
        return "0"
    power = 18
    while (scaled := number.scaleb(-power)) != scaled.to_integral_value():
        power -= 3
    if exponent:
        return f"{int(scaled)}e{power}" if power else str(int(scaled))
    return f"{int(scaled)}{_DECIMAL[power]}"
