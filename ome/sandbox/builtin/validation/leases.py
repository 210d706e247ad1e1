"""Leases."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ome.sandbox.builtin.causes import invalid

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ome.sandbox.refusal import Cause

__all__ = ["validate_lease"]


def validate_lease(document: Mapping[str, Any], old: Mapping[str, Any] | None) -> Iterator[Cause]:
    """A Lease."""
    spec = document["spec"]
    if spec.get("leaseDurationSeconds", 1) <= 0:
        yield invalid(
            "spec.leaseDurationSeconds", spec["leaseDurationSeconds"], "must be greater than 0"
        )
    if spec.get("leaseTransitions", 0) < 0:
        yield invalid(
            "spec.leaseTransitions",
            spec["leaseTransitions"],
            "must be greater than or equal to 0",
        )
