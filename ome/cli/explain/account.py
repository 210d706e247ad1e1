"""The account of a choice: what was looked at, in which order, and why. For people and machines."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from ome import api
from ome.api import names
from ome.controllers.decode import Unreadable
from ome.controllers.inferenceservice.choosing import Chooser
from ome.controllers.inferenceservice.keeping import runtime_of_pods
from ome.controllers.inferenceservice.migrating import migrated
from ome.controllers.inferenceservice.pinning import Pins, is_pinned
from ome.controllers.inferenceservice.steps import StepFailed
from ome.errors import SelectionError, UserError
from ome.kube.resource import ObjectKey
from ome.selection import SelectionRequest, remarks, required_classes, size_range
from ome.workloads import service_mode

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ome.controllers.decode import KindDecoder
    from ome.controllers.inferenceservice.planning import Existing
    from ome.controllers.inferenceservice.world import Model, Sources, World
    from ome.selection import (
        AcceleratorChoice,
        ClassVerdict,
        RuntimeCandidate,
        Selection,
        Verdict,
    )

__all__ = ["Account", "explain", "find_target"]

_MODELS = {"basemodel": "BaseModel", "clusterbasemodel": "ClusterBaseModel", "model": ""}
_SERVICES = ("isvc", "inferenceservice", "service")
_VIRTUAL = f"nothing is deployed in mode {names.MODE_VIRTUAL}: no model or runtime is looked for"
_UNRECORDED = (
    f"annotation {names.ANNOTATION_PIN_RUNTIME} keeps a runtime as it was recorded; no such record"
    " for this model is seen from here, so this is what the operator would choose and record now"
)


@dataclass(frozen=True, slots=True)
class Account:
    """Everything about one choice; ``problem`` says why it ended early, empty when it did not."""

    subject: str
    service: api.InferenceService
    model: Model | None = None
    selection: Selection | None = None
    verdicts: tuple[Verdict, ...] = ()
    accelerators: Mapping[str, AcceleratorChoice] = field(default_factory=dict)
    problem: str = ""
    reason: str = ""
    remarks: Mapping[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)
    """What is odd about a runtime that may be chosen, by namespace and name."""
    pinned: str = ""
    """The runtime that an annotation keeps as it was recorded, empty without a record."""
    note: str = ""
    """What the choice does not show, empty when it shows all."""
    deployed: bool = True
    """Whether the service has pods of its own at all."""

    def remarks_on(self, runtime: RuntimeCandidate) -> tuple[str, ...]:
        """What is odd about one of the runtimes."""
        return self.remarks.get(_key(runtime), ())

    @property
    def named(self) -> str:
        """The runtime that the service names, empty when it leaves the choice to us."""
        reference = self.service.spec.runtime
        return "" if reference is None else reference.name

    @property
    def kept(self) -> bool:
        """Whether the runtime only stays because the service runs on it already."""
        return self.selection is not None and self.selection.kept

    @property
    def candidates(self) -> list[Verdict]:
        """The runtimes that may be chosen, the chosen one first."""
        return [item for item in self.verdicts if item.exclusion is None]

    @property
    def excluded(self) -> list[Verdict]:
        """The others, the closest first."""
        return [item for item in self.verdicts if item.exclusion is not None]

    def document(self) -> dict[str, Any]:
        """All of it as JSON."""
        chosen = None if self.selection is None else self.selection.runtime
        model = self.model
        return {
            "subject": self.subject,
            "model": None
            if model is None
            else {
                "name": model.name,
                "namespace": model.namespace,
                "spec": {
                    key: value
                    for key, value in api.to_json(model.spec).items()
                    if key in _MODEL_FIELDS
                },
            },
            "runtime": None
            if chosen is None
            else {
                "name": chosen.name,
                "namespace": chosen.namespace,
                "named": bool(self.named),
                "kept": self.kept,
                "pinned": bool(self.pinned),
            },
            "note": self.note or None,
            "problem": {"reason": self.reason, "message": self.problem} if self.problem else None,
            "candidates": [self._candidate(item) for item in self.candidates],
            "excluded": [_excluded(item) for item in self.excluded],
            "accelerators": {
                name: {
                    "acceleratorClass": choice.name or None,
                    "reason": choice.reason,
                    "warning": choice.warning or None,
                    "classes": [_class(item) for item in choice.verdicts],
                }
                for name, choice in self.accelerators.items()
            },
        }

    def _candidate(self, verdict: Verdict) -> dict[str, Any]:
        bounds, score = size_range(verdict.runtime.spec.model_size_range), verdict.score
        return {
            "name": verdict.runtime.name,
            "namespace": verdict.runtime.namespace,
            "score": {
                "total": score.total,
                "format": score.format,
                "framework": score.framework,
                "priority": score.priority,
            },
            "sizeRange": None if bounds is None else bounds.text,
            "remarks": list(self.remarks_on(verdict.runtime)),
        }


_MODEL_FIELDS = (
    "modelFormat",
    "modelFramework",
    "modelArchitecture",
    "quantization",
    "modelParameterSize",
    "diffusionPipeline",
)


def _excluded(verdict: Verdict) -> dict[str, Any]:
    return {
        "name": verdict.runtime.name,
        "namespace": verdict.runtime.namespace,
        "by": "" if verdict.exclusion is None else verdict.exclusion.name.lower(),
        "reason": verdict.reason,
    }


def _class(verdict: ClassVerdict) -> dict[str, Any]:
    return {
        "name": verdict.name,
        "reason": verdict.reason or None,
        "score": verdict.score,
        "parts": dict(verdict.parts),
    }


def find_target(
    sources: Sources, decode: KindDecoder, name: str, namespace: str
) -> tuple[str, api.InferenceService]:
    """What a word on the command line means: the service, or a service that only names the model.

    ``name`` may have a kind before it, as ``model/llama``. A bare one is a service first, then a
    model. Raises ``UserError``.
    """
    kind, found, bare = name.rpartition("/")
    kind = kind.lower()
    if found and kind not in (*_SERVICES, *_MODELS):
        raise UserError(f"ome explain: {name}: expected isvc/NAME or model/NAME, not {kind}/")
    if not found or kind in _SERVICES:
        stored = sources.services.get(ObjectKey(namespace, bare))
        if stored is not None:
            try:
                service = decode(api.InferenceService, stored)
            except Unreadable as error:
                raise UserError(f"ome explain: {error}") from error
            return f"InferenceService {namespace}/{bare}", service
    if not found or kind in _MODELS:
        for model_kind, store, place in (
            ("BaseModel", sources.base_models, namespace),
            ("ClusterBaseModel", sources.cluster_base_models, ""),
        ):
            wanted = _MODELS.get(kind, "")
            if wanted in ("", model_kind) and ObjectKey(place, bare) in store:
                return f"{model_kind} {ObjectKey(place, bare)}", _asking_for(
                    bare, model_kind, namespace
                )
    raise UserError(
        f"ome explain: {name}: no InferenceService or BaseModel of this name in namespace"
        f" {namespace}, and no ClusterBaseModel; name another, or a namespace with -n"
    )


def _asking_for(model: str, kind: str, namespace: str) -> api.InferenceService:
    return api.InferenceService.model_validate(
        {
            "metadata": {"name": model, "namespace": namespace},
            "spec": {"model": {"name": model, "kind": kind}},
        }
    )


def explain(
    world: World, subject: str, service: api.InferenceService, existing: Existing | None = None
) -> Account:
    """The account of what a controller would choose now, by the code that it chooses with.

    ``existing`` has the workloads of the service and the record of its runtime, where they are
    known.
    """
    if service_mode(service, "") == names.MODE_VIRTUAL:
        return Account(subject, service, note=_VIRTUAL, deployed=False)
    running = None if existing is None else partial(runtime_of_pods, existing)
    pins = None if existing is None else Pins(existing).held
    chooser = Chooser(world, exhaustive=True, pinned=pins, running=running)
    try:
        service, model, _ = chooser.model(migrated(service, world.sources, []), [])
    except StepFailed as error:
        return Account(subject, service, problem=error.message, reason=error.reason)
    account = Account(subject, service, model, note=_of_both(world, service, model))
    pinned = None if pins is None else pins(service)
    if pinned is not None:
        account = replace(account, pinned=pinned.name)
    elif is_pinned(service):
        account = replace(account, note="; ".join(filter(None, (account.note, _UNRECORDED))))
    account = _with_choice(account, model, chooser)
    held = "" if running is None else running(service, model.name)
    return replace(account, note="; ".join(filter(None, (account.note, _moved(account, held)))))


def _moved(account: Account, held: str) -> str:
    """That the pods were made with another runtime than a choice of today would give."""
    chosen = "" if account.selection is None else account.selection.runtime.name
    if not held or chosen in ("", held) or account.named or account.pinned:
        return ""
    return (
        f"its pods are made with {held}, which was chosen before; the operator replaces them when"
        " it next looks at the service: after an edit, a restart of the operator, or when its turn"
        f" comes. Name {held} in spec.runtime to keep them"
    )


def _of_both(world: World, service: api.InferenceService, model: Model) -> str:
    """As admission remarks: which of two models of one name it is; empty where there is one."""
    named = service.spec.model
    shared = api.ClusterBaseModel.KIND
    if not model.namespace or named is None or named.kind == api.BaseModel.KIND:
        return ""
    if world.shared(shared, ObjectKey("", model.name)) is None:
        return ""
    return (
        f"BaseModel {model.name} exists in namespace {model.namespace} and at cluster scope; the"
        " one in the namespace is used"
    )


def _with_choice(account: Account, model: Model, chooser: Chooser) -> Account:
    service = account.service
    try:
        selection = chooser.runtime(service, model, [])
    except StepFailed as error:
        cause = error.__cause__
        verdicts = cause.verdicts if isinstance(cause, SelectionError) else ()
        return replace(
            account, verdicts=tuple(verdicts), problem=error.message, reason=error.reason
        )
    verdicts = () if selection is None else selection.verdicts
    namespace = service.metadata.namespace
    request = SelectionRequest(model.name, model.spec, namespace, required_classes(service))
    said = {
        _key(item.runtime): tuple(remarks(item.runtime, request))
        for item in verdicts
        if item.exclusion is None
    }
    account = replace(account, selection=selection, verdicts=verdicts, remarks=said)
    try:
        return replace(account, accelerators=chooser.accelerators(service, selection, []))
    except StepFailed as error:
        return replace(account, problem=error.message, reason=error.reason)


def _key(runtime: RuntimeCandidate) -> tuple[str, str]:
    return runtime.namespace, runtime.name
