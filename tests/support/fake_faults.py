"""The requests to the fake cluster that are to fail."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ome.kube.resource import Resource
    from tests.support.fake_watch import Call


@dataclass
class Fault:
    """How the next ``times`` requests of a verb fail; ``after`` they took effect."""

    verb: str
    resource: Resource | None
    error: Exception
    times: int
    after: bool

    def meets(self, call: Call) -> bool:
        """Whether it is this request that fails."""
        verbs = (call.verb, call.request.method, "*")
        return self.verb in verbs and self.resource in (None, call.resource)


class Faults:
    """Those that are still to come, the oldest first."""

    def __init__(self) -> None:
        self._waiting: list[Fault] = []

    def add(self, fault: Fault) -> None:
        self._waiting.append(fault)

    def clear(self) -> None:
        self._waiting.clear()

    def take(self, call: Call) -> Fault | None:
        """What this request meets; it counts as met."""
        fault = next((fault for fault in self._waiting if fault.meets(call)), None)
        if fault is not None:
            fault.times -= 1
            if fault.times <= 0:
                self._waiting.remove(fault)
        return fault
