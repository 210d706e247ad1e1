"""Warnings of webhooks on their way to the user."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["header", "limited"]

_MOST_CHARACTERS = 4096
_MOST_OF_ONE_WHEN_CUT = 256


def limited(texts: Iterable[str]) -> list[str]:
    """The warnings that an answer may carry.

    Each text once and none with control characters. Those whose sum is longer than 4096 characters
    are cut to 256 each, and end with the first that reaches 4096.
    """
    kept = [text for text in dict.fromkeys(texts) if text and not _has_control(text)]
    if sum(map(len, kept)) <= _MOST_CHARACTERS:
        return kept
    total, cut = 0, []
    for text in kept:
        if total >= _MOST_CHARACTERS:
            break
        cut.append(text[:_MOST_OF_ONE_WHEN_CUT])
        total += len(cut[-1])
    return cut


def header(texts: Iterable[str]) -> dict[str, str]:
    """The ``Warning`` header of a refusal, no header without warnings."""
    quoted = [text.replace("\\", "\\\\").replace('"', '\\"') for text in limited(texts)]
    return {"Warning": ", ".join(f'299 - "{text}"' for text in quoted)} if quoted else {}


def _has_control(text: str) -> bool:
    return any(unicodedata.category(character) == "Cc" for character in text)
