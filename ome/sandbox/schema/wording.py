"""Causes that only custom resources have, worded as the real server words them."""

from __future__ import annotations

from typing import Any

import msgspec

from ome.sandbox.refusal import Cause

__all__ = ["NOWHERE", "NO_QUANTITY", "literal", "too_many", "type_invalid"]

NOWHERE = "<nil>"
"""The field of causes that the server gives no field."""

NO_QUANTITY = (
    "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
)
"""What is said of a text that is no quantity, wherever one is read."""


def literal(value: Any) -> str:
    """A value as JSON; whole floats without their point."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e21:
        value = int(value)
    return msgspec.json.encode(value).decode()


def type_invalid(path: str, wanted: str, found: str) -> Cause:
    """A value of another type, or a text that is not of the format."""
    shown = literal(found)
    return Cause(
        "FieldValueTypeInvalid",
        path,
        f"Invalid value: {shown}: {path} in body must be of type {wanted}: {shown}",
    )


def too_many(path: str, count: int, limit: int) -> Cause:
    """More items, or members, than there may be."""
    items = "item" if limit == 1 else "items"
    message = f"Too many: {count}: must have at most {limit} {items}"
    return Cause("FieldValueTooMany", path, message)
