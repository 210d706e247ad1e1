"""How many nodes may fetch a model at a time."""

from __future__ import annotations

__all__ = ["nodes_at_once"]


def nodes_at_once(text: str) -> int | None:
    """The number that ``ome.io/max-concurrent-nodes`` says; 0 for any, None when it is none."""
    text = text.strip()
    if not text:
        return 0
    number = int(text) if text.isascii() and text.isdecimal() and len(text) < 5 else 0
    return number or None
