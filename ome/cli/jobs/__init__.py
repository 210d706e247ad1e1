"""What pods run of the agent's image: one thing, to its end."""

from __future__ import annotations
