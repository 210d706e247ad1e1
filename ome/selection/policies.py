"""The accelerator policies: the scores of classes that meet the constraints. Pure.

Each function gives the classes in the runtime's order; of equal scores the earlier one wins.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ome.selection.capabilities import bandwidth, figure, largest_figure, memory_gb, number

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ome.api import AcceleratorClassSpec
    from ome.selection.constraints import Wanted

__all__ = ["POLICIES", "Scored", "winner"]


@dataclass(frozen=True, slots=True)
class Scored:
    """A class with its score (higher is better) and the parts of it, for users.

    ``reason`` says why a policy does not consider the class; it has no score then.
    """

    name: str
    spec: AcceleratorClassSpec
    score: float | None = None
    parts: tuple[tuple[str, float], ...] = ()
    reason: str = ""


def winner(scored: Sequence[Scored]) -> Scored | None:
    """The highest score, the earlier of equal ones; None when nothing is scored."""
    best: Scored | None = None
    for item in scored:
        if item.score is not None and (
            best is None or best.score is None or item.score > best.score
        ):
            best = item
    return best


def first_available(classes: Sequence[Scored], asked: Wanted) -> list[Scored]:
    """The runtime's own order; whether nodes exist plays no part."""
    return [
        replace(item, score=float(-place), parts=(("place", float(place + 1)),))
        for place, item in enumerate(classes)
    ]


def best_fit(classes: Sequence[Scored], asked: Wanted) -> list[Scored]:
    """Enough, and little more: 0.7 x memory + 0.3 x compute."""
    found = []
    for item in classes:
        memory, compute = _memory_fit(item.spec, asked), _compute_fit(item.spec, asked)
        parts = (("memory", memory), ("compute", compute))
        found.append(replace(item, score=0.7 * memory + 0.3 * compute, parts=parts))
    return found


def _memory_fit(spec: AcceleratorClassSpec, asked: Wanted) -> float:
    if asked.memory is None:
        return 1.0
    memory = memory_gb(spec)
    return asked.memory / memory if memory else 0.0


def _compute_fit(spec: AcceleratorClassSpec, asked: Wanted) -> float:
    rate, penalty = _rate(spec, asked.precisions)
    if not rate:
        return 0.0
    return penalty * (1.0 if asked.rate <= 0 else min(1.0, rate / asked.rate))


def _rate(spec: AcceleratorClassSpec, precisions: Sequence[str]) -> tuple[int, float]:
    """The peak rate that counts, and what it is worth: half for each precision passed over."""
    if not precisions:
        return largest_figure(spec), 1.0
    for place, precision in enumerate(precisions):
        rate = figure(spec, precision)
        if rate > 0:
            return rate, 0.5**place
    if "fp16" not in {precision.lower() for precision in precisions}:
        return figure(spec, "fp16"), 0.5 ** len(precisions)
    return 0, 0.0


def cheapest(classes: Sequence[Scored], asked: Wanted) -> list[Scored]:
    """The lowest price, by the hour where any class has one, else by token, else by tier."""
    for what, price in _PRICES:
        prices = [price(item.spec) for item in classes]
        if any(found is not None for found in prices):
            return [
                replace(item, reason=_unpriced(item.spec, what))
                if found is None
                else replace(item, score=-found, parts=((what, found),))
                for item, found in zip(classes, prices, strict=True)
            ]
    return [replace(item, reason="no cost is given") for item in classes]


def _unpriced(spec: AcceleratorClassSpec, what: str) -> str:
    return "no cost is given" if spec.cost is None else f"no {what} price, others have one"


def _hourly(spec: AcceleratorClassSpec) -> float | None:
    if spec.cost is None:
        return None
    spot = number(spec.cost.spot_per_hour)
    found = number(spec.cost.per_hour) if spot is None else spot
    return None if found is None else float(found)


def _by_token(spec: AcceleratorClassSpec) -> float | None:
    found = None if spec.cost is None else number(spec.cost.per_million_tokens)
    return None if found is None else float(found)


def _tier(spec: AcceleratorClassSpec) -> float | None:
    tier = None if spec.cost is None else spec.cost.tier
    return {"low": 1.0, "high": 3.0}.get(tier.lower(), 2.0) if tier else None


_PRICES: tuple[tuple[str, Callable[[AcceleratorClassSpec], float | None]], ...] = (
    ("hourly", _hourly),
    ("token", _by_token),
    ("tier", _tier),
)


def most_capable(classes: Sequence[Scored], asked: Wanted) -> list[Scored]:
    """0.5 x memory + 0.3 x bandwidth + 0.2 x rate, each as a share of the greatest among them."""
    weights = (("memory", 0.5), ("bandwidth", 0.3), ("compute", 0.2))
    values = [_capabilities(item.spec, asked) for item in classes]
    greatest = [max((row[column] for row in values), default=0) for column in range(3)]
    found = []
    for item, row in zip(classes, values, strict=True):
        shares = [
            value / most if most > 0 else 0.0 for value, most in zip(row, greatest, strict=True)
        ]
        score = sum(weight * share for (_, weight), share in zip(weights, shares, strict=True))
        parts = tuple((name, share) for (name, _), share in zip(weights, shares, strict=True))
        found.append(replace(item, score=score, parts=parts))
    return found


def _capabilities(spec: AcceleratorClassSpec, asked: Wanted) -> tuple[int, int, int]:
    precisions = asked.precisions or ("fp16",)
    rates = (figure(spec, precision) for precision in precisions)
    rate = next((found for found in rates if found > 0), 0)
    return math.floor(memory_gb(spec) or 0), bandwidth(spec), rate


POLICIES: Mapping[str, Callable[[Sequence[Scored], Wanted], list[Scored]]] = {
    "BestFit": best_fit,
    "Cheapest": cheapest,
    "MostCapable": most_capable,
    "FirstAvailable": first_available,
}
