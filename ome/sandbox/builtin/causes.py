"""Causes worded as kube-apiserver words them: programs and users compare these texts."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ome.sandbox.refusal import Cause

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "duplicate",
    "forbidden",
    "immutable",
    "invalid",
    "not_found",
    "not_supported",
    "required",
    "too_long",
]


def required(field: str, detail: str = "") -> Cause:
    """A field that must be there."""
    return Cause("FieldValueRequired", field, _with("Required value", detail))


def invalid(field: str, value: Any, detail: str = "") -> Cause:
    """A value that cannot be."""
    return Cause("FieldValueInvalid", field, _with(f"Invalid value: {_shown(value)}", detail))


def immutable(field: str, value: Any) -> Cause:
    """A new value for what stays as it was made."""
    return invalid(field, value, "field is immutable")


def not_supported(field: str, value: Any, supported: Iterable[str]) -> Cause:
    """A value outside an enumeration."""
    listed = ", ".join(f'"{choice}"' for choice in supported)
    message = f"Unsupported value: {_shown(value)}: supported values: {listed}"
    return Cause("FieldValueNotSupported", field, message)


def duplicate(field: str, value: Any, detail: str = "") -> Cause:
    """A second one of what must be unique."""
    return Cause("FieldValueDuplicate", field, _with(f"Duplicate value: {_shown(value)}", detail))


def forbidden(field: str, detail: str) -> Cause:
    """What may not be said here."""
    return Cause("FieldValueForbidden", field, _with("Forbidden", detail))


def not_found(field: str, value: Any) -> Cause:
    """A name that nothing has."""
    return Cause("FieldValueNotFound", field, f"Not found: {_shown(value)}")


def too_long(field: str, limit: int) -> Cause:
    """More bytes than there may be."""
    return Cause("FieldValueTooLong", field, f"Too long: may not be more than {limit} bytes")


def _with(said: str, detail: str) -> str:
    return f"{said}: {detail}" if detail else said


def _shown(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
