"""Warning events about models: each reason at most once a minute, and the last word is always said.

What changes within the minute waits for its end and is said then as it is by then. Nothing is
remembered beyond the process: after a restart only what changes from then on is told.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ome.controllers.regarding import regarding

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from typing import Any

    from ome.clock import Clock
    from ome.controllers.basemodel.problems import Problem
    from ome.kube.events import EventRecorder
    from ome.kube.resource import ObjectKey

__all__ = ["PAUSE", "Alerts"]

PAUSE = 60.0
"""Seconds between two events of one reason on one model."""


class Alerts:
    """What was told of each model, and what waits to be told."""

    def __init__(self, events: EventRecorder, clock: Clock) -> None:
        self._events = events
        self._clock = clock
        self._told: dict[ObjectKey, dict[str, float]] = {}
        self._waiting: dict[ObjectKey, set[str]] = {}

    def tell(
        self,
        key: ObjectKey,
        document: Mapping[str, Any],
        found: Sequence[Problem],
        changed: Collection[str],
    ) -> float | None:
        """Tell the reasons that changed; gives the seconds until what waits may be told.

        The minute is that of the event's reason, which several problems may share.
        """
        waiting = self._waiting.pop(key, set()) | set(changed)
        due = [problem for problem in found if problem.reason in waiting]
        if not due:
            return None
        now = self._clock.monotonic()
        recent = self._told.get(key, {})
        told = {reason: at for reason, at in recent.items() if now < at + PAUSE}
        later: dict[str, float] = {}
        for problem in due:
            event = problem.event or problem.reason
            if event in told:
                later[problem.reason] = told[event] + PAUSE - now
                continue
            told[event] = now
            self._events.record(regarding(document), "Warning", event, problem.text, "Reconcile")
        self._told[key] = told
        if not later:
            return None
        self._waiting[key] = set(later)
        return min(later.values())

    def forget(self, key: ObjectKey) -> None:
        """The model is gone."""
        self._told.pop(key, None)
        self._waiting.pop(key, None)
