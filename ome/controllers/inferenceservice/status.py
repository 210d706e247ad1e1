"""The status of an InferenceService, computed from what a pass observed: pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ome.api import names
from ome.controllers.conditions import ConditionSet, Status
from ome.controllers.inferenceservice.component_status import component_entry
from ome.controllers.inferenceservice.pods import ModelState, worst
from ome.controllers.inferenceservice.workload import NOTHING, Seen

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ome.controllers.inferenceservice.steps import StepFailed
    from ome.selection import AcceleratorChoice

__all__ = [
    "ComponentOutcome",
    "Ingress",
    "Outcome",
    "compute_status",
    "condition_prefix",
    "virtual_status",
]

_COMPONENT_SUFFIXES = ("Ready", "RouteReady", "ConfigurationReady")
_TRANSITIONS = {"Loaded": "UpToDate", "FailedToLoad": "BlockedByFailedLoad"}
_ACROSS = (
    (names.CONDITION_ROUTES_READY, names.CONDITION_ENGINE_ROUTE_READY),
    (names.CONDITION_LATEST_DEPLOYMENT_READY, names.CONDITION_ENGINE_CONFIGURATION_READY),
)
"""Conditions of a serverless service as a whole, each with that of its engine which it follows."""
_PAUSED_TEXT = (
    f"annotation {names.ANNOTATION_PAUSED} is set: nothing is changed for this service; remove it"
    " to go on"
)
_WAITING_TEXT = (
    "the pods of {components} stay as they are until it is this service's turn: the runtime, model"
    " or settings that it shares with others changed, or an annotation that shapes pods, and few"
    " services replace their pods at a time; maxServicesUpdating in key deploy of ConfigMap"
    f" {names.CONFIGMAP_INFERENCE_SERVICE} says how many"
)


@dataclass(frozen=True, slots=True)
class ComponentOutcome:
    """What a pass saw of one component's workloads.

    ``ready`` is None while they have said nothing; it counts only when they are ``settled``, that
    is when their controller has looked at the newest spec. ``seen`` is the first workload, ``url``
    where the component answers once it is ready.
    """

    name: str
    ready: tuple[Status, str, str] | None = None
    settled: bool = True
    seen: Seen = NOTHING
    serverless: bool = False
    url: str = ""
    problem: str = ""
    model: ModelState | None = None
    accelerator: AcceleratorChoice | None = None


@dataclass(frozen=True, slots=True)
class Ingress:
    """The exposure step's result, and where the service is reached: from outside, from inside.

    An empty URL leaves what was there.
    """

    status: Status
    reason: str = ""
    message: str = ""
    url: str = ""
    address: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """Everything a pass knows when it ends, also a pass that failed."""

    generation: int
    components: tuple[ComponentOutcome, ...] = ()
    ingress: Ingress | None = None
    failures: tuple[StepFailed, ...] = ()
    present: frozenset[str] = field(default_factory=frozenset)
    """The components that the service has; conditions and entries of others go."""
    unsatisfied: str = ""
    """The accelerator policy that no class satisfies; the service runs all the same."""
    serverless: bool = False
    """Whether the service as a whole asks for it."""
    paused: bool = False
    waiting: frozenset[str] = field(default_factory=frozenset)
    """The components whose pods are to be replaced once others are done."""


def condition_prefix(component: str) -> str:
    """``engine`` -> ``Engine``, the first word of the component's condition types."""
    return component[:1].upper() + component[1:]


def compute_status(stored: Mapping[str, Any], outcome: Outcome, *, wall: str) -> dict[str, Any]:
    """The status to store; equal to ``stored`` when nothing changed (members we do not know stay).

    ``wall`` is the time for conditions that changed, RFC 3339.
    """
    status = dict(stored)
    if not outcome.paused:
        status["observedGeneration"] = outcome.generation
    # A paused service is looked at as it was made from an older spec.
    of = outcome.generation if not outcome.paused else stored.get("observedGeneration") or 0
    made = _conditions(stored.get("conditions") or (), outcome, wall, of)
    status["conditions"] = _undated(stored, made, of)
    components = _components(stored.get("components") or {}, outcome)
    if components or "components" in stored:
        status["components"] = components
    if outcome.ingress is not None and outcome.ingress.url:
        status["url"] = outcome.ingress.url
        status["address"] = {**(stored.get("address") or {}), "url": outcome.ingress.address}
    model = _model_status(stored.get("modelStatus") or {}, outcome, wall)
    if model:
        status["modelStatus"] = model
    return status


