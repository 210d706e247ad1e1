"""How much of a thorough test is done at every commit, and how much in the slow tier."""

from __future__ import annotations

import os

__all__ = ["SLOW", "examples"]

SLOW = bool(os.environ.get("OME_CONTROL_PLANE_DIR") or os.environ.get("OME_SLOW_TESTS"))
"""Whether this run is of the slow tier: ``--slow``, or on the real control plane."""


def examples(thorough: int) -> int:
    """Examples of a property: so many in the slow tier, a fifth of them (ten at least) else."""
    return thorough if SLOW else max(thorough // 5, 10)
