"""The patch types of the API besides server-side apply. Pure functions."""

from __future__ import annotations

from ome.sandbox.patches.json_patch import json_patch
from ome.sandbox.patches.merge import merge_patch
from ome.sandbox.patches.strategic import strategic_patch

__all__ = ["json_patch", "merge_patch", "strategic_patch"]
