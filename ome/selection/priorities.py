"""Runtimes that automatic selection cannot tell apart: one format, one size range, one priority."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Hashable

    from ome.api import ModelFormat, ModelFrameworkSpec, ServingRuntimeSpec, SupportedModelFormat

__all__ = ["priority_conflict", "ranks"]

Rank = tuple["Hashable", ...]


def ranks(spec: ServingRuntimeSpec) -> dict[Rank, str]:
    """Keys that two runtimes share when they overlap, each with the format's name for users.

    A runtime that is disabled or names no protocol overlaps with none, and an entry counts only
    with ``autoSelect`` and a priority.
    """
    if spec.disabled:
        return {}
    bounds = spec.model_size_range
    sizes = None if bounds is None else (bounds.min, bounds.max)
    return {
        (protocol, sizes, *_identity(entry)): _label(entry)
        for entry in spec.supported_model_formats or ()
        if entry.auto_select and entry.priority is not None
        for protocol in spec.protocol_versions or ()
    }


def priority_conflict(left: ServingRuntimeSpec, right: ServingRuntimeSpec) -> str:
    """The first format that both serve with the same priority; empty when there is none."""
    others = ranks(right)
    return next((label for rank, label in ranks(left).items() if rank in others), "")


def _label(entry: SupportedModelFormat) -> str:
    return entry.name or (entry.model_format.name if entry.model_format else "")


def _identity(entry: SupportedModelFormat) -> tuple[Hashable, ...]:
    return (
        (entry.name or "").lower(),
        entry.version,
        entry.quantization,
        entry.model_architecture,
        _values(entry.model_format),
        _values(entry.model_framework),
        entry.priority,
    )


def _values(part: ModelFormat | ModelFrameworkSpec | None) -> tuple[Hashable, ...] | None:
    return None if part is None else (part.name, part.version, part.operator, part.weight)