def virtual_status(
    stored: Mapping[str, Any], generation: int, url: str, *, wall: str, paused: bool = False
) -> dict[str, Any]:
    """The status of a service that stands for something that runs elsewhere."""
    of = generation if not paused else stored.get("observedGeneration") or 0
    conditions = ConditionSet(stored.get("conditions") or (), (), wall, of)
    conditions.remove(*(entry.get("type", "") for entry in stored.get("conditions") or ()))
    conditions.set(
        names.CONDITION_READY,
        "True",
        names.REASON_VIRTUAL_DEPLOYMENT,
        "InferenceService is in VirtualDeployment mode",
    )
    if paused:
        conditions.set(names.CONDITION_PAUSED, "True", names.REASON_PAUSED, _PAUSED_TEXT)
    made = (conditions.get(type_) for type_ in (names.CONDITION_PAUSED, names.CONDITION_READY))
    kept = {name: value for name, value in stored.items() if name != "modelStatus"}
    return {
        **kept,
        "observedGeneration": of,
        "url": url,
        "address": {**(stored.get("address") or {}), "url": url},
        "components": {"predictor": {"url": url}},
        "conditions": _undated(stored, [item.document() for item in made if item is not None], of),
    }


def _undated(
    stored: Mapping[str, Any], made: list[dict[str, Any]], generation: int
) -> list[dict[str, Any]]:
    """Conditions that say nothing new and were stored without their generation stay as they are.

    An upgrade of the operator writes nothing by that, and neither does every pass on a server whose
    definitions do not know the member yet.
    """
    held = list(stored.get("conditions") or ())
    plain = [
        {name: value for name, value in item.items() if name != "observedGeneration"}
        for item in made
    ]
    return held if plain == held and stored.get("observedGeneration") == generation else made


def _conditions(
    stored: Sequence[Mapping[str, Any]], outcome: Outcome, wall: str, generation: int
) -> list[dict[str, Any]]:
    dependents = ["EngineReady", "IngressReady"]
    dependents += sorted(
        f"{condition_prefix(name)}Ready" for name in outcome.present if name != "engine"
    )
    conditions = ConditionSet(stored, dependents, wall, generation)
    for name in ("engine", "decoder", "router", "predictor"):
        if name not in outcome.present and name != "engine":
            prefix = condition_prefix(name)
            conditions.remove(*(prefix + suffix for suffix in _COMPONENT_SUFFIXES))
    for component in outcome.components:
        _set_component(conditions, component)
    _set_across(conditions, outcome)
    if outcome.ingress is not None:
        ingress = outcome.ingress
        conditions.set("IngressReady", ingress.status, ingress.reason, ingress.message)
    elif not outcome.failures:
        conditions.confirm("IngressReady")  # nothing is known that would change it
    _set_remarks(conditions, outcome)
    for failure in outcome.failures:
        conditions.set(failure.condition, "False", failure.reason, failure.message)
    return conditions.finish()


def _set_component(conditions: ConditionSet, component: ComponentOutcome) -> None:
    prefix = condition_prefix(component.name)
    for suffix, said in (
        ("RouteReady", component.seen.route),
        ("ConfigurationReady", component.seen.configuration),
    ):
        if said is not None:
            conditions.set(prefix + suffix, *said)
        elif not component.serverless:
            conditions.remove(prefix + suffix)
    type_ = f"{prefix}Ready"
    if component.ready is None:
        message = f"{component.name} component initializing"
        if component.problem:
            message += f"; {component.problem}"
        conditions.set(type_, "False", names.REASON_INITIALIZING, message)
        return
    if not component.settled and conditions.get(type_) is not None:
        return
    status, reason, message = component.ready
    if status != "True" and component.problem:
        message = f"{message}; {component.problem}" if message else component.problem
    conditions.set(type_, status, reason, message)


