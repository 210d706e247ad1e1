"""What happened in a run: readable lines, counts for each kind of fault, and a hash of it all."""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter, deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["History"]

_KEPT = 4_000


class History:
    """Lines with their virtual time; the last few thousand are kept, all of them are hashed."""

    def __init__(self) -> None:
        self.faults: Counter[str] = Counter()
        self.problems: list[str] = []
        self._lines: deque[str] = deque(maxlen=_KEPT)
        self._hash = hashlib.sha256()
        self._began = _now()

    @property
    def seconds(self) -> float:
        """Virtual time since the beginning."""
        return _now() - self._began

    def say(self, who: str, text: str) -> None:
        """One line."""
        line = f"{self.seconds:10.3f} {who:<10} {text}"
        self._lines.append(line)
        self._hash.update(line.encode() + b"\n")

    def fault(self, kind: str, who: str, text: str = "") -> None:
        """A fault has happened to somebody."""
        self.faults[kind] += 1
        self.say(who, f"** {kind} {text}".rstrip())

    def problem(self, text: str) -> None:
        """An invariant is broken: the run has failed."""
        self.problems.append(f"{self.seconds:.3f}: {text}")
        self.say("REFEREE", text)

    def digest(self) -> str:
        """Equal for runs in which the same happened at the same time."""
        return self._hash.hexdigest()

    def tail(self, count: int = _KEPT) -> Iterator[str]:
        """The last lines."""
        lines = list(self._lines)
        yield from lines[-count:]


def _now() -> float:
    return asyncio.get_running_loop().time()
