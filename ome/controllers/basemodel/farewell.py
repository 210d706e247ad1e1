"""A model on its way out that nodes still hold: told why it stays, or let go by force."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Literal

from ome.agent.protocol import DELETED, NOT_REMOVED
from ome.api import names
from ome.controllers.basemodel.problems import nodes, one_line
from ome.controllers.regarding import regarding

if TYPE_CHECKING:
    from ome.clock import Clock
    from ome.controllers.basemodel.aggregate import ModelReports
    from ome.informers.projection import WholeObject
    from ome.kube.events import EventRecorder

__all__ = ["PATIENCE", "Farewell"]

PATIENCE = 30.0
"""Seconds that agents get to remove the files before anybody is told."""


class Farewell:
    """Decides about deleting models whose files nodes still report."""

    def __init__(self, events: EventRecorder, clock: Clock) -> None:
        self._events = events
        self._clock = clock

    def lets_go(self, stored: WholeObject, reports: ModelReports) -> bool:
        """Whether ``ome.io/force-delete`` releases it; tells users what it waits for."""
        forced = stored.metadata.annotations.get(names.ANNOTATION_FORCE_DELETE) == "true"
        held = self._holders(reports)
        if forced:
            self._tell(
                stored,
                "Warning",
                names.REASON_FORCE_DELETED,
                f"released by annotation {names.ANNOTATION_FORCE_DELETE} while {held} it; what"
                " an agent cannot remove now stays on its node until somebody deletes it there",
            )
        elif self._waited(stored) >= PATIENCE:
            self._tell(
                stored,
                "Normal",
                names.REASON_WAITING_FOR_NODES,
                f"not deleted yet: {held} it; {self._next_step(reports)}, or annotate the model"
                f' {names.ANNOTATION_FORCE_DELETE}: "true" to give the files up',
            )
        return forced

    @staticmethod
    def _holders(reports: ModelReports) -> str:
        said = reports.by_report.items()
        holders = [node for report, group in said if report.state != DELETED for node in group]
        verb = "still reports" if len(holders) == 1 else "still report"
        return f"{nodes(len(holders))} (first {min(holders)}) {verb}"

    @staticmethod
    def _next_step(reports: ModelReports) -> str:
        """What an agent says that it could not do; where none does, maybe none is there."""
        told = {
            reports.first(report): report.entry.error.message
            for report in reports.by_report
            if report.entry is not None and report.entry.error is not None
            if report.state != DELETED and report.entry.error.reason == NOT_REMOVED
        }
        if not told:
            return "see that the agent runs there"
        node = min(told)
        return f"on node {node} the files could not be removed: {one_line(told[node])}; mend that"

    def _waited(self, stored: WholeObject) -> float:
        since = datetime.fromisoformat(stored.metadata.deletion_timestamp or "")
        return self._clock.wall() - since.timestamp()

    def _tell(
        self, stored: WholeObject, type_: Literal["Normal", "Warning"], reason: str, text: str
    ) -> None:
        self._events.record(regarding(stored.document()), type_, reason, text, "Delete")
