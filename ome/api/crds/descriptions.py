"""What each field of ours means, for ``kubectl explain``."""

from __future__ import annotations

__all__ = ["describe"]


def describe(owner: str, field: str) -> str | None:
    """The description of a field by the class that declares it."""
    return None
