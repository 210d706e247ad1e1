"""Events about benchmarks: one when something about them changes, never for each pass."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ome.api import names
from ome.controllers.benchmarkjob.status import ENDPOINT_READY, JOB_CREATED, SPEC_APPLIED
from ome.controllers.metaconditions import find_condition
from ome.controllers.regarding import regarding

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ome.errors import ApiError
    from ome.kube.events import EventRecorder

__all__ = ["Teller"]


class Teller:
    """Records what users of a BenchmarkJob want to hear."""

    def __init__(self, events: EventRecorder) -> None:
        self._events = events

    def created(self, document: Mapping[str, Any]) -> None:
        """Its Job was made."""
        name = document["metadata"]["name"]
        self._normal(document, names.REASON_JOB_CREATED, f"Job {name} runs the benchmark")

    def status_failed(self, document: Mapping[str, Any], error: ApiError) -> None:
        """The server refused the status."""
        self._warn(document, names.REASON_STATUS_UPDATE_FAILED, str(error))

    def changed(
        self, document: Mapping[str, Any], before: Mapping[str, Any], after: Mapping[str, Any]
    ) -> None:
        """Its status is another one now."""
        if after.get("state") != before.get("state"):
            self._ended(document, after)
        self._waits(document, before, after)
        self._lost(document, before, after)
        ignored = find_condition(after, SPEC_APPLIED)
        if ignored.get("status") == "False" and ignored.get("observedGeneration") != find_condition(
            before, SPEC_APPLIED
        ).get("observedGeneration"):
            self._warn(document, names.REASON_SPEC_CHANGE_IGNORED, ignored["message"])

    def _ended(self, document: Mapping[str, Any], after: Mapping[str, Any]) -> None:
        if after["state"] == "Completed":
            text = after.get("details") or "the benchmark has completed"
            self._normal(document, names.REASON_JOB_COMPLETED, text)
        elif after["state"] == "Failed":
            text = after.get("failureMessage") or "the benchmark has failed"
            self._warn(document, names.REASON_JOB_FAILED, text)

    def _waits(
        self, document: Mapping[str, Any], before: Mapping[str, Any], after: Mapping[str, Any]
    ) -> None:
        now, was = find_condition(after, JOB_CREATED), find_condition(before, JOB_CREATED)
        reason, text = now.get("reason", ""), now.get("message", "")
        if now.get("status") != "False" or not text:
            return
        if (reason, text) == (was.get("reason"), was.get("message")):
            return
        if reason in (names.REASON_WAITING_FOR_SERVICE, names.REASON_WAITING_FOR_REMOVAL):
            self._normal(document, reason, text)
        else:
            self._warn(document, reason, text)

    def _lost(
        self, document: Mapping[str, Any], before: Mapping[str, Any], after: Mapping[str, Any]
    ) -> None:
        """The service went away while it is measured."""
        now, was = find_condition(after, ENDPOINT_READY), find_condition(before, ENDPOINT_READY)
        reason = names.REASON_SERVICE_NOT_FOUND
        if after.get("state") == "Running" and now.get("reason") == reason != was.get("reason"):
            self._warn(document, reason, f"{now['message']}; its requests fail")

    def _normal(self, document: Mapping[str, Any], reason: str, text: str) -> None:
        self._events.record(regarding(document), "Normal", reason, text, "Reconcile")

    def _warn(self, document: Mapping[str, Any], reason: str, text: str) -> None:
        self._events.record(regarding(document), "Warning", reason, text, "Reconcile")
