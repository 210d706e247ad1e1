"""What is new in a status, in words: for people who ask later what happened."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["status_changes"]


def status_changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    """One line for each condition and state that differs."""
    was = _by_type(before)
    for type_, entry in _by_type(after).items():
        old = was.get(type_, {})
        if all(old.get(name) == entry.get(name) for name in ("status", "reason", "message")):
            continue
        turned = entry.get("status") if not old else f"{old.get('status')} -> {entry.get('status')}"
        told = ": ".join(text for text in (entry.get("reason"), entry.get("message")) if text)
        yield f"{type_} {turned}" + (f": {told}" if told else "")
    for name in ("state", "phase"):
        if before.get(name) != after.get(name) and isinstance(after.get(name), str):
            yield f"{name} {before.get(name) or 'none'} -> {after[name]}"


def _by_type(status: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    return {entry.get("type", ""): entry for entry in status.get("conditions") or ()}
