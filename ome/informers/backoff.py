"""Growing pauses between attempts, with jitter, so that a thousand watches do not come in step."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random

__all__ = ["Backoff"]


class Backoff:
    """Between ``first`` and ``cap`` seconds: doubling ceilings, the upper half of each drawn."""

    LONGEST_ASKED = 120.0  # seconds; a server that asks for more is asked again anyway

    def __init__(self, rng: random.Random, *, first: float = 1.0, cap: float = 30.0) -> None:
        self._rng = rng
        self._first = first
        self._cap = cap
        self._failures = 0

    @property
    def failures(self) -> int:
        """Pauses since the last ``reset``."""
        return self._failures

    def next(self, asked: float | None = None) -> float:
        """Seconds to wait now; no less than the server ``asked`` for (Retry-After)."""
        self._failures += 1
        # Beyond 2**6 every ceiling is the cap; a month of failures must not overflow a float.
        ceiling = min(self._cap, self._first * 2.0 ** min(self._failures, 16))
        delay = self._rng.uniform(max(self._first, ceiling / 2), ceiling)
        if asked is None:
            return delay
        # Later than asked by up to a second: all clients were told the same number.
        return max(delay, min(asked, self.LONGEST_ASKED) + self._rng.random())

    def reset(self) -> None:
        """Something went well."""
        self._failures = 0
