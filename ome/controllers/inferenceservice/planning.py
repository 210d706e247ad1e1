"""From a service to its plan: the model, the runtime, the operator's settings, then the rendering.

Each step that cannot go on becomes a ``StepFailed`` with the condition it belongs to.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import structlog

from ome.api import names
from ome.controllers.inferenceservice.children import controller_of
from ome.controllers.inferenceservice.choosing import Chooser
from ome.controllers.inferenceservice.status import Ingress, condition_prefix
from ome.controllers.inferenceservice.steps import StepFailed
from ome.kube.compare import contains
from ome.kube.resource import ObjectKey
from ome.workloads import (
    AcceleratorInput,
    ConfigError,
    ModelInput,
    OperatorConfig,
    PlanInputs,
    RenderError,
    RuntimeInput,
    contested_names,
    parse_operator_config,
    plan,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ome import api
    from ome.controllers.inferenceservice.children import Children
    from ome.controllers.inferenceservice.choosing import Choice
    from ome.controllers.inferenceservice.usage import Dependency
    from ome.controllers.inferenceservice.world import World
    from ome.workloads import Plan

__all__ = ["RENDERINGS", "Planned", "Planner"]

RENDERINGS = ("1",)
"""The renderings that this version can make, the newest last."""

log = structlog.get_logger("InferenceService")


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan with its objects in the order of writing, each with the component it belongs to."""

    plan: Plan
    objects: tuple[tuple[str, dict[str, Any]], ...]
    workloads: Mapping[str, tuple[str, str]]
    choice: Choice


class Planner:
    """Plans services from the caches; ``config`` gives the data of the operator's ConfigMap."""

    def __init__(
        self,
        world: World,
        children: Children,
        config: Callable[[], Mapping[str, str] | None],
        cluster_domain: str,
    ) -> None:
        self._chooser = Chooser(world)
        self._children = children
        self._config = config
        self._cluster_domain = cluster_domain
        self._parsed: tuple[Mapping[str, str] | None, OperatorConfig] | None = None

    def plan(self, service: api.InferenceService, uses: list[Dependency]) -> Planned:
        """The plan; what it depends on is added to ``uses``, also when it fails.

        Raises ``StepFailed``.
        """
        config = self._operator_config()
        choice = self._chooser.choose(service, uses)
        model, selection = choice.model, choice.selection
        runtime = None if selection is None else selection.runtime
        inputs = PlanInputs(
            service=service,
            model=ModelInput(model.name, model.namespace, model.annotations, model.spec),
            runtime=None if runtime is None else RuntimeInput(runtime.name, runtime.spec),
            config=config,
            cluster_domain=self._cluster_domain,
            rendering=self._rendering(service),
            taken=self._taken(service),
            accelerators=_accelerators(choice),
        )
        try:
            made = plan(inputs)
        except RenderError as error:
            condition = f"{condition_prefix(error.component)}Ready"
            raise StepFailed(condition, error.reason, str(error), waiting=True) from error
        failed = made.failure
        if failed is not None:
            condition = f"{condition_prefix(failed.component)}Ready"
            raise StepFailed(condition, failed.reason, failed.message, waiting=True)
        return _in_order(made, choice)

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
        self._parsed = (data, parsed)
        return parsed

    def _rendering(self, service: api.InferenceService) -> str:
        """The rendering that the running workload was made with, else the newest."""
        key = ObjectKey(service.metadata.namespace, f"{service.metadata.name}-engine")
        live = self._children.cached("apps/v1", "Deployment", key)
        annotations = {} if live is None else live["metadata"].get("annotations") or {}
        held = annotations.get(names.ANNOTATION_RENDERING, RENDERINGS[-1])
        if held not in RENDERINGS:
            raise StepFailed(
                names.CONDITION_ENGINE_READY,
                names.REASON_INTERNAL,
                f"Deployment {key.name} has rendering {held!r} of a newer version of OME; its pods"
                f" are left alone. Use that version, or delete annotation"
                f" {names.ANNOTATION_RENDERING} to let this one take over",
                waiting=True,
            )
        return str(held)

    def _taken(self, service: api.InferenceService) -> frozenset[tuple[str, str]]:
        """The short names that another service with an equal tail has already."""
        metadata = service.metadata
        taken = set()
        for api_version, kind, name in contested_names(metadata.name):
            if kind != "ConfigMap":
                continue
            key = ObjectKey(metadata.namespace, name)
            held = self._children.cached(api_version, kind, key)
            owner = None if held is None else controller_of(held["metadata"])
            if owner is not None and owner.get("uid") != metadata.uid:
                taken.add((kind, name))
        return frozenset(taken)

    def same_pods(self, live: Mapping[str, Any], desired: Mapping[str, Any]) -> bool:
        """Whether writing the desired workload leaves its pods as they are."""
        return contains(live["spec"]["template"], desired["spec"]["template"])

    def ingress(
        self, service: api.InferenceService, planned: Planned, children: Children
    ) -> Ingress:
        """What the exposure of a service came to."""
        made = planned.plan
        if made.ingress_wanted:
            return Ingress(
                "False",
                names.REASON_INGRESS_FAILED,
                "disableIngressCreation is false (key ingress of the operator's ConfigMap, or"
                f" annotation {names.ANNOTATION_INGRESS_DISABLE_CREATION}), but this version makes"
                " no ingress objects; set it to true to use the Service of the service's name",
            )
        if made.cluster_local:
            return Ingress("True", names.REASON_CLUSTER_LOCAL, "", made.url)
        metadata = service.metadata
        stored = children.cached("v1", "Service", ObjectKey(metadata.namespace, metadata.name))
        url = made.url if stored is not None else ""
        return Ingress(
            "True",
            names.REASON_INGRESS_DISABLED,
            "Ingress creation is disabled, using external service for access",
            url,
        )


def _in_order(made: Plan, choice: Choice) -> Planned:
    """The model's ConfigMap, the components in turn, then the Service in front of them."""
    objects: list[tuple[str, dict[str, Any]]] = []
    if made.model_config is not None:
        objects.append((names.COMPONENT_ENGINE, dict(made.model_config)))
    for component in made.components:
        objects += [(component.name, dict(entry)) for entry in component.objects]
    if made.fallback is not None:
        objects.append((names.COMPONENT_EXTERNAL_SERVICE, dict(made.fallback)))
    workloads = {item.name: (item.workloads[0].name, item.url) for item in made.components}
    return Planned(made, tuple(objects), workloads, choice)


def _accelerators(choice: Choice) -> dict[str, AcceleratorInput]:
    """The chosen classes with what the runtime's entry for the model says of them."""
    entry = None if choice.selection is None else choice.selection.entry
    configs = (entry.accelerator_config if entry is not None else None) or {}
    return {
        component: AcceleratorInput(chosen.name, chosen.spec, configs.get(chosen.name))
        for component, chosen in choice.accelerators.items()
        if chosen.spec is not None
    }
