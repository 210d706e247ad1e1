"""JSON merge patch, RFC 7386."""

from __future__ import annotations

from typing import Any

__all__ = ["merge_patch"]


def merge_patch(document: Any, patch: Any) -> Any:
    """The document with the members of the patch; a null removes, a list replaces.

    The result shares unchanged parts with both arguments.
    """
    if not isinstance(patch, dict):
        return patch
    result = dict(document) if isinstance(document, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merge_patch(result.get(name), value)
    return result
