"""Doing something again after a failure that time may mend."""

from __future__ import annotations

from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, TypeVar

from ome.errors import StorageError
from ome.storage.errors import RateLimited

if TYPE_CHECKING:
    import random
    from collections.abc import Awaitable, Callable, Mapping

    from ome.clock import Clock

__all__ = ["RetryPolicy", "delay_before", "retry_after", "retrying"]

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often, and after how long; times in seconds."""

    attempts: int = 10
    """Attempts in all, at least 1."""
    interval: float = 15.0
    """The wait after the first failure; it doubles with each further one."""
    longest: float = 300.0
    """The longest wait of our own; a source may ask for more."""
    patience: float = 3600.0
    """A source that asks to wait longer than this is given up instead."""
    limited: Callable[[float], object] = lambda _: None
    """Told of each wait that comes of a rate limit, when it begins."""


def delay_before(
    policy: RetryPolicy, failures: int, error: StorageError, rng: random.Random
) -> float | None:
    """The wait after that many failures, the last being ``error``; None to give up."""
    if not error.retryable or failures >= policy.attempts:
        return None
    asked = error.retry_after if isinstance(error, RateLimited) else None
    if asked is not None and asked > policy.patience:
        return None
    if asked is not None:
        # A little later than asked: all nodes were told the same moment.
        wait = asked * (1 + 0.1 * rng.random())
    else:
        wait = min(policy.interval * 2.0 ** (failures - 1), policy.longest)
        wait *= 1 + 0.5 * rng.random()
    if isinstance(error, RateLimited):
        policy.limited(wait)
    return wait


async def retrying(
    call: Callable[[], Awaitable[_T]], policy: RetryPolicy, clock: Clock, rng: random.Random
) -> _T:
    """The result of a call that is repeated while the policy allows. Raises its last error."""
    failures = 0
    while True:
        try:
            return await call()
        except StorageError as error:
            failures += 1
            delay = delay_before(policy, failures, error, rng)
            if delay is None:
                raise
        await clock.sleep(delay)


def retry_after(headers: Mapping[str, str], wall: float) -> float | None:
    """The seconds that an answer asks to wait: a number or a date, else a rate limit's reset."""
    text = headers.get("Retry-After", "").strip()
    if text.isdecimal() and len(text) < 10:
        return float(text)
    if text:
        try:
            moment: float = parsedate_to_datetime(text).timestamp()
        except (ValueError, OverflowError):
            return None
        return max(moment - wall, 0.0)
    for part in headers.get("RateLimit", "").split(";"):
        name, _, value = part.strip().partition("=")
        if name == "t" and value.isdecimal() and len(value) < 10:
            return float(value)
    return None
