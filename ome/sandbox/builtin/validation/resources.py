"""What containers ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ome.kube.quantity import parse_quantity
from ome.sandbox.builtin import names
from ome.sandbox.builtin.causes import invalid, required

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ome.sandbox.refusal import Cause

__all__ = ["validate_resources"]

_STANDARD = ("cpu", "memory", "ephemeral-storage")


def validate_resources(resources: Mapping[str, Any], field: str) -> Iterator[Cause]:
    """Names, amounts, and requests against limits; GPUs and their like are never overcommitted."""
    limits, requests = resources.get("limits", {}), resources.get("requests", {})
    for which, amounts in (("limits", limits), ("requests", requests)):
        for name, amount in amounts.items():
            yield from _amount(name, amount, f"{field}.{which}[{name}]")
    for name, amount in requests.items():
        if name in limits:
            yield from _request(name, amount, limits[name], f"{field}.requests")
        elif not _may_be_overcommitted(name):
            yield required(f"{field}.limits", "Limit must be set for non overcommitable resources")


def _amount(name: str, amount: str, field: str) -> Iterator[Cause]:
    for text in names.qualified_name(name):
        yield invalid(field, name, text)
    if "/" not in name:
        if name not in _STANDARD and not name.startswith("hugepages-"):
            yield invalid(field, name, "must be a standard resource type or fully qualified")
            yield invalid(field, name, "must be a standard resource for containers")
    elif names.qualified_name(name):
        yield invalid(field, name, "doesn't follow extended resource name standard")
    number = parse_quantity(amount)
    if number < 0:
        yield invalid(field, amount, "must be greater than or equal to 0")
    if _is_whole(name) and number != number.to_integral_value():
        yield invalid(field, amount, "must be an integer")


def _request(name: str, request: str, limit: str, field: str) -> Iterator[Cause]:
    if not _may_be_overcommitted(name) and parse_quantity(request) != parse_quantity(limit):
        yield invalid(field, request, f"must be equal to {name} limit of {limit}")
    elif parse_quantity(request) > parse_quantity(limit):
        yield invalid(field, request, f"must be less than or equal to {name} limit of {limit}")


def _may_be_overcommitted(name: str) -> bool:
    if name.startswith("hugepages-"):
        return False
    return "/" not in name or "kubernetes.io/" in name


def _is_whole(name: str) -> bool:
    return not _may_be_overcommitted(name) and not names.qualified_name(name) and "/" in name
