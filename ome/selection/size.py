"""Model sizes: a count of parameters, written such as ``7B``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ome.api import ModelSizeRange

__all__ = ["SizeRange", "parse_size", "size_range"]

_UNITS = {"T": 10**12, "B": 10**9, "M": 10**6, "K": 10**3}
# No exponents and a bounded length: no written size can overflow.
_NUMBER = re.compile(r"[0-9]{1,40}(?:\.[0-9]{0,40})?|\.[0-9]{1,40}")


def parse_size(text: str | None) -> Decimal | None:
    """The number of parameters, or None when there is no text or it is not a size."""
    stripped = (text or "").strip()
    unit = _UNITS.get(stripped[-1:].upper())
    number = stripped[:-1].strip() if unit else stripped
    return Decimal(number) * (unit or 1) if _NUMBER.fullmatch(number) else None


@dataclass(frozen=True, slots=True)
class SizeRange:
    """A range of sizes, both ends included; None is an open end."""

    low: Decimal | None
    high: Decimal | None
    text: str

    def holds(self, size: Decimal) -> bool:
        """Whether the size lies in the range."""
        return (self.low is None or size >= self.low) and (self.high is None or size <= self.high)

    def distance(self, size: Decimal) -> tuple[int, Decimal]:
        """How far the range is from the size, for ordering: closed, half open, open."""
        if self.low is None and self.high is None:
            return (2, Decimal(0))
        if self.low is None or self.high is None:
            return (1, Decimal(0))
        return (0, abs(self.low - size) + abs(self.high - size))


def size_range(written: ModelSizeRange | None) -> SizeRange | None:
    """The range of a runtime; a bound that is not a size is open. None without a range."""
    if written is None:
        return None
    low, high = written.min or "", written.max or ""
    return SizeRange(parse_size(low), parse_size(high), f"[{low}, {high}]")
