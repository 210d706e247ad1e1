"""What an entry and a model must have in common, as keys for indexes.

Format, framework, architecture and quantization match only when they are equal (absent equals
absent), so an entry that matches a model has the model's *facets*. An index of runtimes by the
facets of their entries gives the few that can serve a model, among a thousand.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from ome.api import BaseModelSpec, ServingRuntimeSpec, SupportedModelFormat

__all__ = ["Facets", "facets_of_model", "facets_of_runtime", "near_misses"]


class Facets(NamedTuple):
    """The dimensions that are compared by equality."""

    format: str
    framework: str | None
    architecture: str | None
    quantization: str | None


def facets_of_model(model: BaseModelSpec) -> Facets:
    """The facets that an entry must have to match the model."""
    format_, framework = model.model_format, model.model_framework
    return Facets(
        format_.name if format_ else "",
        framework.name if framework else None,
        model.model_architecture,
        model.quantization,
    )


def facets_of_runtime(spec: ServingRuntimeSpec) -> frozenset[Facets]:
    """The facets of every entry; an entry without format matches nothing and has none."""
    return frozenset(
        _of_entry(entry, entry.model_format.name)
        for entry in spec.supported_model_formats or ()
        if entry.model_format is not None
    )


def _of_entry(entry: SupportedModelFormat, format_: str) -> Facets:
    framework = entry.model_framework
    return Facets(
        format_,
        framework.name if framework else None,
        entry.model_architecture,
        entry.quantization,
    )


def near_misses(facets: Facets) -> tuple[tuple[str, str | None, str | None, str | None], ...]:
    """Keys that two facets share when they are equal, or of one architecture and one thing off.

    A runtime that was written for a model and does not fit it is told from one that was written for
    another model: the user who waits wants to read about the first.
    """
    format_, framework, architecture, quantization = facets
    return (
        (format_, framework, architecture, "*"),
        (format_, "*", architecture, quantization),
        ("*", framework, architecture, quantization),
    )
