"""Priorities that contradict each other inside a runtime."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ome.api import ServingRuntimeSpec, SupportedModelFormat

__all__ = ["inner_conflicts"]


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


def _label(entry: SupportedModelFormat) -> str:
    return entry.name or (entry.model_format.name if entry.model_format else "")
