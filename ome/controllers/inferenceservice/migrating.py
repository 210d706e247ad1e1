"""The deprecated predictor of a service that was stored while admission was away."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from ome import api
from ome.api import names, to_json
from ome.controllers.inferenceservice.steps import StepFailed
from ome.controllers.inferenceservice.usage import Dependency
from ome.errors import OmeError
from ome.kube.apply import pointer
from ome.kube.resource import ObjectKey
from ome.webhooks.inferenceservice.defaulting import DEPRECATION
from ome.webhooks.inferenceservice.migration import migrate, predictor_in_use

if TYPE_CHECKING:
    from ome.controllers.inferenceservice.world import Sources

__all__ = ["migrated", "migration"]

_MIGRATED = ("engine", "model", "runtime")


class _Stored:
    """What migration looks up, in the caches of the controller."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources

    def base_model(self, namespace: str, name: str) -> dict[str, Any] | None:
        held = self._sources.base_models.get(ObjectKey(namespace, name)) if namespace else None
        found = held or self._sources.cluster_base_models.get(ObjectKey("", name))
        return None if found is None else found.document()

    def runtime(self, namespace: str, name: str) -> dict[str, Any] | None:
        held = self._sources.serving_runtimes.get(ObjectKey(namespace, name)) if namespace else None
        found = held or self._sources.cluster_serving_runtimes.get(ObjectKey("", name))
        return None if found is None else found.document()


def migration(
    service: api.InferenceService, sources: Sources, uses: list[Dependency]
) -> list[dict[str, Any]]:
    """The JSON patch that gives a service what its predictor says; empty when it has it.

    Raises ``StepFailed`` when the model of the predictor does not exist.
    """
    spec = to_json(service.spec)
    if service.spec.engine is not None or not predictor_in_use(spec.get("predictor")):
        return []
    namespace = service.metadata.namespace
    migrated = copy.deepcopy(spec)
    try:
        migrate(migrated, namespace, _Stored(sources))
    except OmeError as error:
        name = ((spec["predictor"].get("model") or {}).get("baseModel")) or ""
        uses.append(Dependency("BaseModel", namespace, name))
        uses.append(Dependency("ClusterBaseModel", "", name))
        raise StepFailed(
            names.CONDITION_ENGINE_READY,
            names.REASON_PREDICTOR_MIGRATION,
            f"spec.predictor cannot be turned into spec.engine and spec.model: {error}",
            model_failure=names.FAILURE_BASE_MODEL_NOT_FOUND,
            waiting=True,
        ) from error
    annotations = {
        **service.metadata.annotations,
        names.ANNOTATION_DEPRECATION_WARNING: DEPRECATION,
    }
    patch = [
        {"op": "add", "path": pointer("spec", part), "value": migrated[part]}
        for part in _MIGRATED
        if migrated.get(part) is not None and migrated.get(part) != spec.get(part)
    ]
    return [*patch, {"op": "add", "path": "/metadata/annotations", "value": annotations}]


def migrated(
    service: api.InferenceService, sources: Sources, uses: list[Dependency]
) -> api.InferenceService:
    """The service as ``migration`` leaves it. Raises as that does."""
    patch = migration(service, sources, uses)
    if not patch:
        return service
    spec = to_json(service.spec)
    for change in patch:
        above, _, part = change["path"].rpartition("/")
        if above == "/spec":
            spec[part] = change["value"]
    return api.InferenceService.model_validate({**to_json(service), "spec": spec})
