"""How many pods each ReplicaSet of a Deployment may have next. Pure numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Bounds", "Size", "bounds_of", "grown", "proportional", "scaled", "shrunk"]


@dataclass(frozen=True, slots=True)
class Size:
    """A ReplicaSet: pods it wants, and pods of it that are available."""

    wanted: int
    available: int = 0


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a rolling update keeps to."""

    replicas: int
    surge: int
    unavailable: int

    @property
    def most(self) -> int:
        """Pods that there may be at once."""
        return self.replicas + self.surge

    @property
    def fewest(self) -> int:
        """Pods that stay available."""
        return self.replicas - self.unavailable


def bounds_of(spec: Mapping[str, Any]) -> Bounds:
    """Of a Deployment's spec; ``Recreate`` has neither surge nor anything unavailable."""
    replicas = spec.get("replicas", 1)
    strategy = spec.get("strategy") or {}
    if strategy.get("type") == "Recreate":
        return Bounds(replicas, 0, 0)
    rolling = strategy.get("rollingUpdate") or {}
    surge = scaled(rolling.get("maxSurge", "25%"), replicas, up=True)
    unavailable = scaled(rolling.get("maxUnavailable", "25%"), replicas, up=False)
    if surge == 0 and unavailable == 0:
        # Both round to nothing: without one of them nothing would ever move.
        unavailable = 1
    return Bounds(replicas, surge, min(unavailable, replicas))


def scaled(value: int | str, total: int, *, up: bool) -> int:
    """A number, or a percentage of a total."""
    if isinstance(value, int):
        return value
    part = int(value.rstrip("%")) * total / 100
    return math.ceil(part) if up else math.floor(part)


def grown(bounds: Bounds, new: int, total: int) -> int:
    """The next size of the new ReplicaSet, of ``new`` pods among ``total``."""
    if new >= bounds.replicas:
        return bounds.replicas
    return min(new + max(bounds.most - total, 0), bounds.replicas)


def shrunk(bounds: Bounds, new: Size, old: Sequence[Size]) -> list[int]:
    """The next sizes of the old ReplicaSets, the oldest first.

    What is not available goes first: it serves nobody, and as long as it is there it stands in
    the way of the new.
    """
    sizes = [size.wanted for size in old]
    spare = sum(sizes) + new.wanted - bounds.fewest - max(new.wanted - new.available, 0)
    if spare <= 0:
        return sizes
    for i, size in enumerate(old):
        gone = min(spare, max(sizes[i] - size.available, 0))
        sizes[i] -= gone
        spare -= gone
    left = sum(size.available for size in old) + new.available - bounds.fewest
    for i in range(len(sizes)):
        gone = max(min(left, sizes[i]), 0)
        sizes[i] -= gone
        left -= gone
    return sizes


def proportional(bounds: Bounds, sizes: Sequence[int], before: int) -> list[int]:
    """The sizes, newest first, after the Deployment was scaled in the middle of a rollout.

    ``before`` is how many pods there could be at once before. What is added or taken is shared by
    size; what rounding leaves goes to the largest.
    """
    allowed = bounds.most if bounds.replicas > 0 else 0
    change = allowed - sum(sizes)
    order = sorted(range(len(sizes)), key=lambda i: -sizes[i])
    result, left = list(sizes), change
    for i in order:
        if not sizes[i]:
            continue
        share = round(sizes[i] * allowed / before) - sizes[i] if before else 0
        share = max(min(share, left), 0) if change > 0 else min(max(share, left), 0)
        result[i] += share
        left -= share
    for i in order:
        rest = max(left, -result[i])
        result[i] += rest
        left -= rest
    return result
