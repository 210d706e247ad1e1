"""JSON that stands as a text in a field which anybody may have written."""

from __future__ import annotations

import json
from typing import Any

__all__ = ["read_json"]


def read_json(text: str) -> Any:
    """The value. Raises ``ValueError`` for what is no JSON or cannot be held."""
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
