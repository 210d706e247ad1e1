"""Pod disruption budgets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ome.sandbox.builtin.causes import invalid
from ome.sandbox.builtin.validation.numbers import number_or_percent
from ome.sandbox.builtin.validation.selectors import validate_selector

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ome.sandbox.refusal import Cause

__all__ = ["validate_budget"]

_LIMITS = ("minAvailable", "maxUnavailable")


def validate_budget(document: Mapping[str, Any], old: Mapping[str, Any] | None) -> Iterator[Cause]:
    """A PodDisruptionBudget: at most one of the two limits."""
    spec = document["spec"]
    if all(name in spec for name in _LIMITS):
        yield invalid("spec", _internal(spec), "minAvailable and maxUnavailable cannot be both set")
    for name in _LIMITS:
        if name in spec:
            yield from number_or_percent(spec[name], f"spec.{name}")
    yield from validate_selector(spec.get("selector", {}), "spec.selector")


def _internal(spec: Mapping[str, Any]) -> dict[str, Any]:
    """The spec as the real server shows it: in the names of its own structs."""
    return {
        "MinAvailable": spec.get("minAvailable"),
        "Selector": spec.get("selector"),
        "MaxUnavailable": spec.get("maxUnavailable"),
        "UnhealthyPodEvictionPolicy": spec.get("unhealthyPodEvictionPolicy"),
    }
