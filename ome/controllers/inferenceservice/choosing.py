"""What a service runs on: its model, the runtime that serves it, the class of each component.

The controller and ``ome explain`` both ask here, so that what is explained is what is done. A step
that cannot go on becomes a ``StepFailed`` with what the service waits for.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ome.api import names
from ome.controllers.inferenceservice.keeping import kept_runtime
from ome.controllers.inferenceservice.steps import StepFailed
from ome.controllers.inferenceservice.usage import Dependency
from ome.controllers.inferenceservice.weighing import of_base_model, weights_of
from ome.controllers.inferenceservice.world import models_meant
from ome.errors import SelectionError
from ome.selection import (
    LISTED,
    AcceleratorChoice,
    Exclusion,
    NoFormat,
    NothingFits,
    SelectionRequest,
    choose_accelerator,
    complete_runner,
    facets_of_model,
    near_misses,
    required_classes,
    select_runtime,
    validate_named_runtime,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ome import api
    from ome.controllers.inferenceservice.world import Model, Weight, World
    from ome.selection import RuntimeCandidate, Selection

__all__ = ["EVERY_RUNTIME", "Choice", "Chooser"]

EVERY_RUNTIME = "every runtime"
"""Topic of a service that waits where runtimes are few: its condition names them all."""

_EVENT_BYTES = 1024
_PINNED = (
    f"; annotation {names.ANNOTATION_PIN_RUNTIME} keeps it as it was recorded, whatever is edited"
    " in it: remove the annotation to have a runtime chosen as they are now"
)


@dataclass(frozen=True, slots=True)
class Choice:
    """What was chosen; ``selection`` is None when the service does without a runtime.

    ``service`` names model and weights as what they are, also where it gave a weight for its model.
    """

    service: api.InferenceService
    model: Model
    selection: Selection | None
    weights: tuple[Weight, ...] = ()
    accelerators: Mapping[str, AcceleratorChoice] = field(default_factory=dict)

    @property
    def warning(self) -> str:
        """What to tell the user of policies that no class satisfies; empty when all is well."""
        return "; ".join(item.warning for item in self.accelerators.values() if item.warning)


class Chooser:
    """Chooses from the caches. ``exhaustive`` judges also runtimes that cannot match the model.

    ``pinned`` gives the runtime that a service is to keep as it was, if it has one; ``running`` the
    name of the runtime that its pods were made with for a model, empty where none are.
    """

    def __init__(
        self,
        world: World,
        *,
        exhaustive: bool = False,
        pinned: Callable[[api.InferenceService], RuntimeCandidate | None] | None = None,
        running: Callable[[api.InferenceService, str], str] | None = None,
    ) -> None:
        self._world = world
        self._exhaustive = exhaustive
        self._pinned = pinned
        self._running = running

    def choose(self, service: api.InferenceService, uses: list[Dependency]) -> Choice:
        """The choice; what it depends on is added to ``uses``, also when it fails.

        Raises ``StepFailed``.
        """
        service, model, weights = self.model(service, uses)
        selection = self.runtime(service, model, uses)
        accelerators = self.accelerators(service, selection, uses)
        return Choice(service, model, selection, weights, accelerators)

    def model(
        self, service: api.InferenceService, uses: list[Dependency]
    ) -> tuple[api.InferenceService, Model, tuple[Weight, ...]]:
        """Model and weights, and the service as one that names them as what they are.

        Raises ``StepFailed``.
        """
        service, base = of_base_model(self._world, service, uses)
        # Also those that are missing: their appearance is what the service may wait for.
        uses.extend(Dependency(*key) for key in models_meant(service, base))
        model = self._world.model(service, base)
        return service, model, weights_of(self._world, service, uses)

    def runtime(
        self, service: api.InferenceService, model: Model, uses: list[Dependency]
    ) -> Selection | None:
        """The runtime; None when there is none and the service brings a complete runner."""
        namespace = service.metadata.namespace
        request = SelectionRequest(model.name, model.spec, namespace, required_classes(service))
        named = service.spec.runtime
        pinned = None if self._pinned is None else self._pinned(service)
        try:
            if pinned is not None:
                kind = "ServingRuntime" if pinned.namespace else "ClusterServingRuntime"
                return validate_named_runtime(pinned.name, kind, request, [pinned])
            if named is not None and named.name:
                uses.append(Dependency("ServingRuntime", namespace, named.name))
                uses.append(Dependency("ClusterServingRuntime", "", named.name))
                candidates = self._world.runtimes_named(namespace, named.name)
                return validate_named_runtime(named.name, named.kind, request, candidates)
            chosen = self._automatic(request)
        except SelectionError as error:
            kept = self._kept(service, model, request, pinned)
            if kept is None:
                if (named is None or not named.name) and complete_runner(service):
                    return None
                raise self._failed(service, request, error, uses, pinned) from error
            chosen = kept
        uses.append(_dependency(chosen.runtime.namespace, chosen.runtime.name))
        return chosen

    def _kept(
        self,
        service: api.InferenceService,
        model: Model,
        request: SelectionRequest,
        pinned: RuntimeCandidate | None,
    ) -> Selection | None:
        """What the service runs on already, where only the model's description is in the way."""
        held = "" if self._running is None else self._running(service, model.name)
        if not held:
            return None
        candidates = self._world.runtimes_named(request.namespace, held)
        if pinned is not None:
            candidates = [pinned] if pinned.name == held else []
        return kept_runtime(request, model, candidates, service.spec.runtime)

    def _automatic(self, request: SelectionRequest) -> Selection:
        if self._exhaustive:
            return select_runtime(request, self._world.runtimes(request.namespace))
        few = self._world.runtimes_for(request.namespace, facets_of_model(request.model))
        return select_runtime(request, few, lambda: self._world.runtimes(request.namespace))

    def accelerators(
        self, service: api.InferenceService, selection: Selection | None, uses: list[Dependency]
    ) -> dict[str, AcceleratorChoice]:
        """The class of the engine, and of the decoder where there is one."""
        spec = None if selection is None else selection.runtime.spec
        parts = [names.COMPONENT_ENGINE]
        if service.spec.decoder is not None:
            parts.append(names.COMPONENT_DECODER)
        found: dict[str, AcceleratorChoice] = {}
        for part in parts:
            asked: list[str] = []

            def look_up(name: str, asked: list[str] = asked) -> api.AcceleratorClassSpec | None:
                asked.append(name)
                return self._world.accelerator(name)

            try:
                choice = choose_accelerator(service, part, spec, look_up)
            except SelectionError as error:
                uses += (Dependency("AcceleratorClass", "", name) for name in asked)
                text = f"Failed to get accelerator class for {part}: {error}"
                condition = f"{part.capitalize()}Ready"
                raise StepFailed(
                    condition, names.REASON_ACCELERATOR_CLASS, text, waiting=True
                ) from error
            # One that was passed over moves no service when it changes; any may mend "none".
            used = [choice.name] if choice.name else asked
            uses += (Dependency("AcceleratorClass", "", name) for name in used)
            found[part] = choice
        return found

    def _failed(
        self,
        service: api.InferenceService,
        request: SelectionRequest,
        error: SelectionError,
        uses: list[Dependency],
        pinned: RuntimeCandidate | None,
    ) -> StepFailed:
        named = service.spec.runtime
        # Else an edit of the runtime, which changes nothing here, looks like the way out.
        hint = "" if pinned is None else _PINNED
        if named is not None and named.name:
            step = hint or _next_step(error)
            return StepFailed(
                names.CONDITION_ENGINE_READY,
                names.REASON_RUNTIME_VALIDATION,
                f"Runtime {named.name} does not support model {request.model_name}: {error}{step}",
                model_failure=_failure_of_named(error),
                waiting=True,
            )
        prefix = f"Failed to find runtime for model {request.model_name}: "
        event, topics = f"{error}{hint}", frozenset[Hashable]()
        if isinstance(error, NothingFits):
            named_in_text = error.verdicts[:LISTED]
            uses += (
                _dependency(item.runtime.namespace, item.runtime.name) for item in named_in_text
            )
            event = error.text(_EVENT_BYTES - len(prefix.encode()))
            topics = _topics(request, error.checked)
        return StepFailed(
            names.CONDITION_ENGINE_READY,
            names.REASON_RUNTIME_SELECTION,
            f"{prefix}{error}{hint}",
            event=prefix + event,
            model_failure=names.FAILURE_NO_SUPPORTING_RUNTIME,
            waiting=True,
            topics=topics,
        )


