"""A pass over an InferenceService is a row of steps; this is how one of them fails."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ome.errors import OmeError

if TYPE_CHECKING:
    from collections.abc import Hashable

__all__ = ["StepFailed"]


class StepFailed(OmeError):
    """A step of the pass cannot go on; the status says which one and what to do.

    ``condition`` is the condition that becomes False, ``reason`` its reason and that of the Warning
    event, the text its message: the object, the field and the next step in one line. ``event`` is
    the text of the event where that must be shorter; ``quiet`` where nothing is wrong and none is
    due.
    ``model_failure`` is the ``lastFailureInfo.reason`` of errors in the model or the runtime, and
    ``waiting`` says that only a new or changed object can mend it, so nothing is retried;
    ``topics`` are what such an object would have in common with the service, see ``Usage``.
    """

    def __init__(
        self,
        condition: str,
        reason: str,
        message: str,
        *,
        model_failure: str | None = None,
        waiting: bool = False,
        event: str = "",
        quiet: bool = False,
        topics: frozenset[Hashable] = frozenset(),
    ) -> None:
        super().__init__(message)
        self.condition = condition
        self.reason = reason
        self.message = message
        self.model_failure = model_failure
        self.waiting = waiting
        self.event = "" if quiet else event or message
        self.topics = topics
