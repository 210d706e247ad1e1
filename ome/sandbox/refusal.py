"""What the embedded API server says when it does not do what was asked: ``metav1.Status``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Cause", "Refused", "bad_request", "conflict", "invalid", "not_found"]


@dataclass(frozen=True, slots=True)
class Cause:
    """One field that is wrong: an entry of ``status.details.causes``.

    ``reason`` is one of ``FieldValueRequired``, ``FieldValueInvalid``, ``FieldValueNotSupported``,
    ``FieldValueDuplicate``, ``FieldValueForbidden``, ``FieldValueTooLong``, ``FieldValueTooMany``,
    ``FieldValueTypeInvalid``. ``message`` is the text without the field: ``Required value`` or
    ``Invalid value: -1: must be greater than or equal to 0``.
    """

    reason: str
    field: str
    message: str

    def __str__(self) -> str:
        return f"{self.field}: {self.message}"


class Refused(Exception):
    """A request that ends in a Status: HTTP code, reason, message, details."""

    def __init__(
        self,
        code: int,
        reason: str,
        message: str,
        *,
        details: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message
        self.details = dict(details or {})
        self._detailed = details is not None
        self.headers = dict(headers or {})

    def status(self) -> dict[str, Any]:
        """The body of the answer."""
        body: dict[str, Any] = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
        }
        if self.reason:
            body["reason"] = self.reason
        if self.details or self._detailed:
            body["details"] = self.details
        return {**body, "code": self.code}


def invalid(group: str, kind: str, name: str, causes: Sequence[Cause]) -> Refused:
    """422 with a cause for each field."""
    texts = [str(cause) for cause in causes]
    said = texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
    qualified = f"{kind}.{group}" if group else kind
    return Refused(
        422,
        "Invalid",
        f'{qualified} "{name}" is invalid: {said}',
        details={
            "name": name,
            **({"group": group} if group else {}),
            "kind": kind,
            "causes": [
                {"reason": cause.reason, "message": cause.message, "field": cause.field}
                for cause in causes
            ],
        },
    )


def not_found(group: str, plural: str, name: str) -> Refused:
    """404 of an object."""
    qualified = f"{plural}.{group}" if group else plural
    return Refused(
        404,
        "NotFound",
        f'{qualified} "{name}" not found',
        details={"name": name, **({"group": group} if group else {}), "kind": plural},
    )


def conflict(group: str, plural: str, name: str, why: str) -> Refused:
    """409 of a write whose precondition does not hold."""
    qualified = f"{plural}.{group}" if group else plural
    return Refused(
        409,
        "Conflict",
        f'Operation cannot be fulfilled on {qualified} "{name}": {why}',
        details={"name": name, **({"group": group} if group else {}), "kind": plural},
    )


def bad_request(message: str) -> Refused:
    """400."""
    return Refused(400, "BadRequest", message)
