"""What happened in a simulation, as lines that a person can read, and counts by kind of fault."""

from __future__ import annotations

from collections import Counter, deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["History"]

_KEPT = 2000


class History:
    """The newest lines, each with its virtual second and who it is about."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._begin = now()
        self._lines: deque[str] = deque(maxlen=_KEPT)
        self.faults: Counter[str] = Counter()
        self.violations: list[str] = []

    def note(self, who: str, what: str) -> None:
        """Something that happened."""
        self._lines.append(f"{self._now() - self._begin:10.3f}  {who:<12} {what}")

    def fault(self, kind: str, who: str, what: str) -> None:
        """A fault that was met."""
        self.faults[kind] += 1
        self.note(who, f"[{kind}] {what}")

    def violation(self, what: str) -> None:
        """Something that must never happen."""
        self.note("INVARIANT", what)
        self.violations.append(what)

    def lines(self, most: int = _KEPT) -> Iterable[str]:
        """The last lines, the oldest first."""
        return list(self._lines)[-most:]
