"""Who may write now: asked before each write, so that a replica that lost its lease sends none."""

from __future__ import annotations

from typing import Protocol

__all__ = ["WriteGuard"]


class WriteGuard(Protocol):
    """Admits writes or refuses them; synchronous, so that nothing comes between it and the send."""

    def admit(self) -> float:
        """Seconds that a write which starts now may take. Raises ``NotLeading``."""
        ...
