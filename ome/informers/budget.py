"""Giving the event loop back during a burst."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio.lowlevel

if TYPE_CHECKING:
    from ome.clock import Clock

__all__ = ["Budget"]


class Budget:
    """Says when it is time to let others run: after ``seconds`` or ``most`` steps.

    The clock is looked at every few steps only. The bound on steps is there for virtual time, in
    which work takes none.
    """

    LOOK = 8

    def __init__(self, clock: Clock, *, seconds: float = 0.005, most: int = 512) -> None:
        self._clock = clock
        self._seconds = seconds
        self._most = most
        self._steps = 0
        self._until = 0.0

    def spent(self) -> bool:
        """Count one step; True when it is time to ``rest``."""
        self._steps += 1
        if self._steps % self.LOOK:
            return False
        return self._steps >= self._most or self._clock.monotonic() >= self._until

    async def rest(self) -> None:
        """Let everything that is ready run once."""
        await anyio.lowlevel.checkpoint()
        self._steps = 0
        self._until = self._clock.monotonic() + self._seconds
