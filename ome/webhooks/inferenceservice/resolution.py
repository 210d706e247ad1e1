"""Does the model exist, and is there a runtime for it: what is checked against the cluster."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ome.api import BaseModel, ClusterBaseModel, FineTunedWeight
from ome.api.references import base_model_of, models_named
from ome.errors import SelectionError
from ome.selection import (
    NoFormat,
    SelectionRequest,
    complete_runner,
    required_classes,
    select_runtime,
    validate_named_runtime,
)
from ome.webhooks.reading import annotations_of, candidates, first_of, problems_of, shared
from ome.webhooks.registry import IfAbsent, Problem

if TYPE_CHECKING:
    from ome.api import BaseModelSpec, InferenceService, ModelRef, ServingRuntimeRef
    from ome.webhooks.registry import Document, Lookup

__all__ = ["Resolution", "Unresolved", "resolve"]

_MODEL_KINDS = ("BaseModel", "ClusterBaseModel")
_RUNTIME_KINDS = ("ServingRuntime", "ClusterServingRuntime")
_DISABLED_WEIGHT = (
    "is disabled; the service will not be Ready. Set its spec.disabled to false or name another"
)


class Unresolved(Problem):
    """A problem that only stands as long as the cluster lacks something."""

    __slots__ = ()


@dataclass(slots=True)
class Resolution:
    """What was found out on the way."""

    problems: list[Problem] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def resolve(
    service: InferenceService, namespace: str, lookup: Lookup, *, stored: bool = False
) -> Resolution:
    """Check references and, where nothing else decides, the automatic choice of a runtime.

    A service that is ``stored`` may run already; its runtime is then kept for as long as it fits
    the model as that was written, so this is no reason to refuse an edit.
    """
    found = Resolution()
    reference, spec = service.spec.model, service.spec
    document = None
    if reference is not None and reference.name:
        if reference.kind == FineTunedWeight.KIND:
            document = _base_of(reference.name, lookup, found)
        else:
            document = _model(reference, namespace, lookup, found)
        if document is None:
            return found
        if reference.kind != FineTunedWeight.KIND:
            _weights(reference, lookup, found)
    named = spec.runtime if spec.runtime is not None and spec.runtime.name else None
    if named is not None:
        _check_kind("runtime", named.kind, _RUNTIME_KINDS, found)
    _accelerators(service, lookup, found)
    if spec.engine is None or spec.runtime is not None or complete_runner(service):
        if document is not None and (model := _spec(document)) is not None and model.disabled:
            found.warnings.append(f"spec.model.name: {_disabled(document['metadata']['name'])}")
        if named is not None:
            _judge_named(service, named, document, namespace, lookup, found)
        elif document is None and complete_runner(service):
            found.warnings.append(
                "spec.model: model reference is required to serve; the engine has its own image but"
                " no model. Set spec.model.name to a BaseModel or ClusterBaseModel"
            )
        return found
    if document is None:
        found.problems.append(
            Problem(
                "spec.model",
                "model reference is required when runtime is not specified and engine does not have"
                " complete runner configuration; set spec.model.name, or spec.engine.runner.image",
            )
        )
        return found
    _select(service, document, namespace, lookup, found, stored=stored)
    return found


def _model(
    reference: ModelRef, namespace: str, lookup: Lookup, found: Resolution
) -> Document | None:
    name = reference.name
    _check_kind("model", reference.kind, _MODEL_KINDS, found)
    meant = models_named(reference.kind, name, namespace)
    document = first_of(meant, lookup)
    if document is None:
        found.problems.append(_missing(reference, namespace))
    elif document.get("kind") == "BaseModel" and first_of(meant[1:], lookup) is not None:
        found.warnings.append(_both("spec.model.name", "BaseModel", name, namespace))
    return document


def _base_of(name: str, lookup: Lookup, found: Resolution) -> Document | None:
    """The base model of a weight that is named as the model."""
    field, weight = "spec.model.name", lookup.fine_tuned_weight(name)
    if weight is None:
        text = f"No FineTunedWeight with the name: {name}; create it first or correct the name"
        found.problems.append(Unresolved(field, text))
        return None
    spec = weight.get("spec") or {}
    if spec.get("disabled") is True:
        found.warnings.append(f"{field}: FineTunedWeight {name} {_DISABLED_WEIGHT}")
    base = base_model_of(spec)
    if base is None:
        text = f"FineTunedWeight {name} has no BaseModelRef.Name specified; set its"
        found.problems.append(Unresolved(field, f"{text} spec.baseModelRef.name"))
        return None
    document = first_of((base,), lookup)
    if document is None:
        text = (
            f"{base}, of which FineTunedWeight {name} was made, not found; create it first or"
            " correct spec.baseModelRef of the weight"
        )
        found.problems.append(Unresolved(field, text))
    return document


def _missing(reference: ModelRef, namespace: str) -> Problem:
    text = f'referenced model "{reference.name}" not found in namespace "{namespace}": ensure a'
    if reference.kind == "BaseModel":
        text += (
            " BaseModel exists in this namespace with this name (spec.model.kind is BaseModel), or"
            " set kind: ClusterBaseModel for one that exists cluster-wide"
        )
    else:
        text += (
            " BaseModel exists in this namespace or a ClusterBaseModel exists cluster-wide with"
            " this name; create it first or correct the name"
        )
    return Unresolved("spec.model.name", text)


def _disabled(name: str) -> str:
    return f"model {name} is disabled; set spec.disabled of the model to false or name another"


def _both(where: str, kind: str, name: str, namespace: str) -> str:
    return (
        f"{where}: {kind} {name} exists in namespace {namespace} and at cluster scope; the one in"
        f" the namespace is used. Set kind: {kind} to say so"
    )


def _check_kind(member: str, kind: str, known: tuple[str, ...], found: Resolution) -> None:
    if kind not in known:
        found.warnings.append(
            f"spec.{member}.kind: {kind!r} is not known and is read as if it were absent; write"
            f" {known[0]} or {known[1]}"
        )


def _weights(reference: ModelRef, lookup: Lookup, found: Resolution) -> None:
    weights = [name for name in reference.fine_tuned_weights or () if name]
    for index, name in enumerate(weights):
        start = f"spec.model.fineTunedWeights[{index}]: FineTunedWeight {name}"
        held = lookup.fine_tuned_weight(name)
        if held is None:
            text = f"{start} does not exist; the service waits for it."
            found.warnings.append(IfAbsent(f"{text} Create it or correct the name"))
            continue
        spec = held.get("spec") or {}
        if spec.get("disabled") is True:
            found.warnings.append(f"{start} {_DISABLED_WEIGHT}")
        base = (spec.get("baseModelRef") or {}).get("name")
        if base and reference.name and base != reference.name:
            found.warnings.append(
                f"{start} was made from model {base}, not from {reference.name}; name a weight of"
                " the model that is served"
            )
        if (
            len(set(weights)) > 1
            and (spec.get("configuration") or {}).get("merged_weights") is True
        ):
            found.warnings.append(
                f"{start} holds merged weights, which take the place of the base model, so it can"
                " only be served alone; the service will not be Ready"
            )


def _accelerators(service: InferenceService, lookup: Lookup, found: Resolution) -> None:
    for name in sorted(required_classes(service)):
        if name and lookup.accelerator(name) is None:
            text = (
                f"accelerator class {name} is asked for (acceleratorSelector, acceleratorOverride"
                " or annotation ome.io/accelerator-class) and does not exist; create the"
                " AcceleratorClass or correct the name"
            )
            found.warnings.append(IfAbsent(text))


def _spec(document: Document) -> BaseModelSpec | None:
    if document.get("kind") == "BaseModel":
        local = shared(BaseModel, document)
        return local.spec if local else None
    cluster = shared(ClusterBaseModel, document)
    return cluster.spec if cluster else None


def _judge_named(
    service: InferenceService,
    named: ServingRuntimeRef,
    document: Document | None,
    namespace: str,
    lookup: Lookup,
    found: Resolution,
) -> None:
    """A runtime that the user named is never refused: it may come later, and so may its fit."""
    runtime = lookup.runtime(namespace, named.name)
    local = runtime is not None and runtime.get("kind") == "ServingRuntime"
    if runtime is None or (named.kind == "ServingRuntime" and not local):
        scope = "" if named.kind == "ServingRuntime" else " or at cluster scope"
        text = (
            f"spec.runtime.name: runtime {named.name} not found in namespace {namespace}{scope};"
            " the service waits for it. Create it or correct the name"
        )
        found.warnings.append(IfAbsent(text))
        return
    if local and named.kind != "ServingRuntime" and lookup.runtime("", named.name) is not None:
        found.warnings.append(_both("spec.runtime.name", "ServingRuntime", named.name, namespace))
    spec = _spec(document) if document is not None else None
    if spec is None or document is None:
        return
    request = SelectionRequest(
        document["metadata"]["name"], spec, namespace, required_classes(service)
    )
    try:
        validate_named_runtime(named.name, named.kind, request, candidates([runtime]))
    except NoFormat as error:
        found.warnings.append(f"spec.model.name: {error}; the service waits for that")
    except SelectionError as error:
        found.warnings.append(
            f"spec.runtime.name: {error}; the service will not start until the runtime fits. Name"
            " another or remove spec.runtime to have one chosen"
        )


def _select(
    service: InferenceService,
    document: Document,
    namespace: str,
    lookup: Lookup,
    found: Resolution,
    *,
    stored: bool,
) -> None:
    name = document["metadata"]["name"]
    spec = _spec(document)
    if spec is None:
        kind = BaseModel if document.get("kind") == "BaseModel" else ClusterBaseModel
        first = problems_of(kind, document)[0]
        text = f"failed to resolve model {name}: its {first.field} cannot be read: {first.message}"
        found.problems.append(Unresolved("spec.model.name", text))
        return
    if spec.disabled:
        found.problems.append(Unresolved("spec.model.name", _disabled(name)))
        return
    request = SelectionRequest(name, spec, namespace, required_classes(service))
    try:
        chosen = select_runtime(request, candidates(lookup.runtimes(namespace)))
    except SelectionError as error:
        kept = request.as_written(annotations_of(document)) if stored else None
        if kept is not None and _fits(kept, lookup):
            found.warnings.append(
                f"spec.runtime: {error}. A runtime fits what the user of model {name} wrote, not"
                " what was read from its files: where pods run they stay with it, a new service"
                " would get none"
            )
            return
        text = (
            f"no supporting runtime found for model {name} and engine does not have complete runner"
            f" configuration: {error}. Name a runtime in spec.runtime.name, create or enable one"
            " that fits, or set spec.engine.runner.image"
        )
        found.problems.append(Unresolved("spec.runtime", text))
        return
    found.warnings.append(
        f"Runtime {chosen.runtime.name} will be auto-selected for model {name}; set"
        " spec.runtime.name to keep it"
    )


def _fits(request: SelectionRequest, lookup: Lookup) -> bool:
    try:
        select_runtime(request, candidates(lookup.runtimes(request.namespace)))
    except SelectionError:
        return False
    return True