def _set_remarks(conditions: ConditionSet, outcome: Outcome) -> None:
    """What a user should know of, and that the service serves with all the same."""
    selected, pending = names.CONDITION_ACCELERATOR_SELECTED, names.CONDITION_ROLLOUT_PENDING
    if outcome.unsatisfied:
        conditions.set(selected, "False", names.REASON_ACCELERATOR_CLASS, outcome.unsatisfied)
    elif outcome.components:
        conditions.remove(selected)
    if outcome.waiting:
        # Not who is ahead: that changes with every service that is done.
        text = _WAITING_TEXT.format(components=" and ".join(sorted(outcome.waiting)))
        conditions.set(pending, "True", names.REASON_WAITING_FOR_TURN, text)
    else:
        conditions.remove(pending)
    if outcome.paused:
        conditions.set(names.CONDITION_PAUSED, "True", names.REASON_PAUSED, _PAUSED_TEXT)
    else:
        conditions.remove(names.CONDITION_PAUSED)


def _set_across(conditions: ConditionSet, outcome: Outcome) -> None:
    engine = next((item for item in outcome.components if item.name == "engine"), None)
    if engine is None:
        return
    for type_, source in _ACROSS:
        if not (outcome.serverless or engine.serverless):
            conditions.remove(type_)
            continue
        followed = conditions.get(source)
        status: Status = "Unknown" if followed is None else followed.status
        conditions.set(type_, status, "" if status == "True" else f"{source} not ready")


def _components(stored: Mapping[str, Any], outcome: Outcome) -> dict[str, Any]:
    entries = {name: value for name, value in stored.items() if name in outcome.present}
    for component in outcome.components:
        serves = component.ready is not None and component.ready[0] == "True"
        before = entries.get(component.name) or {}
        entries[component.name] = component_entry(
            before,
            component.seen,
            component.url if serves else "",
            component.accelerator,
            serverless=component.serverless,
        )
    return entries


def _model_status(stored: Mapping[str, Any], outcome: Outcome, wall: str) -> dict[str, Any]:
    failed = next((item for item in outcome.failures if item.model_failure), None)
    if failed is not None:
        return _invalid(stored, str(failed.model_failure), failed.message, wall)
    served = [item.model for item in outcome.components if item.name in ("engine", "decoder")]
    state = worst([model for model in served if model is not None])
    if state is None or (state.target == "Loaded" and None in served):
        return dict(stored)  # of a component that does not tell, what was known holds
    revisions = dict(stored.get("modelRevisionStates") or {})
    revisions["targetModelState"] = state.target
    revisions.setdefault("activeModelState", "")
    status = dict(stored)
    status["transitionStatus"] = _TRANSITIONS.get(state.target, "InProgress")
    if state.target == "Loaded":
        revisions["activeModelState"] = "Loaded"
        status["modelCopies"] = {"failedCopies": 0, "totalCopies": state.copies}
    status["modelRevisionStates"] = revisions
    if state.failure is not None:
        info = {
            "reason": names.FAILURE_MODEL_LOAD_FAILED,
            "message": state.failure.message,
            "location": state.failure.pod,
            "exitCode": state.failure.exit_code,
            "time": state.failure.time or None,
        }
        status["lastFailureInfo"] = {key: value for key, value in info.items() if value is not None}
    return status


def _invalid(stored: Mapping[str, Any], reason: str, message: str, wall: str) -> dict[str, Any]:
    """The model or the runtime cannot be used; the time stays while the failure is the same."""
    before = stored.get("lastFailureInfo") or {}
    same = before.get("reason") == reason and before.get("message") == message
    revisions = dict(stored.get("modelRevisionStates") or {})
    revisions.setdefault("activeModelState", "")
    revisions["targetModelState"] = "FailedToLoad"
    return {
        **stored,
        "transitionStatus": "InvalidSpec",
        "modelRevisionStates": revisions,
        "lastFailureInfo": {
            "reason": reason,
            "message": message,
            "time": before.get("time", wall) if same else wall,
        },
    }
