"""Checks beyond the schema, in the words of the real server."""

from __future__ import annotations

from ome.sandbox.builtin.validation.kinds import validate
from ome.sandbox.builtin.validation.metadata import validate_metadata

__all__ = ["validate", "validate_metadata"]
