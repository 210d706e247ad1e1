"""The writing part of a pass: apply every planned object in order, then prune what is left over.

A failing object ends its component and those that come later, and says so in their condition.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import structlog

from ome.api import names
from ome.controllers.inferenceservice import rollout
from ome.controllers.inferenceservice.status import condition_prefix
from ome.controllers.inferenceservice.steps import StepFailed
from ome.controllers.regarding import regarding
from ome.errors import ApiError, Conflict, NotOurs, OmeError, RetryAfter
from ome.kube.resource import ObjectKey

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ome.controllers.inferenceservice.children import Children
    from ome.controllers.inferenceservice.passes import Pass
    from ome.controllers.inferenceservice.planning import Planned, Planner
    from ome.kube.events import EventRecorder

__all__ = ["Writer"]

_TURN_RETRY = 15.0
log = structlog.get_logger("InferenceService")


class Writer:
    """Writes plans; what it remembers between passes is only who was just let through."""

    def __init__(self, planner: Planner, children: Children, events: EventRecorder) -> None:
        self._planner = planner
        self._children = children
        self._events = events
        # Services that may replace their pods and whose write is under way.
        self._granted: set[str] = set()

    async def apply(self, run: Pass, planned: Planned) -> bool:
        """Apply every object in order; False when one failed and the rest was left."""
        for component, desired in planned.objects:
            try:
                if desired["kind"] == "Deployment" and not self._may_roll(run, component, desired):
                    continue
                try:
                    await self._children.apply(desired)
                finally:
                    # From here on the written object itself says that it rolls.
                    self._granted.discard(str(run.key))
            except (OmeError, TimeoutError) as error:
                _failed(run, component, desired, error)
                return False
        return True

    async def prune(self, run: Pass, planned: Planned) -> None:
        """Delete what the service made and no longer plans."""
        wanted = [desired for _, desired in planned.objects]
        try:
            for gone in await self._children.prune(run.key, run.stored.metadata.uid, wanted):
                log.info("child.deleted", child=gone)
        except ApiError as error:
            run.error = error

    def _may_roll(self, run: Pass, component: str, desired: dict[str, Any]) -> bool:
        """Whether this pass may change the Deployment's pods; see ``rollout``."""
        metadata = run.service.metadata
        annotations = desired["metadata"].setdefault("annotations", {})
        annotations[rollout.SERVICE_GENERATION] = str(metadata.generation)
        key = ObjectKey(metadata.namespace, desired["metadata"]["name"])
        live = self._children.cached("apps/v1", "Deployment", key)
        if live is None or self._planner.same_pods(live, desired):
            return True
        turn = rollout.take_turn(str(run.key), metadata.generation, live, self._rolling(), limit=1)
        if turn.granted:
            if not turn.own:
                text = (
                    f"Deployment {key.name} replaces its pods: the runtime, model or settings that"
                    " it shares with others changed"
                )
                about = regarding(run.stored.document())
                self._events.record(about, "Normal", "TemplateChanged", text, "Reconcile")
                self._granted.add(str(run.key))
            return True
        run.requeue_after = _TURN_RETRY
        log.info("rollout.waits", component=component, ahead=list(turn.ahead))
        return False

    def _rolling(self) -> Iterable[str]:
        yield from self._granted
        for document in self._children.documents("apps/v1", "Deployment"):
            labels = document["metadata"].get("labels") or {}
            name = labels.get(names.LABEL_INFERENCE_SERVICE)
            if name and rollout.is_rolling(document):
                yield str(ObjectKey(document["metadata"]["namespace"], name))


def _failed(
    run: Pass, component: str, desired: dict[str, Any], error: OmeError | TimeoutError
) -> None:
    named = f"{desired['kind']} {desired['metadata']['name']}"
    condition = f"{condition_prefix(component)}Ready"
    exposed = component == names.COMPONENT_EXTERNAL_SERVICE
    if exposed:
        condition = names.CONDITION_INGRESS_READY
    if isinstance(error, NotOurs):
        text = f"{error}; delete or rename it, or rename the service"
        run.failures.append(StepFailed(condition, names.REASON_SERVICE_CONFLICT, text))
    elif isinstance(error, RetryAfter | Conflict):
        run.error = error
        return
    else:
        reason = names.REASON_INGRESS_FAILED if exposed else names.REASON_INTERNAL
        text = f"failed to reconcile {component}: {named}: {error}"
        run.failures.append(StepFailed(condition, reason, text))
    run.error = error if isinstance(error, OmeError) else OmeError(f"{named}: {error}")
