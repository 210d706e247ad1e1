"""From a service to its plan: the model, the runtime, the operator's settings, then the rendering.

Each step that cannot go on becomes a ``StepFailed`` with the condition it belongs to.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

import structlog

from ome.api import names
from ome.controllers.inferenceservice.adopting import rendering_of
from ome.controllers.inferenceservice.children import controller_of
from ome.controllers.inferenceservice.choosing import Chooser
from ome.controllers.inferenceservice.keeping import runtime_of_pods
from ome.controllers.inferenceservice.needs import NEEDS, definition
from ome.controllers.inferenceservice.pinning import Pins
from ome.controllers.inferenceservice.rollout import most_updating
from ome.controllers.inferenceservice.settled import marked
from ome.controllers.inferenceservice.status import condition_prefix
from ome.controllers.inferenceservice.steps import StepFailed
from ome.controllers.inferenceservice.workload import is_workload
from ome.kube.resource import ObjectKey
from ome.workloads import (
    AcceleratorInput,
    ConfigError,
    ModelInput,
    OperatorConfig,
    PlanInputs,
    RenderError,
    RuntimeInput,
    WeightInput,
    contested_names,
    foreign_kinds,
    parse_operator_config,
    plan,
    service_mode,
    virtual_plan,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from ome import api
    from ome.controllers.inferenceservice.choosing import Choice
    from ome.controllers.inferenceservice.usage import Dependency
    from ome.controllers.inferenceservice.world import World
    from ome.kube.resource import Resource
    from ome.workloads import Plan

__all__ = ["RENDERINGS", "Existing", "Planned", "Planner", "awaited", "wants_upgrade"]

RENDERINGS = ("1",)
"""The renderings that this version can make, the newest last."""

_NOT_FETCHED = ("pvc://", "vendor://")
"""Models of these schemes lie where the plan says without a node's word."""

log = structlog.get_logger("InferenceService")


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan with its objects in the order of writing, each with the component it belongs to.

    ``choice`` is None when nothing is deployed. ``failure`` ends the plan after the objects that
    are there. ``most_updating`` services may replace their pods at a time, and a Ray
    cluster that does not serve for ``unavailable_seconds`` is made anew.
    """

    plan: Plan
    most_updating: int
    unavailable_seconds: float = 0.0
    objects: tuple[tuple[str, dict[str, Any]], ...] = ()
    choice: Choice | None = None
    failure: StepFailed | None = None


class Existing(Protocol):
    """The objects that services have already, as ``Children`` knows them."""

    def resource(self, api_version: str, kind: str) -> Resource: ...
    def cached(self, api_version: str, kind: str, key: ObjectKey) -> dict[str, Any] | None: ...
    def workloads_of(self, service: ObjectKey, uid: str) -> Iterator[dict[str, Any]]: ...


class Planner:
    """Plans services from the caches; ``config`` gives the data of the operator's ConfigMap."""

    def __init__(
        self,
        world: World,
        children: Existing,
        config: Callable[[], Mapping[str, str] | None],
        cluster_domain: str,
    ) -> None:
        self._pins = Pins(children)
        running = partial(runtime_of_pods, children)
        self._chooser = Chooser(world, pinned=self._pins.held, running=running)
        self._children = children
        self._config = config
        self._cluster_domain = cluster_domain
        self._most_updating = 1
        self._parsed: tuple[Mapping[str, str] | None, OperatorConfig] | None = None

    def plan(self, service: api.InferenceService, uses: list[Dependency]) -> Planned:
        """The plan; what it depends on is added to ``uses``, also when it fails.

        Raises ``StepFailed``.
        """
        config = self._operator_config()
        if service_mode(service, config.default_deployment_mode) == names.MODE_VIRTUAL:
            return Planned(virtual_plan(service, self._cluster_domain), self._most_updating)
        choice = self._chooser.choose(service, uses)
        try:
            made = plan(self._inputs(service, config, choice))
        except RenderError as error:
            condition = f"{condition_prefix(error.component)}Ready"
            raise StepFailed(condition, error.reason, str(error), waiting=True) from error
        if made.service_mode == names.MODE_VIRTUAL:
            return Planned(made, self._most_updating)  # the runtime's engine says so
        objects = _in_order(made, self._pins.record(service, choice))
        planned = Planned(
            made,
            self._most_updating,
            config.prober.unavailable_threshold_seconds,
            objects,
            choice,
        )
        self._needs(planned, uses)
        failed = made.failure
        if failed is None:
            return planned
        condition = f"{condition_prefix(failed.component)}Ready"
        failure = StepFailed(condition, failed.reason, failed.message, waiting=True)
        return replace(planned, failure=failure)

    def _inputs(
        self, service: api.InferenceService, config: OperatorConfig, choice: Choice
    ) -> PlanInputs:
        model, selection = choice.model, choice.selection
        runtime = None if selection is None else selection.runtime
        return PlanInputs(
            service=choice.service,
            model=ModelInput(model.name, model.namespace, model.annotations, model.spec),
            runtime=None if runtime is None else RuntimeInput(runtime.name, runtime.spec),
            config=config,
            cluster_domain=self._cluster_domain,
            rendering=self._rendering(service),
            taken=self._taken(service),
            accelerators=_accelerators(choice),
            weights=_weights(choice),
        )

    def _needs(self, planned: Planned, uses: list[Dependency]) -> None:
        """Add the kinds of others that the plan has objects of: the service follows their CRDs."""
        kinds = [(desired["apiVersion"], desired["kind"]) for _, desired in planned.objects]
        if planned.plan.exposed is not None:
            kinds += foreign_kinds(planned.plan.exposed)
        for api_version, kind in kinds:
            resource = self._children.resource(api_version, kind)
            if resource in NEEDS and definition(resource) not in uses:
                uses.append(definition(resource))

    def _operator_config(self) -> OperatorConfig:
        data = self._config()
        if self._parsed is not None and self._parsed[0] == data:
            return self._parsed[1]
        try:
            parsed = parse_operator_config(data)
        except ConfigError as error:
            raise StepFailed(
                names.CONDITION_ENGINE_READY, names.REASON_INTERNAL, str(error), waiting=True
            ) from error
        if parsed.missing:
            log.info("config.shipped_values", missing=list(parsed.missing))
        for ignored in parsed.ignored:
            log.warning("config.ignored", problem=ignored)
        self._parsed = (data, parsed)
        self._most_updating = most_updating(data)
        return parsed

    def _rendering(self, service: api.InferenceService) -> str:
        """The oldest rendering among the running workloads, the newest where none runs.

        One for all components, so that a new one fits those that are there. A user may ask for the
        newest. Raises ``StepFailed`` for one that this version cannot make.
        """
        metadata = service.metadata
        if wants_upgrade(service):
            return RENDERINGS[-1]
        key = ObjectKey(metadata.namespace, metadata.name)
        held: set[str] = set()
        for live in self._children.workloads_of(key, metadata.uid):
            rendering = rendering_of(live)
            if rendering is None:
                continue
            if rendering not in RENDERINGS:
                raise _newer(live, rendering)
            held.add(rendering)
        return next((rendering for rendering in RENDERINGS if rendering in held), RENDERINGS[-1])

    def _taken(self, service: api.InferenceService) -> frozenset[tuple[str, str]]:
        """The short names that another service with an equal tail has already."""
        metadata = service.metadata
        taken = set()
        for api_version, kind, name in contested_names(metadata.name):
            key = ObjectKey(metadata.namespace, name)
            held = self._children.cached(api_version, kind, key)
            owner = None if held is None else controller_of(held["metadata"])
            if owner is not None and owner.get("uid") != metadata.uid:
                taken.add((kind, name))
        return frozenset(taken)


