"""One pass over an InferenceService: observe, plan, apply what differs, prune, tell the status.

A pass never stops half told: whatever step fails, the status is written at the end with the
condition of that step, so the user reads there what to do. Errors that only a change of another
object can mend end the pass quietly, since that change brings the key back; the others are raised
and run again with back-off.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import structlog

from ome.api import names
from ome.clock import rfc3339
from ome.controllers.decode import Unreadable
from ome.controllers.inferenceservice import rollout
from ome.controllers.inferenceservice.pods import model_state, pod_problem
from ome.controllers.inferenceservice.status import (
    ComponentOutcome,
    Ingress,
    Outcome,
    compute_status,
    condition_prefix,
)
from ome.controllers.inferenceservice.steps import StepFailed
from ome.controllers.regarding import regarding
from ome.errors import ApiError, Conflict, NotFound, NotOurs, OmeError, RetryAfter
from ome.kube.resource import ObjectKey
from ome.reconciler.controller import Result

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ome import api
    from ome.controllers.context import ControllerContext
    from ome.controllers.inferenceservice.children import Children
    from ome.controllers.inferenceservice.planning import Planned, Planner
    from ome.controllers.inferenceservice.pods import PodView
    from ome.controllers.inferenceservice.usage import Dependency, Usage
    from ome.controllers.inferenceservice.world import World
    from ome.informers.informer import Informer
    from ome.informers.projection import WholeObject
    from ome.kube.resource import Resource
    from ome.selection import AcceleratorChoice

__all__ = ["BY_SERVICE_LABEL", "Reconciler"]

BY_SERVICE_LABEL = "service"
"""Index of the pod store: the service that a pod's label names."""

_TURN_RETRY = 15.0
log = structlog.get_logger("InferenceService")


@dataclass(slots=True)
class _Pass:
    """What one pass has learned so far."""

    stored: WholeObject
    service: api.InferenceService
    uses: list[Dependency] = field(default_factory=list)
    components: list[ComponentOutcome] = field(default_factory=list)
    ingress: Ingress | None = None
    failures: list[StepFailed] = field(default_factory=list)
    error: OmeError | None = None
    unsatisfied: str = ""
    requeue_after: float | None = None


