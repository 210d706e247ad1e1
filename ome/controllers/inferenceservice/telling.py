"""The telling part of a pass: the status, and events for what changed in it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from ome.api import names
from ome.clock import rfc3339
from ome.controllers.inferenceservice.status import Outcome, compute_status, virtual_status
from ome.controllers.regarding import regarding
from ome.errors import ApiError, Conflict

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ome.controllers.context import ControllerContext
    from ome.controllers.inferenceservice.measures import Measures
    from ome.controllers.inferenceservice.passes import Pass
    from ome.controllers.userobjects import UserObjects

__all__ = ["Teller"]


class Teller:
    """Writes the status when it changed, and records an event for what a user should notice."""

    def __init__(
        self,
        context: ControllerContext,
        writes: UserObjects,
        measures: Measures,
    ) -> None:
        self._context = context
        self._writes = writes
        self._measures = measures

    async def tell(self, run: Pass) -> None:
        """Bring status and events up to what the pass saw. Raises as ``Applier.write_status``."""
        stored_document = run.stored.document()
        before = stored_document.get("status") or {}
        wall = rfc3339(self._context.clock.wall())
        if run.virtual_url:
            generation = run.service.metadata.generation
            after = virtual_status(
                before, generation, run.virtual_url, wall=wall, paused=run.paused
            )
        else:
            after = compute_status(before, _outcome(run), wall=wall)
        if after != before:
            await self._write(run, stored_document, after)
        self._events(run, _by_type(before), _by_type(after))
        self._measures.told(
            run,
            before.get("observedGeneration") or 0,
            datetime.fromisoformat(stored_document["metadata"]["creationTimestamp"]).timestamp(),
            _by_type(after)[names.CONDITION_READY]["status"] == "True",
            self._context.clock.wall(),
        )

    async def _write(self, run: Pass, stored: Mapping[str, Any], status: Mapping[str, Any]) -> None:
        try:
            await self._writes.write_status(stored, status)
        except Conflict:
            raise  # somebody wrote meanwhile: the key runs again
        except ApiError as error:
            name = run.stored.metadata.name
            text = f'Failed to update status for InferenceService "{name}": {error}'
            self._record(run, "Warning", names.REASON_UPDATE_FAILED, text)
            raise

    def _events(
        self, run: Pass, old: Mapping[str, dict[str, Any]], new: Mapping[str, dict[str, Any]]
    ) -> None:
        said = [
            (failure.condition, failure.reason, failure.event)
            for failure in run.failures
            if failure.event
        ]
        if run.unsatisfied:
            reason = names.REASON_ACCELERATOR_CLASS
            said.append((names.CONDITION_ACCELERATOR_SELECTED, reason, run.unsatisfied))
        for type_, reason, text in said:
            entry, previous = new[type_], old.get(type_)
            same = previous is not None and all(
                previous.get(member) == entry.get(member) for member in ("reason", "message")
            )
            if not same:
                self._record(run, "Warning", reason, text)
        name = run.stored.metadata.name
        was = old.get(names.CONDITION_READY, {}).get("status")
        now = new[names.CONDITION_READY]["status"]
        if now == "True" and was != "True":
            text = f"InferenceService [{name}] is Ready"
            self._record(run, "Normal", names.REASON_SERVICE_READY, text)
        elif was == "True" and now == "False":
            text = f"InferenceService [{name}] is no longer Ready"
            self._record(run, "Warning", names.REASON_SERVICE_NOT_READY, text)

    def _record(
        self, run: Pass, type_: Literal["Normal", "Warning"], reason: str, text: str
    ) -> None:
        about = regarding(run.stored.document())
        self._context.events.record(about, type_, reason, text, "Reconcile")


def _by_type(status: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    return {entry["type"]: entry for entry in status.get("conditions") or ()}


def _outcome(run: Pass) -> Outcome:
    return Outcome(
        generation=run.service.metadata.generation,
        components=tuple(run.components),
        ingress=run.ingress,
        failures=tuple(run.failures),
        present=_present(run),
        unsatisfied=run.unsatisfied,
        serverless=run.serverless,
        paused=run.paused,
        waiting=frozenset(run.waiting),
    )


def _present(run: Pass) -> frozenset[str]:
    """The components that the service has."""
    spec = run.service.spec
    blocks = {
        names.COMPONENT_ENGINE: spec.engine or spec.model,
        names.COMPONENT_DECODER: spec.decoder,
        names.COMPONENT_ROUTER: spec.router,
    }
    return frozenset(name for name, block in blocks.items() if block is not None)
