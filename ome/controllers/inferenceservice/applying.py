"""The writing part of a pass: apply every planned object in order, then prune what is left over.

A failing object ends its component and those that come later, and says so in their condition.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import structlog

from ome.api import names
from ome.controllers.inferenceservice import rollout
from ome.controllers.inferenceservice.adopting import with_kept_pods
from ome.controllers.inferenceservice.needs import NEEDS
from ome.controllers.inferenceservice.planning import wants_upgrade
from ome.controllers.inferenceservice.status import condition_prefix
from ome.controllers.inferenceservice.steps import StepFailed
from ome.controllers.inferenceservice.workload import (
    is_workload,
    planned_hash,
    rolls_since,
    same_pods,
)
from ome.controllers.regarding import regarding
from ome.errors import ApiError, Conflict, NotOurs, OmeError, RetryAfter
from ome.kube.compare import contains
from ome.kube.resource import ObjectKey
from ome.kube.resources import SERVICES
from ome.telemetry.flights import decided

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ome.clock import Clock
    from ome.controllers.inferenceservice.children import Children
    from ome.controllers.inferenceservice.passes import Pass
    from ome.controllers.inferenceservice.planning import Planned
    from ome.kube.events import EventRecorder

__all__ = ["Writer"]

_TURN_RETRY = 15.0
_STUCK = 1800.0
"""Seconds after which a workload that still replaces its pods holds up no other service."""
_FRONTS = {"Service": "external service", "InferencePool": "inference pool"}
log = structlog.get_logger("InferenceService")


class Writer:
    """Writes plans; what it remembers between passes is only who was just let through."""

    def __init__(self, children: Children, events: EventRecorder, clock: Clock) -> None:
        self._children = children
        self._clock = clock
        self._events = events
        # Services that may replace their pods and whose write is under way.
        self._granted: set[str] = set()
        # When services changed their mode. The new workload cannot say that it took another's
        # place; a restart forgets it, and lets one more service begin.
        self._moved: dict[str, float] = {}

    def forget(self, key: ObjectKey) -> None:
        """The service is gone."""
        self._moved.pop(str(key), None)

    async def apply(self, run: Pass, planned: Planned) -> bool:
        """Apply every object in order; False when one failed and the rest was left.

        A component that has to wait for its turn is left as it is, all its objects.
        """
        for component, desired in planned.objects:
            if component in run.waiting:
                continue
            if self.is_missing(run, component, desired["apiVersion"], desired["kind"]):
                return False
            try:
                await self._apply(run, planned, component, desired)
            except (OmeError, TimeoutError) as error:
                _failed(run, component, desired, error)
                return False
        return True

    async def _apply(
        self, run: Pass, planned: Planned, component: str, desired: dict[str, Any]
    ) -> None:
        if self._is_left_out(desired):
            return
        if is_workload(desired):
            desired = self._with_kept_pods(run, desired)
            if not self._may_roll(run, planned, component, desired):
                return
        try:
            # Not before it is known that this object may be written: what goes serves until then.
            for gone in await self._children.make_way(desired, run.key, run.stored.metadata.uid):
                log.info("child.deleted", child=gone)
            await self._children.apply(desired)
            if is_workload(desired) and str(run.key) in self._granted:
                self._began(run, desired)
        finally:
            if is_workload(desired):
                # From here on the written object itself says that it rolls.
                self._granted.discard(str(run.key))

    def _began(self, run: Pass, desired: Mapping[str, Any]) -> None:
        """Pods are replaced that nobody asked this service to replace: an event."""
        if str(run.key) in self._moved:
            self._moved[str(run.key)] = self._clock.wall()  # it may have been refused for long
        text = (
            f"{desired['kind']} {desired['metadata']['name']} replaces its pods: the runtime, model"
            " or settings that it shares with others changed, or an annotation that shapes pods"
        )
        about = regarding(run.stored.document())
        self._events.record(about, "Normal", "TemplateChanged", text, "Reconcile")

    def _with_kept_pods(self, run: Pass, desired: dict[str, Any]) -> dict[str, Any]:
        """The workload, with what stays of the pods that it has."""
        metadata = run.service.metadata
        key = ObjectKey(metadata.namespace, desired["metadata"]["name"])
        live = self._children.cached(desired["apiVersion"], desired["kind"], key)
        upgrade = wants_upgrade(run.service)
        return with_kept_pods(live, desired, metadata.generation, upgrade=upgrade)

    def _is_left_out(self, desired: dict[str, Any]) -> bool:
        """Whether the service does without the object in a cluster that cannot have it."""
        resource = self._children.resource(desired["apiVersion"], desired["kind"])
        need = NEEDS.get(resource)
        return need is not None and not need.reason and bool(self._children.missing(resource))

    def is_missing(self, run: Pass, component: str, api_version: str, kind: str) -> bool:
        """Whether the cluster cannot have the kind; the condition then says what to install."""
        resource = self._children.resource(api_version, kind)
        need = NEEDS.get(resource)
        missing = "" if need is None else self._children.missing(resource)
        if need is None or not need.reason or not missing:
            return False
        condition = _condition_of(component)
        text = need.text(missing, installed=self._children.installed(resource))
        run.failures.append(StepFailed(condition, need.reason, text, waiting=True))
        return True

    def fits_what_runs(self, run: Pass, planned: Planned) -> bool:
        """Whether what leads to the components, as planned, leads to those that still wait, too.

        Their pods answer where their Services say: another port or mode comes with their turn.
        """
        for component, desired in planned.objects:
            if component not in run.waiting or desired["kind"] != SERVICES.kind:
                continue
            metadata = desired["metadata"]
            key = ObjectKey(metadata["namespace"], metadata["name"])
            live = self._children.cached(desired["apiVersion"], desired["kind"], key)
            of_core = desired["apiVersion"] == SERVICES.api_version
            if live is None or (of_core and not contains(live["spec"], desired["spec"])):
                return False
        return True

    async def apply_in_front(self, run: Pass, desired: dict[str, Any]) -> bool:
        """Apply an object that leads to the components; False when that failed."""
        try:
            await self._children.apply(desired)
        except (OmeError, TimeoutError) as error:
            _failed(run, names.COMPONENT_EXTERNAL_SERVICE, desired, error)
            return False
        return True

    def has_workloads(self, run: Pass) -> bool:
        """Whether something that runs pods is there for the service."""
        return any(self._children.workloads_of(run.key, run.stored.metadata.uid))

    async def prune(self, run: Pass, planned: Planned) -> None:
        """Delete what the service made and no longer plans.

        The Deployments of the deprecated predictor serve until every component is ready.
        """
        serves = all(item.ready and item.ready[0] == "True" for item in run.components)
        if serves:
            self._moved.pop(str(run.key), None)
        kept = set(run.waiting) | (set() if serves else {names.COMPONENT_PREDICTOR})
        if run.in_front is None:
            kept.add(names.COMPONENT_EXTERNAL_SERVICE)
        wanted = [*(desired for _, desired in planned.objects), *(run.in_front or ())]
        metadata = run.stored.metadata
        try:
            for gone in await self._children.prune(run.key, metadata.uid, wanted, frozenset(kept)):
                log.info("child.deleted", child=gone)
        except ApiError as error:
            run.error = error

    def _may_roll(
        self, run: Pass, planned: Planned, component: str, desired: dict[str, Any]
    ) -> bool:
        """Whether this pass may change the workload's pods; see ``rollout``."""
        metadata = run.service.metadata
        annotations = desired["metadata"].setdefault("annotations", {})
        annotations[rollout.SERVICE_GENERATION] = str(metadata.generation)
        annotations.setdefault(names.ANNOTATION_PLANNED_HASH, planned_hash(desired))
        kind, name = desired["kind"], desired["metadata"]["name"]
        key = ObjectKey(metadata.namespace, name)
        live, former = self._children.cached(desired["apiVersion"], kind, key), None
        if live is not None and same_pods(live, desired):
            return True
        if live is None:
            # Of another kind, when the mode changes; a new component takes no pods away.
            live = former = self._former(run, planned, component)
        limit = planned.most_updating
        turn = rollout.take_turn(
            str(run.key), metadata.generation, live, self._rolling(), limit=limit
        )
        if turn.granted:
            if live is not None:
                run.rolled.add(component)
            if not turn.own:
                self._granted.add(str(run.key))
                if former is not None:
                    # Since the first try: one that is refused holds up the others only so long.
                    self._moved.setdefault(str(run.key), self._clock.wall())
            return True
        run.waiting.add(component)
        run.come_back(_TURN_RETRY)
        log.info("rollout.waits", component=component, ahead=list(turn.ahead))
        decided(f"{component} waits for its turn to replace pods, after {len(turn.ahead)} others")
        return False

    def _former(self, run: Pass, planned: Planned, component: str) -> dict[str, Any] | None:
        """A workload of the component that is not planned any more."""
        wanted = {_identity(desired) for _, desired in planned.objects}
        for document in self._children.workloads_of(run.key, run.stored.metadata.uid):
            labels = document["metadata"].get("labels") or {}
            if labels.get(names.LABEL_COMPONENT) == component and _identity(document) not in wanted:
                return document
        return None

    def _rolling(self) -> Iterable[str]:
        yield from self._granted
        now = self._clock.wall()
        yield from (name for name, since in self._moved.items() if now - since < _STUCK)
        for document in self._children.rolling():
            labels = document["metadata"].get("labels") or {}
            name = labels.get(names.LABEL_INFERENCE_SERVICE)
            since = rolls_since(document)
            if name and (since is None or now - since < _STUCK):
                yield str(ObjectKey(document["metadata"]["namespace"], name))


