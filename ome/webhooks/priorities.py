"""Priorities that contradict each other, inside a runtime and between two."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ome.api import ServingRuntimeSpec, SupportedModelFormat

__all__ = ["inner_conflicts", "outer_conflicts"]


def inner_conflicts(spec: ServingRuntimeSpec) -> list[tuple[int, str]]:
    """(index, format) of the first entry of each format whose priority differs from the first's.

    Only entries with ``autoSelect`` and a priority count; an entry's format is its legacy name,
    else the name of its model format.
    """
    first: dict[str, int] = {}
    found: dict[str, int] = {}
    for index, entry in enumerate(spec.supported_model_formats or ()):
        if not entry.auto_select or entry.priority is None:
            continue
        if entry.priority != first.setdefault(_label(entry), entry.priority):
            found.setdefault(_label(entry), index)
    return [(index, format_) for format_, index in found.items()]


def outer_conflicts(new: ServingRuntimeSpec, other: ServingRuntimeSpec) -> list[tuple[int, str]]:
    """(index in ``new``, format) of entries that the other runtime serves with equal priority.

    Runtimes without a protocol in common, and ones that are disabled, do not meet.
    """
    if other.disabled or not set(new.protocol_versions or ()) & set(other.protocol_versions or ()):
        return []
    if _sizes(new) != _sizes(other):
        return []
    theirs = {_identity(entry) for entry in other.supported_model_formats or () if _counts(entry)}
    return [
        (index, _label(entry))
        for index, entry in enumerate(new.supported_model_formats or ())
        if _counts(entry) and _identity(entry) in theirs
    ]


def _counts(entry: SupportedModelFormat) -> bool:
    return bool(entry.auto_select) and entry.priority is not None


def _label(entry: SupportedModelFormat) -> str:
    return entry.name or (entry.model_format.name if entry.model_format else "")


def _sizes(spec: ServingRuntimeSpec) -> tuple[str | None, str | None] | None:
    bounds = spec.model_size_range
    return None if bounds is None else (bounds.min, bounds.max)


def _identity(entry: SupportedModelFormat) -> tuple[object, ...]:
    """What two entries must share to be equal; the models fill in absent operators and weights."""
    return (
        (entry.name or "").lower(),
        entry.version,
        entry.quantization,
        entry.model_framework,
        entry.model_format,
        entry.model_architecture,
        entry.priority,
    )
