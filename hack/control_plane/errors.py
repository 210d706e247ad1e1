"""What is told to the person at the terminal instead of a traceback."""

from __future__ import annotations


class ControlPlaneError(Exception):
    """Names what failed, what was expected, and the next step; printed as it is."""