class Reconciler:
    """Makes one InferenceService true; holds no state of its own but the usage index."""

    def __init__(
        self,
        context: ControllerContext,
        resource: Resource,
        world: World,
        planner: Planner,
        children: Children,
        pods: Informer[PodView],
        services: Informer[WholeObject],
        usage: Usage,
    ) -> None:
        self._context = context
        self._resource = resource
        self._world = world
        self._planner = planner
        self._children = children
        self._pods = pods
        self._services = services
        self._usage = usage
        # Services that may replace their pods and whose write is under way.
        self._granted: set[str] = set()

    async def reconcile(self, key: ObjectKey) -> Result | None:
        """One pass; see the module. Raises what should run again with back-off."""
        stored = self._services.store.get(key)
        if stored is None:
            self._usage.forget(key)
            return None
        if stored.metadata.deletion_timestamp:
            self._usage.forget(key)
            await self._release(stored)
            return None
        stored = await self._hold(stored)
        try:
            found = self._world.service(key)
        except Unreadable as error:
            log.warning("service.unreadable", error=str(error))
            return None
        if found is None:
            return None
        run = _Pass(stored, found[1])
        await self._work(run)
        await self._tell(run)
        return self._end(run)

    async def _work(self, run: _Pass) -> None:
        planned = self._plan(run)
        if planned is None:
            return
        complete = await self._apply(run, planned)
        self._observe(run, planned)
        if complete:
            await self._prune(run, planned)

    def _plan(self, run: _Pass) -> Planned | None:
        """The plan, or None when a step failed.

        What it used is recorded at once: a change that comes while objects are written must find
        its users.
        """
        planned, failed = None, None
        try:
            planned = self._planner.plan(run.service, run.uses)
            run.unsatisfied = planned.choice.warning
        except StepFailed as failure:
            failed = failure
            run.failures.append(failure)
        self._usage.record(
            run.stored.metadata.key,
            run.uses,
            waiting=bool(run.unsatisfied) if failed is None else failed.waiting,
            topics=frozenset() if failed is None else failed.topics,
        )
        return planned

    async def _apply(self, run: _Pass, planned: Planned) -> bool:
        """Apply every object in order; a failing one ends its component's and the later ones."""
        for component, desired in planned.objects:
            try:
                if desired["kind"] == "Deployment" and not self._may_roll(run, component, desired):
                    continue
                try:
                    await self._children.apply(desired)
                finally:
                    # From here on the written object itself says that it rolls.
                    self._granted.discard(str(run.stored.metadata.key))
            except (OmeError, TimeoutError) as error:
                self._apply_failed(run, component, desired, error)
                return False
        return True

    def _may_roll(self, run: _Pass, component: str, desired: dict[str, Any]) -> bool:
        """Whether this pass may change the Deployment's pods; see ``rollout``."""
        metadata = run.service.metadata
        annotations = desired["metadata"].setdefault("annotations", {})
        annotations[rollout.SERVICE_GENERATION] = str(metadata.generation)
        key = ObjectKey(metadata.namespace, desired["metadata"]["name"])
        live = self._children.cached("apps/v1", "Deployment", key)
        if live is None or self._planner.same_pods(live, desired):
            return True
        turn = rollout.take_turn(
            str(run.stored.metadata.key), metadata.generation, live, self._rolling(), limit=1
        )
        if turn.granted:
            if not turn.own:
                text = (
                    f"Deployment {key.name} replaces its pods: the runtime, model or settings that"
                    " it shares with others changed"
                )
                self._context.events.record(
                    regarding(run.stored.document()), "Normal", "TemplateChanged", text, "Reconcile"
                )
                self._granted.add(str(run.stored.metadata.key))
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

    def _apply_failed(
        self, run: _Pass, component: str, desired: dict[str, Any], error: OmeError | TimeoutError
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

    async def _prune(self, run: _Pass, planned: Planned) -> None:
        metadata = run.stored.metadata
        wanted = [desired for _, desired in planned.objects]
        try:
            for gone in await self._children.prune(metadata.key, metadata.uid, wanted):
                log.info("child.deleted", child=gone)
        except ApiError as error:
            run.error = error

    def _observe(self, run: _Pass, planned: Planned) -> None:
        for name, (workload, url) in planned.workloads.items():
            accelerator = planned.choice.accelerators.get(name)
            run.components.append(self._component(run, name, workload, url, accelerator))
        run.ingress = self._planner.ingress(run.service, planned, self._children)

    def _component(
        self,
        run: _Pass,
        name: str,
        workload: str,
        url: str,
        accelerator: AcceleratorChoice | None,
    ) -> ComponentOutcome:
        metadata = run.service.metadata
        live = self._children.cached(
            "apps/v1", "Deployment", ObjectKey(metadata.namespace, workload)
        )
        available = None
        revision = ""
        if live is not None:
            revision = (live["metadata"].get("annotations") or {}).get(
                names.ANNOTATION_DEPLOYMENT_REVISION, ""
            )
            for condition in (live.get("status") or {}).get("conditions") or ():
                if condition.get("type") == "Available":
                    available = (
                        condition["status"],
                        condition.get("reason", ""),
                        condition.get("message", ""),
                    )
        pods = [
            pod
            for pod in self._pods.store.by_index(BY_SERVICE_LABEL, run.stored.metadata.key)
            if pod.metadata.labels.get(names.LABEL_COMPONENT) == name
            and not pod.metadata.deletion_timestamp
        ]
        ready = available is not None and available[0] == "True"
        return ComponentOutcome(
            name=name,
            available=available,
            url=url,
            revision=revision,
            problem="" if ready else pod_problem(pods),
            model=model_state(pods, ready),
            accelerator=accelerator,
        )

    async def _tell(self, run: _Pass) -> None:
        stored_document = run.stored.document()
        before = stored_document.get("status") or {}
        spec = run.service.spec
        present = {
            name
            for name, block in (
                ("engine", spec.engine or spec.model),
                ("decoder", spec.decoder),
                ("router", spec.router),
            )
            if block is not None
        }
        outcome = Outcome(
            generation=run.service.metadata.generation,
            components=tuple(run.components),
            ingress=run.ingress,
            failures=tuple(run.failures),
            present=frozenset(present),
            unsatisfied=run.unsatisfied,
        )
        after = compute_status(before, outcome, wall=rfc3339(self._context.clock.wall()))
        if after != before:
            written = await self._context.applier.write_status(
                self._resource, stored_document, after
            )
            self._services.observed(written)
        self._events(run, before, after)

    def _events(self, run: _Pass, before: dict[str, Any], after: dict[str, Any]) -> None:
        old = {entry["type"]: entry for entry in before.get("conditions") or ()}
        new = {entry["type"]: entry for entry in after.get("conditions") or ()}
        about = regarding(run.stored.document())
        said = [(failure.condition, failure.reason, failure.event) for failure in run.failures]
        if run.unsatisfied:
            reason = names.REASON_ACCELERATOR_CLASS
            said.append((names.CONDITION_ACCELERATOR_SELECTED, reason, run.unsatisfied))
        for type_, reason, text in said:
            entry, previous = new[type_], old.get(type_)
            same = previous is not None and all(
                previous.get(member) == entry.get(member) for member in ("reason", "message")
            )
            if not same:
                self._context.events.record(about, "Warning", reason, text, "Reconcile")
        name = run.stored.metadata.name
        was = old.get(names.CONDITION_READY, {}).get("status")
        now = new[names.CONDITION_READY]["status"]
        if now == "True" and was != "True":
            text = f"InferenceService [{name}] is Ready"
            self._context.events.record(
                about, "Normal", names.REASON_SERVICE_READY, text, "Reconcile"
            )
        elif was == "True" and now != "True":
            text = f"InferenceService [{name}] is no longer Ready"
            self._context.events.record(
                about, "Warning", names.REASON_SERVICE_NOT_READY, text, "Reconcile"
            )

    @staticmethod
    def _end(run: _Pass) -> Result | None:
        if run.error is not None:
            raise run.error
        return None if run.requeue_after is None else Result(requeue_after=run.requeue_after)

    async def _hold(self, stored: WholeObject) -> WholeObject:
        """Put our finalizer on the service if it is not there."""
        finalizer = names.FINALIZER_INFERENCE_SERVICE
        if finalizer in stored.metadata.finalizers:
            return stored
        wanted = [*stored.metadata.finalizers, finalizer]
        written = await self._context.applier.patch_user_object(
            self._resource,
            stored.document()["metadata"],
            [{"op": "add", "path": "/metadata/finalizers", "value": wanted}],
        )
        self._services.observed(written)
        return self._services.store.get(stored.metadata.key) or stored

    async def _release(self, stored: WholeObject) -> None:
        """Take our finalizer off a service that is being deleted; its children go with it."""
        finalizer = names.FINALIZER_INFERENCE_SERVICE
        if finalizer not in stored.metadata.finalizers:
            return
        kept = [entry for entry in stored.metadata.finalizers if entry != finalizer]
        try:
            await self._context.applier.patch_user_object(
                self._resource,
                stored.document()["metadata"],
                [{"op": "replace", "path": "/metadata/finalizers", "value": kept}],
            )
        except NotFound:
            return
        if not kept:
            self._services.observed_deleted(stored.metadata.key, stored.metadata.uid)
