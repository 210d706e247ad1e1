"""Custom resources against the schema of their definition."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ome.sandbox.refusal import Cause
from ome.sandbox.schema.correlation import ABSENT
from ome.sandbox.schema.rules import broken_rules
from ome.sandbox.schema.shapes import shape_of
from ome.sandbox.schema.structural import check_root
from ome.sandbox.schema.unique import repeated
from ome.sandbox.schema.wording import NOWHERE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ome.api.openapi import SchemaNode

__all__ = ["validate"]

_BLOCKING = frozenset(
    {
        "FieldValueNotSupported",
        "FieldValueRequired",
        "FieldValueTooLong",
        "FieldValueTooMany",
        "FieldValueTypeInvalid",
    }
)
"""With one of these the object is too unlike its schema for rules to be evaluated."""

_NOT_CHECKED = Cause(
    "FieldValueInvalid",
    NOWHERE,
    "Invalid value: null: some validation rules were not checked because the object was invalid;"
    " correct the existing errors to complete validation",
)


def validate(
    document: Mapping[str, Any], node: SchemaNode, old: Mapping[str, Any] | None
) -> list[Cause]:
    """All that is wrong with a document, its metadata apart; of an update only what it changed."""
    shape = shape_of(node)
    before: Any = ABSENT if old is None else old
    causes = list(check_root(document, shape, before))
    twice = list(repeated(document, shape))
    # Repetitions are let pass when there were some already, wherever.
    if twice and (old is None or not any(repeated(old, shape))):
        causes += twice
    if not shape.has_rules:
        return causes
    if any(cause.reason in _BLOCKING for cause in causes):
        return [*causes, _NOT_CHECKED]
    return causes + list(broken_rules(document, shape, before))
