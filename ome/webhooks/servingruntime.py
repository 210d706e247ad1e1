"""ServingRuntime and ClusterServingRuntime at admission; nothing is filled in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ome.api import ClusterServingRuntime, ServingRuntime, ServingRuntimeSpec, names
from ome.selection import parse_size, parse_version, priority_conflict
from ome.webhooks.inferenceservice.resolution import Unresolved
from ome.webhooks.inferenceservice.scaling import replica_warnings
from ome.webhooks.priorities import inner_conflicts
from ome.webhooks.reading import candidates, exempt, metadata_of, plain_copy, typed
from ome.webhooks.registry import Problem, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ome.api import EngineSpec, ModelFormat, ModelFrameworkSpec, SupportedModelFormat
    from ome.api.services import DecoderSpec
    from ome.webhooks.registry import Lookup, Review

__all__ = ["default", "validate"]

_LISTED = 5
_OPERATORS = ("Equal", "GreaterThan", "GreaterThanOrEqual")
_MULTI_NODE = (
    "for MultiNode deployment, both leader and worker must be defined and worker.size must be"
    " greater than 0"
)
_RAW = "for RawDeployment, leader and worker must not be defined"


def default(review: Review, lookup: Lookup) -> dict[str, Any]:
    """The runtime as it is."""
    return plain_copy(review)


def validate(review: Review, lookup: Lookup) -> Verdict:
    """The verdict on a runtime; one that is disabled may be inconsistent.

    Raises ``ApiError`` when a look-up failed.
    """
    if exempt(review):
        return Verdict()
    cluster = review.kind == ClusterServingRuntime.KIND
    kind: type[ClusterServingRuntime] | type[ServingRuntime] = (
        ClusterServingRuntime if cluster else ServingRuntime
    )
    runtime = typed(kind, review.object)
    spec = runtime.spec
    warnings = [*_users(review, spec, lookup)]
    if spec.disabled:
        return Verdict(warnings=tuple(warnings))
    held = metadata_of(review.object)
    name = str(held.get("name") or review.name or held.get("generateName") or "")
    problems = [
        *_topology(spec),
        *_unknown_classes(spec, lookup),
        *(
            Problem(
                f"spec.supportedModelFormats[{index}].priority",
                f"different priorities assigned for the model format {format_} under the"
                f" {kind.SINGULAR} {name}; give all its entries with autoSelect one priority",
            )
            for index, format_ in inner_conflicts(spec)
        ),
    ]
    warnings += _conflicts(review, name, spec, lookup)
    warnings += _suspicious(spec)
    return Verdict(tuple(problems), tuple(warnings))


def _users(review: Review, spec: ServingRuntimeSpec, lookup: Lookup) -> Iterator[str]:
    """Who feels an edit."""
    if review.operation != "UPDATE":
        return
    services, pods = lookup.services_using(review.kind, review.namespace, review.name)
    if not services:
        return
    used = f"{_count(services, 'InferenceService')} with {_count(pods, 'pod')} use this runtime"
    if spec.disabled:
        yield (
            f"spec.disabled: {used}; they keep running as they are and are not updated until"
            " it is enabled or another runtime fits them"
        )
    else:
        yield f"spec: {used}; a change of their pods rolls out a few services at a time"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _topology(spec: ServingRuntimeSpec) -> Iterator[Problem]:
    """The rules of the legacy ``workers``."""
    if spec.engine_config is not None and spec.decoder_config is not None:
        return
    size = spec.workers.size if spec.workers is not None else None
    if size is not None and size <= 0:
        yield _invalid("spec.workers.size", _MULTI_NODE, f"it is {size}; write 1 or more")
        return
    if spec.engine_config is None:
        return
    modes = _modes(spec)
    wanted = names.MODE_MULTI_NODE in modes
    if wanted and size is None:
        yield _invalid(
            "spec.workers",
            _MULTI_NODE,
            "a container has DEPLOYMENT_MODE=MultiNode; add spec.workers.size or remove the"
            " variable",
        )
    if names.MODE_RAW in modes and size is not None:
        yield _invalid(
            "spec.workers",
            _RAW,
            "a container has DEPLOYMENT_MODE=RawDeployment; remove spec.workers or the variable",
        )


def _invalid(field: str, rule: str, why: str) -> Problem:
    return Problem(field, f"invalid configuration: {rule} ({why})")


def _modes(spec: ServingRuntimeSpec) -> set[Any]:
    """The values of ``DEPLOYMENT_MODE`` in the top-level containers."""
    return {
        variable.get("value")
        for container in spec.containers or ()
        for variable in container.get("env") or ()
        if isinstance(variable, dict) and variable.get("name") == "DEPLOYMENT_MODE"
    }


def _unknown_classes(spec: ServingRuntimeSpec, lookup: Lookup) -> Iterator[Problem]:
    required = spec.accelerator_requirements
    listed = (required.accelerator_classes if required is not None else None) or []
    missing = [name for name in listed if lookup.accelerator(name) is None]
    if missing:
        yield Unresolved(
            "spec.acceleratorRequirements.acceleratorClasses",
            "unknown accelerator classes referenced in AcceleratorRequirements:"
            f" [{' '.join(missing)}]; create the AcceleratorClass objects first or correct the"
            " names",
        )


def _conflicts(
    review: Review, name: str, spec: ServingRuntimeSpec, lookup: Lookup
) -> Iterator[str]:
    cluster = review.kind == ClusterServingRuntime.KIND
    others = lookup.cluster_runtimes() if cluster else lookup.runtimes(review.namespace)
    same = [document for document in others if document.get("kind", review.kind) == review.kind]
    where = "" if cluster else f" in namespace {review.namespace}"
    kind = "clusterservingruntimes" if cluster else "servingruntimes"
    found = [
        (other.name, format_)
        for other in candidates(same)
        if other.name != name and (format_ := priority_conflict(spec, other.spec))
    ]
    for other, format_ in found[:_LISTED]:
        yield (
            f"spec.supportedModelFormats: same priority assigned for the model"
            f" format {format_} in the {kind} {other} and {name}{where}; their names decide which"
            " one is chosen. Give them different priorities"
        )
    if len(found) > _LISTED:
        yield f"spec.supportedModelFormats: the same with {len(found) - _LISTED} more {kind}"


def _suspicious(spec: ServingRuntimeSpec) -> Iterator[str]:
    if not spec.supported_model_formats:
        yield (
            "spec.supportedModelFormats: is empty, so no model fits this runtime; list the formats"
            " that it serves"
        )
    for index, entry in enumerate(spec.supported_model_formats or ()):
        path = f"spec.supportedModelFormats[{index}]"
        yield from _versions(f"{path}.modelFormat", entry.model_format)
        yield from _versions(f"{path}.modelFramework", entry.model_framework)
        yield from _configured(f"{path}.acceleratorConfig", entry, spec)
    yield from _sizes(spec)
    for name in ("engine", "decoder", "router"):
        component = getattr(spec, f"{name}_config")
        if component is not None:
            yield from replica_warnings(f"spec.{name}Config", component)
    for path, component in (
        ("spec.engineConfig", spec.engine_config),
        ("spec.decoderConfig", spec.decoder_config),
    ):
        if component is not None:
            yield from _workers(path, component)


def _configured(path: str, entry: SupportedModelFormat, spec: ServingRuntimeSpec) -> Iterator[str]:
    required = spec.accelerator_requirements
    listed = (required.accelerator_classes if required is not None else None) or ()
    unlisted = [name for name in entry.accelerator_config or () if name not in listed]
    if unlisted:
        yield (
            f"{path}: {', '.join(unlisted[:_LISTED])} is not among"
            " spec.acceleratorRequirements.acceleratorClasses, so it is never chosen and this"
            " never used; add it there or correct the name"
        )


def _versions(path: str, named: ModelFormat | ModelFrameworkSpec | None) -> Iterator[str]:
    if named is None:
        return
    if named.operator not in _OPERATORS:
        yield (
            f"{path}.operator: {named.operator!r} is not known and is read as Equal; use one of"
            f" {', '.join(_OPERATORS)}"
        )
    if named.version is not None:
        try:
            parse_version(named.version)
        except ValueError as error:
            yield f"{path}.version: {error}; no model fits it. Write one such as 1.2.3"


def _sizes(spec: ServingRuntimeSpec) -> Iterator[str]:
    bounds = spec.model_size_range
    if bounds is None:
        return
    for name, text in (("min", bounds.min), ("max", bounds.max)):
        if text and parse_size(text) is None:
            yield (
                f"spec.modelSizeRange.{name}: {text!r} is not a size and bounds nothing; write one"
                " such as 7B or 1.5T"
            )
    low, high = parse_size(bounds.min), parse_size(bounds.max)
    if low is not None and high is not None and low > high:
        yield (
            f"spec.modelSizeRange: min {bounds.min} is greater than max {bounds.max}, so no model"
            " with a size fits; swap them"
        )


def _workers(path: str, component: EngineSpec | DecoderSpec) -> Iterator[str]:
    leader, worker = component.leader, component.worker
    size = worker.size if worker is not None else None
    if (leader is None) != (worker is None):
        lacks = "worker" if worker is None else "leader"
        yield f"{path}: {_MULTI_NODE}; add {path}.{lacks}"
    elif size is not None and size <= 0:
        yield f"{path}.worker.size: {_MULTI_NODE}; it is {size}"
