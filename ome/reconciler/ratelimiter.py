"""How long a key that failed waits before it runs again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    import random
    from collections.abc import Hashable

__all__ = ["RateLimiter"]

K = TypeVar("K", bound="Hashable")


class RateLimiter(Generic[K]):
    """Exponential back-off for each key: ``base`` seconds doubling to ``limit``, with jitter.

    The jitter takes off up to a quarter, so keys that failed together do not come back together
    and no delay exceeds ``limit``.
    """

    def __init__(self, rng: random.Random, *, base: float = 0.005, limit: float = 60.0) -> None:
        self._rng = rng
        self._base = base
        self._limit = limit
        self._failures: dict[K, int] = {}

    def next_delay(self, key: K) -> float:
        """Seconds to wait for one more failure of the key."""
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        # The exponent is bounded: a key that failed for weeks must not overflow.
        delay = min(self._base * 2.0 ** min(failures, 40), self._limit)
        return delay * (1 - self._rng.random() / 4)

    def forget(self, key: K) -> None:
        """The key succeeded; its next failure starts from the beginning."""
        self._failures.pop(key, None)

    def failures(self, key: K) -> int:
        """How often the key failed since it was last forgotten."""
        return self._failures.get(key, 0)
