"""What a service and a runtime ask of an accelerator class, and the first thing a class lacks."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ome.selection.capabilities import memory_gb

if TYPE_CHECKING:
    from ome.api import AcceleratorClassSpec, AcceleratorConstraints, AcceleratorRequirements

__all__ = ["Wanted", "unmet", "wanted"]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What scores are computed from: memory in GB, a rate, and precisions in order."""

    memory: int | None = None
    rate: int = 0
    precisions: tuple[str, ...] = ()


def wanted(
    constraints: AcceleratorConstraints | None, required: AcceleratorRequirements | None
) -> Wanted:
    """The service's wishes over the runtime's; of two bounds the stricter counts."""
    sides = [side for side in (constraints, required) if side is not None]
    memories = [side.min_memory for side in sides if side.min_memory is not None]
    rates = [side.min_compute_performance_tflops or 0 for side in sides]
    precisions = (side.preferred_precisions for side in sides)
    return Wanted(
        max(memories, default=None),
        max(rates, default=0),
        tuple(next((found for found in precisions if found), ())),
    )


def unmet(
    name: str, spec: AcceleratorClassSpec, asked: AcceleratorConstraints | AcceleratorRequirements
) -> str:
    """The first constraint that the class does not meet, in words; empty when it meets all."""
    return (
        _identity(name, spec, asked)
        or _memory(spec, asked)
        or _features(spec, asked.required_features or ())
        or _architecture(spec, asked.min_architecture_version)
    )


def _identity(
    name: str, spec: AcceleratorClassSpec, asked: AcceleratorConstraints | AcceleratorRequirements
) -> str:
    if name in (getattr(asked, "excluded_classes", None) or ()):
        return "explicitly excluded"
    families = getattr(asked, "architecture_families", None) or ()
    family, vendor = (spec.family or "").lower(), (spec.vendor or "").lower()
    if families and not {family, f"{vendor}-{family}"} & {item.lower() for item in families}:
        return f"architecture family {family} not in allowed list"
    return ""


def _memory(
    spec: AcceleratorClassSpec, asked: AcceleratorConstraints | AcceleratorRequirements
) -> str:
    low, high = asked.min_memory, getattr(asked, "max_memory", None)
    if low is None and high is None:
        return ""
    memory = memory_gb(spec)
    if memory is None:
        return "missing memory specification for memory check"
    whole = math.floor(memory)
    if low is not None and whole < low:
        return f"memory {whole}GB < required {low}GB"
    if high is not None and whole > high:
        return f"memory {whole}GB > max allowed {high}GB"
    return ""


def _features(spec: AcceleratorClassSpec, required: list[str] | tuple[()]) -> str:
    held = {feature.lower() for feature in spec.capabilities.features or ()}
    lacking = next((feature for feature in required if feature.lower() not in held), None)
    return "" if lacking is None else f"missing required feature: {lacking}"


def _architecture(spec: AcceleratorClassSpec, required: str | None) -> str:
    if required is None:
        return ""
    held = spec.capabilities.compute_capability
    if held is None:
        return "missing compute capability for architecture version check"
    if _older(held, required):
        return f"compute capability {held} < required {required}"
    return ""


def _older(left: str, right: str) -> bool:
    """By number, part by part (missing ones are 0); by text when one is not numeric."""
    parts = [text.strip().split(".") for text in (left, right)]
    if not all(part.isdecimal() and len(part) < 20 for side in parts for part in side):
        return left < right
    length = max(len(side) for side in parts)
    first, second = ([int(part) for part in side] + [0] * (length - len(side)) for side in parts)
    return first < second
