"""What admission writes into a service: its mode, the migrated predictor, replica bounds, and our
finalizer into a new one.

Only what is absent is written, so defaulting what was defaulted changes nothing. An object whose
values have the wrong types is left as it is: the API server refuses it with the field. And so is
one whose spec an update leaves alone, also when it was stored while no webhook ran: a label or a
finalizer must neither be refused nor scale anything.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ome.api import InferenceService, names
from ome.webhooks.inferenceservice.migration import migrate, predictor_in_use
from ome.webhooks.reading import leaving, plain_copy, readable, untouched
from ome.workloads.config import default_deployment_mode

if TYPE_CHECKING:
    from ome.webhooks.registry import Lookup, Review

__all__ = ["DEPRECATION", "default"]

DEPRECATION = (
    "The Predictor field is deprecated and will be removed in a future release. Please use Engine"
    " and Model fields instead."
)
_WRITTEN = (names.ANNOTATION_DEPLOYMENT_MODE, names.ANNOTATION_DEPRECATION_WARNING)
_MOST_REPLICAS = {
    names.COMPONENT_ENGINE: 3,
    names.COMPONENT_DECODER: 3,
    names.COMPONENT_ROUTER: 2,
}


def default(review: Review, lookup: Lookup) -> dict[str, Any]:
    """The service as it should be stored.

    Raises ``AdmissionDenied`` when the model of a predictor does not exist, ``ConfigError`` or
    ``BadSetting`` when the operator's settings cannot be used, ``ApiError`` when a look-up failed.
    """
    document = plain_copy(review)
    if leaving(review) or untouched(review, _WRITTEN):
        return document
    if readable(InferenceService, document) is not None:
        _complete(document, review, lookup)
    return document


def _complete(document: dict[str, Any], review: Review, lookup: Lookup) -> None:
    if review.operation == "CREATE":
        _hold(document)
    if document.get("spec") is None:
        document["spec"] = {}
    spec: dict[str, Any] = document["spec"]
    _set_mode(document, spec, lookup)
    if predictor_in_use(spec.get("predictor")):
        _annotate(document, names.ANNOTATION_DEPRECATION_WARNING, DEPRECATION)
        if lookup.migrates_predictors():
            migrate(spec, review.namespace, lookup)
    for component, most in _MOST_REPLICAS.items():
        if spec.get(component) is not None:
            _set_replicas(spec[component], most)


def _hold(document: dict[str, Any]) -> None:
    """Put our finalizer on the service, so that the controller need not write it."""
    held = document["metadata"] = document.get("metadata") or {}
    finalizers = held["finalizers"] = held.get("finalizers") or []
    if names.FINALIZER_INFERENCE_SERVICE not in finalizers:
        finalizers.append(names.FINALIZER_INFERENCE_SERVICE)


def _set_mode(document: dict[str, Any], spec: dict[str, Any], lookup: Lookup) -> None:
    held = document.get("metadata") or {}
    if names.ANNOTATION_DEPLOYMENT_MODE in (held.get("annotations") or {}):
        return
    engine = spec.get("engine")
    mode = ""
    if engine is not None and spec.get("decoder") is not None:
        mode = names.MODE_PD
    elif engine is not None and _has_workers(engine):
        mode = names.MODE_MULTI_NODE
    else:
        deploy = lookup.config("deploy")
        chosen = names.MODE_RAW if deploy is None else default_deployment_mode(deploy)
        mode = names.MODE_RAW if chosen == names.MODE_RAW else ""
    if mode:
        _annotate(document, names.ANNOTATION_DEPLOYMENT_MODE, mode)


def _has_workers(engine: dict[str, Any]) -> bool:
    worker = engine.get("worker")
    return engine.get("leader") is not None and worker is not None and (worker.get("size") or 0) > 0


def _annotate(document: dict[str, Any], name: str, value: str) -> None:
    """Add an annotation unless it is there."""
    held = document["metadata"] = document.get("metadata") or {}
    notes = held["annotations"] = held.get("annotations") or {}
    notes.setdefault(name, value)


def _set_replicas(component: dict[str, Any], most: int) -> None:
    if component.get("minReplicas") is None:
        component["minReplicas"] = 1
    if not component.get("maxReplicas"):
        component["maxReplicas"] = max(most, component["minReplicas"])