def _identity(document: Mapping[str, Any]) -> tuple[str, str, str]:
    return document["apiVersion"], document["kind"], document["metadata"]["name"]


def _condition_of(component: str) -> str:
    if component == names.COMPONENT_EXTERNAL_SERVICE:
        return names.CONDITION_INGRESS_READY
    return f"{condition_prefix(component)}Ready"


def _failed(
    run: Pass, component: str, desired: dict[str, Any], error: OmeError | TimeoutError
) -> None:
    named = f"{desired['kind']} {desired['metadata']['name']}"
    condition = _condition_of(component)
    if isinstance(error, NotOurs):
        text = f"{error}; delete or rename it, or rename the service"
        run.failures.append(StepFailed(condition, names.REASON_SERVICE_CONFLICT, text))
    elif isinstance(error, RetryAfter | Conflict):
        run.error = error
        return
    else:
        exposed = condition == names.CONDITION_INGRESS_READY
        reason = names.REASON_INGRESS_FAILED if exposed else names.REASON_INTERNAL
        what = _FRONTS.get(desired["kind"], "ingress") if exposed else component
        text = f"failed to reconcile {what}: {named}: {error}"
        run.failures.append(StepFailed(condition, reason, text))
    run.error = error if isinstance(error, OmeError) else OmeError(f"{named}: {error}")
