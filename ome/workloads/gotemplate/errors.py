"""Why a template cannot be read or rendered."""

from __future__ import annotations

from ome.errors import OmeError

__all__ = ["TemplateError"]


class TemplateError(OmeError):
    """The text of the template, or what it asks for, is wrong."""
