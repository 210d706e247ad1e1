"""What the user is told when a webhook denies or cannot be asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ome.sandbox.refusal import Refused, bad_request

if TYPE_CHECKING:
    from ome.sandbox.admission.reviews import Result

__all__ = ["CallFailed", "denied", "dry_run_unsupported", "internal"]


class CallFailed(Exception):
    """A webhook gave no usable answer; its ``failurePolicy`` says what follows."""

    def refused(self, webhook: str) -> Refused:
        """The 500 that ``failurePolicy: Fail`` makes of it."""
        return internal(f'failed calling webhook "{webhook}": {self}')


def internal(message: str) -> Refused:
    """500."""
    return Refused(
        500,
        "InternalError",
        f"Internal error occurred: {message}",
        details={"causes": [{"message": message}]},
    )


def denied(webhook: str, result: Result | None) -> Refused:
    """What a webhook said with its denial; 400 unless it gave the code of an error."""
    who = f'admission webhook "{webhook}" denied the request'
    if result is None:
        return Refused(400, "", f"{who} without explanation")
    said = result.message or result.reason
    return Refused(
        max(result.code, 400),
        result.reason,
        f"{who}: {said}" if said else f"{who} without explanation",
        details=result.details or None,
    )


def dry_run_unsupported(webhook: str) -> Refused:
    """400."""
    return bad_request(f'admission webhook "{webhook}" does not support dry run')
