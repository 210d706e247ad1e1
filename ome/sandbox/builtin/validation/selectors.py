"""Selectors of labels and of nodes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ome.sandbox.builtin import names
from ome.sandbox.builtin.causes import forbidden, invalid, required
from ome.sandbox.builtin.validation.metadata import validate_labels

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ome.sandbox.refusal import Cause

__all__ = ["validate_node_selector", "validate_selector"]


def validate_selector(selector: Mapping[str, Any], field: str) -> list[Cause]:
    """A ``metav1.LabelSelector``."""
    found = validate_labels(selector.get("matchLabels", {}), f"{field}.matchLabels")
    for index, expression in enumerate(selector.get("matchExpressions", ())):
        found += _expression(expression, f"{field}.matchExpressions[{index}]", "In NotIn")
    return found


def validate_node_selector(selector: Mapping[str, Any], field: str) -> list[Cause]:
    """Required terms of a node affinity."""
    terms = selector.get("nodeSelectorTerms")
    if not terms:
        return [required(f"{field}.nodeSelectorTerms", "must have at least one node selector term")]
    return [
        cause
        for index, term in enumerate(terms)
        for number, expression in enumerate(term.get("matchExpressions", ()))
        for cause in _expression(
            expression,
            f"{field}.nodeSelectorTerms[{index}].matchExpressions[{number}]",
            "In NotIn Lt Gt",
        )
    ]


def _expression(expression: Mapping[str, Any], field: str, with_values: str) -> Iterator[Cause]:
    operator, values = expression.get("operator", ""), expression.get("values", ())
    if operator in ("Exists", "DoesNotExist"):
        if values:
            yield forbidden(
                f"{field}.values",
                "may not be specified when `operator` is 'Exists' or 'DoesNotExist'",
            )
    elif operator not in with_values.split():
        yield invalid(f"{field}.operator", operator, "not a valid selector operator")
    elif operator in ("Lt", "Gt"):
        if len(values) != 1:
            yield required(
                f"{field}.values",
                "must be specified single value when `operator` is 'Lt' or 'Gt'",
            )
    elif not values:
        yield required(f"{field}.values", "must be specified when `operator` is 'In' or 'NotIn'")
    for text in names.qualified_name(expression.get("key", "")):
        yield invalid(f"{field}.key", expression.get("key", ""), text)
