"""What is wrong with a service, all of it at once, and what is worth a remark."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ome.api import InferenceService, names
from ome.webhooks.inferenceservice.accelerators import accelerator_warnings
from ome.webhooks.inferenceservice.exposure import (
    EXPOSURE_ANNOTATIONS,
    exposure_problems,
    exposure_warnings,
)
from ome.webhooks.inferenceservice.migration import predictor_in_use
from ome.webhooks.inferenceservice.places import annotation_field
from ome.webhooks.inferenceservice.resolution import resolve
from ome.webhooks.inferenceservice.scaling import (
    SCALING_ANNOTATIONS,
    scaling_problems,
    scaling_warnings,
)
from ome.webhooks.reading import annotations_of, exempt, metadata_of, typed
from ome.webhooks.registry import Problem, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ome.api import DecoderSpec, EngineSpec
    from ome.webhooks.registry import Lookup, Review

__all__ = ["validate"]

_NAME = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
_PREFIX = re.compile(r"[a-z][-a-z0-9]*")
_LONGEST = 63 - len("-decoder")
_MISSPELLED = {
    "ome.io/deployment-mode": names.ANNOTATION_DEPLOYMENT_MODE,
    "ome.io/disable-ingress": names.ANNOTATION_INGRESS_DISABLE_CREATION,
}
_SWITCHES = (
    names.ANNOTATION_PAUSED,
    names.ANNOTATION_PIN_RUNTIME,
    names.ANNOTATION_UPGRADE_TEMPLATE,
)
_READ = (
    names.ANNOTATION_DEPLOYMENT_MODE,
    *_SWITCHES,
    *SCALING_ANNOTATIONS,
    *EXPOSURE_ANNOTATIONS,
    names.ANNOTATION_ACCELERATOR_CLASS,
    *_MISSPELLED,
)
_GENERATED = "xxxxx"
"""Stands for what the server adds to a ``generateName``."""


def validate(review: Review, lookup: Lookup) -> Verdict:
    """The verdict on a service. Raises ``ApiError`` when a look-up failed."""
    if exempt(review, _READ):
        return Verdict()
    service = typed(InferenceService, review.object)
    held = metadata_of(review.object)
    name = str(held.get("name") or review.name or f"{held.get('generateName') or ''}{_GENERATED}")
    problems = [
        *_name_problems(review),
        *scaling_problems(service),
        *exposure_problems(service, name, review.namespace),
    ]
    if service.spec.decoder is not None and service.spec.engine is None:
        problems.append(
            Problem(
                "spec.decoder",
                "decoder cannot be specified without engine; add spec.engine (it does the prefill)"
                " or remove spec.decoder",
            )
        )
    warnings = [
        *_warnings(review, service),
        *scaling_warnings(service),
        *exposure_warnings(service, name, review.namespace),
        *accelerator_warnings(service),
    ]
    stored = review.operation == "UPDATE"
    resolution = resolve(service, review.namespace, lookup, stored=stored)
    return Verdict((*problems, *resolution.problems), (*warnings, *resolution.warnings))


def _name_problems(review: Review) -> Iterator[Problem]:
    held = metadata_of(review.object)
    name, prefix = str(held.get("name") or review.name), str(held.get("generateName") or "")
    if _NAME.fullmatch(name) or (not name and _PREFIX.fullmatch(prefix)):
        return
    field = "metadata.name" if name else "metadata.generateName"
    yield Problem(
        field,
        f'invalid InferenceService name "{name or prefix}", must match'
        ' "[a-z]([-a-z0-9]*[a-z0-9])?": names of Services and pods are made from it; use lower-case'
        " letters, digits and '-', begin with a letter and end with a letter or digit",
    )


def _warnings(review: Review, service: InferenceService) -> Iterator[str]:
    notes = annotations_of(review.object)
    name = service.metadata.name
    if len(name) > _LONGEST:
        limit = f"labels hold 63 and component names {_LONGEST} of them"
        yield (
            f"metadata.name: has {len(name)} characters, but {limit}; names made from it are cut or"
            f" refused. Use at most {_LONGEST}"
        )
    mode = notes.get(names.ANNOTATION_DEPLOYMENT_MODE)
    if mode is not None and mode not in names.MODES | {names.MODE_PD}:
        listed = ", ".join(sorted(names.MODES))
        yield (
            f"{annotation_field(names.ANNOTATION_DEPLOYMENT_MODE)}: deployment mode {mode!r} is not"
            f" known and decides nothing; use one of {listed}"
        )
    for wrong, right in _MISSPELLED.items():
        if wrong in notes:
            yield f"{annotation_field(wrong)}: is read by nothing; the annotation is {right}"
    for switch in _SWITCHES:
        value = notes.get(switch, "true")
        if value not in ("true", "false"):
            yield f"{annotation_field(switch)}: {value!r} decides nothing; write true, or remove it"
    yield from _predictor_warnings(review)
    for path, component in (
        ("spec.engine", service.spec.engine),
        ("spec.decoder", service.spec.decoder),
    ):
        if component is not None:
            yield from _worker_warnings(path, component)


def _predictor_warnings(review: Review) -> Iterator[str]:
    spec = (review.object or {}).get("spec") or {}
    predictor = spec.get("predictor") or {}
    if not predictor_in_use(predictor):
        return
    yield (
        "spec.predictor: is deprecated and will be removed in a future release; spec.engine,"
        " spec.model and spec.runtime decide. Use these and remove spec.predictor"
    )
    version = (predictor.get("model") or {}).get("runtimeVersion")
    if version:
        yield (
            f"spec.predictor.model.runtimeVersion: {version} has no counterpart in spec.engine; set"
            " the image of spec.engine.runner or choose a runtime in spec.runtime"
        )


def _worker_warnings(path: str, component: EngineSpec | DecoderSpec) -> Iterator[str]:
    leader, worker = component.leader, component.worker
    if leader is not None and worker is None:
        yield f"{path}.leader: has no worker; one node alone needs no leader. Add {path}.worker"
    if worker is not None and worker.size is not None and worker.size < 1:
        yield f"{path}.worker.size: {worker.size} counts as 1; write the number of workers"