def awaited(choice: Choice) -> StepFailed | None:
    """What to say while it is not known where nodes will have the model; None when pods can start.

    A pod that is made without its model could only be replaced once the path is known, so none is.
    """
    model, injected = choice.model, choice.service.metadata.annotations
    storage = model.spec.storage
    if storage.path or storage.storage_uri.startswith(_NOT_FETCHED):
        return None
    if any(weight.mode == "merged" for weight in _weights(choice)):
        return None  # it takes the model's place, where an adapter is laid over it
    if injected.get(names.ANNOTATION_INJECT_MODEL_INIT) == "true":
        return None
    text = (
        f"model {model.name} has no spec.storage.path yet: the first node that has the model says"
        " where it is; wait for that, or set it"
    )
    reason = names.REASON_WAITING_FOR_MODEL
    return StepFailed(names.CONDITION_ENGINE_READY, reason, text, waiting=True, quiet=True)


def _weights(choice: Choice) -> tuple[WeightInput, ...]:
    return tuple(WeightInput(item.name, "", item.annotations, item.spec) for item in choice.weights)


def wants_upgrade(service: api.InferenceService) -> bool:
    """Whether a user asks for the newest rendering of what runs already."""
    return service.metadata.annotations.get(names.ANNOTATION_UPGRADE_TEMPLATE) == "true"


def _in_order(made: Plan, pin: dict[str, Any] | None) -> tuple[tuple[str, dict[str, Any]], ...]:
    """The records of model and runtime, then the components in turn."""
    objects: list[tuple[str, dict[str, Any]]] = []
    if made.model_config is not None:
        objects.append((names.COMPONENT_ENGINE, dict(made.model_config)))
    if pin is not None:
        objects.append((names.COMPONENT_ENGINE, pin))
    for component in made.components:
        for entry in component.objects:
            made_of = marked(entry, component.passed_on) if is_workload(entry) else dict(entry)
            objects.append((component.name, made_of))
    if made.failure is not None:
        objects += ((made.failure.component, dict(entry)) for entry in made.failure.objects)
    return tuple(objects)


def _newer(live: Mapping[str, Any], rendering: str) -> StepFailed:
    return StepFailed(
        names.CONDITION_ENGINE_READY,
        names.REASON_INTERNAL,
        f"{live['kind']} {live['metadata']['name']} has rendering {rendering!r} of a newer version"
        " of OME; its pods are left alone. Use that version, or set annotation"
        f" {names.ANNOTATION_UPGRADE_TEMPLATE} to true to let this one take over",
        waiting=True,
    )


def _accelerators(choice: Choice) -> dict[str, AcceleratorInput]:
    """The chosen classes with what the runtime's entry for the model says of them."""
    entry = None if choice.selection is None else choice.selection.entry
    configs = (entry.accelerator_config if entry is not None else None) or {}
    return {
        component: AcceleratorInput(chosen.name, chosen.spec, configs.get(chosen.name))
        for component, chosen in choice.accelerators.items()
        if chosen.spec is not None
    }
