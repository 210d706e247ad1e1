"""The fine-tuned weights of a service, and the base model behind one that is named as model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ome import api
from ome.api import names
from ome.api.references import base_model
from ome.controllers.decode import Unreadable
from ome.controllers.inferenceservice.steps import StepFailed
from ome.controllers.inferenceservice.usage import Dependency

if TYPE_CHECKING:
    from ome.api.references import ModelKey
    from ome.controllers.inferenceservice.world import Weight, World

__all__ = ["KIND", "of_base_model", "weights_of"]

KIND = "FineTunedWeight"


def weights_of(
    world: World, service: api.InferenceService, uses: list[Dependency]
) -> tuple[Weight, ...]:
    """The weights that ``spec.model.fineTunedWeights`` names, in its order.

    Raises ``StepFailed`` for one that is missing, disabled or cannot be read.
    """
    reference = service.spec.model
    named = (reference and reference.fine_tuned_weights) or ()
    found: list[Weight] = []
    for name in named:
        if name:
            uses.append(Dependency(KIND, "", name))
            found.append(_weight(world, name, "spec.model.fineTunedWeights"))
    return tuple(found)


def of_base_model(
    world: World, service: api.InferenceService, uses: list[Dependency]
) -> tuple[api.InferenceService, ModelKey | None]:
    """A service that names a weight as its model, as one that names base model and weight.

    With it the base model. Any other service is given back as it is. Raises ``StepFailed``.
    """
    reference = service.spec.model
    if reference is None or reference.kind != KIND or not reference.name:
        return service, None
    uses.append(Dependency(KIND, "", reference.name))
    weight = _weight(world, reference.name, "spec.model.name")
    named = weight.spec.base_model_ref
    if not named.name:
        raise _failed(
            f"FineTunedWeight {weight.name} has no BaseModelRef.Name specified; name the base"
            " model in its spec.baseModelRef.name",
            names.FAILURE_BASE_MODEL_NOT_FOUND,
        )
    base = base_model(named.name, named.namespace)
    model = api.ModelRef(name=base.name, kind=base.kind, fine_tuned_weights=[weight.name])
    spec = service.spec.model_copy(update={"model": model})
    return service.model_copy(update={"spec": spec}), base


def _weight(world: World, name: str, field: str) -> Weight:
    try:
        weight = world.weight(name)
    except Unreadable as error:
        raise _failed(str(error), names.FAILURE_WEIGHTS_NOT_FOUND) from error
    if weight is None:
        raise _failed(
            f"No FineTunedWeight with the name: {name}; create it, or correct {field}",
            names.FAILURE_WEIGHTS_NOT_FOUND,
        )
    if weight.spec.disabled:
        raise _failed(
            f"FineTunedWeight {name} is disabled; set its spec.disabled to false, or correct"
            f" {field}",
            names.FAILURE_WEIGHTS_DISABLED,
        )
    return weight


def _failed(problem: str, failure: str) -> StepFailed:
    return StepFailed(
        names.CONDITION_ENGINE_READY,
        names.REASON_MODEL,
        f"failed to reconcile fine-tuned weights: {problem}",
        model_failure=failure,
        waiting=True,
    )
