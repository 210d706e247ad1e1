"""Plain conditions, as ``metav1.Condition`` has them: laid over those that are stored. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["Wanted", "find_condition", "lay_conditions"]


class Wanted(NamedTuple):
    """What a condition should say; ``status`` is ``True``, ``False`` or ``Unknown``."""

    status: str
    reason: str
    message: str = ""
    observed_generation: int | None = None


def lay_conditions(
    stored: Iterable[Mapping[str, Any]] | None, wanted: Mapping[str, Wanted], wall: str
) -> list[dict[str, Any]]:
    """The conditions to store, sorted by type; those that ``wanted`` does not name stay.

    ``lastTransitionTime`` becomes ``wall`` (RFC 3339) only where the status changes.
    """
    held: dict[str, dict[str, Any]] = {
        entry["type"]: dict(entry) for entry in stored or () if entry.get("type")
    }
    for type_, want in wanted.items():
        before = held.get(type_, {})
        same = before.get("status") == want.status
        made: dict[str, Any] = {
            "type": type_,
            "status": want.status,
            "reason": want.reason,
            "message": want.message,
            "lastTransitionTime": (before.get("lastTransitionTime") if same else None) or wall,
        }
        if want.observed_generation is not None:
            made["observedGeneration"] = want.observed_generation
        held[type_] = made
    return [held[type_] for type_ in sorted(held)]


def find_condition(status: Mapping[str, Any] | None, type_: str) -> Mapping[str, Any]:
    """A condition of a status, by its type; empty when it is not there."""
    held = (status or {}).get("conditions") or ()
    return next((entry for entry in held if entry.get("type") == type_), {})
