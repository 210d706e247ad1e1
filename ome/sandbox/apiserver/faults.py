"""Faults on purpose: refused, slow, lost, cut and stale answers, as rules that a test sets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ome.sandbox.apiserver.calls import Answer
from ome.sandbox.refusal import Refused

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from ome.clock import Clock
    from ome.sandbox.apiserver.calls import Call

__all__ = ["Fault", "Faults", "LostAnswer"]


class LostAnswer(Exception):
    """The connection breaks before the answer arrives; a write has taken effect."""


@dataclass
class Fault:
    """What happens to calls for which ``concerns`` holds, ``times`` of them (None: all).

    ``code`` refuses with it; ``delay`` seconds pass first; ``lose`` drops the answer of a call that
    took effect; ``cut_after`` ends a watch after so many chunks.
    """

    concerns: Callable[[Call], bool]
    code: int = 0
    reason: str = "InternalError"
    delay: float = 0.0
    lose: bool = False
    cut_after: int | None = None
    times: int | None = None
    met: int = 0

    def _active(self, call: Call) -> bool:
        return (self.times is None or self.met < self.times) and self.concerns(call)


class Faults:
    """The rules in force; an empty list costs nothing."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.rules: list[Fault] = []

    def add(self, fault: Fault) -> Fault:
        """Begin; ``rules.remove(fault)`` ends it."""
        self.rules.append(fault)
        return fault

    async def before(self, call: Call) -> None:
        """Delay and refuse."""
        for rule in [rule for rule in self.rules if rule._active(call)]:
            if rule.delay:
                rule.met += 1
                await self._clock.sleep(rule.delay)
            if rule.code:
                rule.met += 1
                retry = {"Retry-After": "1"} if rule.code in (429, 503) else {}
                raise Refused(rule.code, rule.reason, "a fault that was asked for", headers=retry)

    def after(self, call: Call, answer: Answer) -> Answer:
        """Lose answers and cut watches. Raises ``LostAnswer``."""
        for rule in [rule for rule in self.rules if rule._active(call)]:
            if rule.lose:
                rule.met += 1
                raise LostAnswer
            if rule.cut_after is not None and answer.stream is not None:
                rule.met += 1
                cut = _cut(answer.stream, rule.cut_after)
                return Answer(answer.status, stream=cut)
        return answer


async def _cut(stream: AsyncIterator[bytes], chunks: int) -> AsyncIterator[bytes]:
    async for chunk in stream:
        if chunks <= 0:
            raise LostAnswer
        chunks -= 1
        yield chunk
