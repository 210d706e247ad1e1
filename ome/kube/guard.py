"""Who may write now: asked before each write, so that a replica that lost its lease sends none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

__all__ = ["WriteGuard"]


class WriteGuard(Protocol):
    """Admits writes or refuses them; synchronous, so that nothing comes between it and the send."""

    def admit(self) -> float:
        """Seconds that a write which starts now may take. Raises ``NotLeading``."""
        ...

    def in_flight(self, seconds: float) -> AbstractContextManager[None]:
        """Wraps the sending of a write that was admitted.

        Left with an answer, or with ``NotSent`` or ``NotLeading``, the write is over. Left in any
        other way, cancelled too, it may still arrive until so many seconds after it was entered.
        """
        ...