def _topics(request: SelectionRequest, checked: int) -> frozenset[Hashable]:
    """What a runtime must have in common with a waiting service to concern it."""
    topics: set[Hashable] = set(near_misses(facets_of_model(request.model)))
    if checked <= LISTED:
        topics.add(EVERY_RUNTIME)
    return frozenset(topics)


def _failure_of_named(error: SelectionError) -> str:
    if any(item.exclusion is Exclusion.DISABLED for item in error.verdicts):
        return names.FAILURE_RUNTIME_DISABLED
    if error.verdicts or isinstance(error, NoFormat):
        return names.FAILURE_NO_SUPPORTING_RUNTIME
    return names.FAILURE_RUNTIME_NOT_RECOGNIZED


def _next_step(error: SelectionError) -> str:
    """What a user may do about the runtime that the service names."""
    if isinstance(error, NoFormat):
        return ""  # it is about the model, and says so itself
    failure = _failure_of_named(error)
    first = {
        names.FAILURE_RUNTIME_NOT_RECOGNIZED: "create it, correct the name",
        names.FAILURE_RUNTIME_DISABLED: "enable it, name another",
    }.get(failure, "name another")
    return f"; {first}, or remove spec.runtime to have one chosen"


def _dependency(namespace: str, name: str) -> Dependency:
    return Dependency("ServingRuntime" if namespace else "ClusterServingRuntime", namespace, name)
