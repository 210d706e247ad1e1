"""What a pass reads: the service, the model and runtime it means, the operator's settings.

Everything comes from the caches. A name resolves in the service's namespace first and then at
cluster scope, unless the reference's kind names the namespaced kind: that one means the namespace
only. (The API server fills in the cluster kind for an absent one, so the two look the same.)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ome import api
from ome.api import names
from ome.controllers.decode import Unreadable
from ome.controllers.inferenceservice.steps import StepFailed
from ome.controllers.inferenceservice.usage import Dependency
from ome.kube.resource import ObjectKey
from ome.selection import RuntimeCandidate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ome.controllers.decode import KindDecoder
    from ome.informers.informer import Informer
    from ome.informers.projection import WholeObject

__all__ = ["Model", "Sources", "World"]


@dataclass(frozen=True, slots=True)
class Model:
    """The model that a service serves; ``namespace`` is empty at cluster scope."""

    name: str
    namespace: str
    annotations: Mapping[str, str]
    spec: api.BaseModelSpec

    @property
    def dependency(self) -> Dependency:
        """The object as the usage index knows it."""
        kind = "BaseModel" if self.namespace else "ClusterBaseModel"
        return Dependency(kind, self.namespace, self.name)


@dataclass(frozen=True, slots=True)
class Sources:
    """The informers that a pass reads."""

    services: Informer[WholeObject]
    base_models: Informer[WholeObject]
    cluster_base_models: Informer[WholeObject]
    serving_runtimes: Informer[WholeObject]
    cluster_serving_runtimes: Informer[WholeObject]


class World:
    """The caches, read as typed objects."""

    def __init__(self, sources: Sources, decode: KindDecoder) -> None:
        self._sources = sources
        self._decode = decode

    def service(self, key: ObjectKey) -> tuple[WholeObject, api.InferenceService] | None:
        """The stored service and its typed form, or None. Raises ``Unreadable``."""
        stored = self._sources.services.store.get(key)
        return None if stored is None else (stored, self._decode(api.InferenceService, stored))

    def model(self, service: api.InferenceService) -> Model:
        """The model of a service.

        Raises ``StepFailed`` when there is none, it is disabled or cannot be read.
        """
        reference = service.spec.model
        if reference is None or not reference.name:
            raise self._model_failed(
                "model reference is required: set spec.model.name to a BaseModel or"
                " ClusterBaseModel",
                names.FAILURE_INVALID_PREDICTOR_SPEC,
            )
        try:
            model = self._find_model(reference, service.metadata.namespace)
        except Unreadable as error:
            raise self._model_failed(str(error), names.FAILURE_INVALID_PREDICTOR_SPEC) from error
        if model is None:
            where = f"in namespace {service.metadata.namespace}"
            if reference.kind == "BaseModel":
                text = (
                    f"No BaseModel with the name: {reference.name} {where} (spec.model.kind is"
                    " BaseModel); create it or name another"
                )
            else:
                text = (
                    f"No BaseModel or ClusterBaseModel with the name: {reference.name} ({where} or"
                    " at cluster scope); create it or correct spec.model.name"
                )
            raise self._model_failed(text, names.FAILURE_BASE_MODEL_NOT_FOUND)
        if model.spec.disabled:
            raise self._model_failed(
                f"specified base model {model.name} is disabled; set its spec.disabled to false or"
                " name another in spec.model.name",
                names.FAILURE_BASE_MODEL_DISABLED,
            )
        return model

    def _find_model(self, reference: api.ModelRef, namespace: str) -> Model | None:
        local = self._sources.base_models.store.get(ObjectKey(namespace, reference.name))
        if local is not None:
            spec = self._decode(api.BaseModel, local).spec
            return Model(reference.name, namespace, local.metadata.annotations, spec)
        if reference.kind == "BaseModel":
            return None
        shared = self._sources.cluster_base_models.store.get(ObjectKey("", reference.name))
        if shared is None:
            return None
        spec = self._decode(api.ClusterBaseModel, shared).spec
        return Model(reference.name, "", shared.metadata.annotations, spec)

    def runtimes(self, namespace: str) -> list[RuntimeCandidate]:
        """Every runtime that a service of the namespace may use; unreadable ones are left out."""
        found: list[RuntimeCandidate] = []
        for stored in self._sources.serving_runtimes.store.namespace(namespace):
            found += self._candidate(api.ServingRuntime, stored)
        for stored in self._sources.cluster_serving_runtimes.store.values():
            found += self._candidate(api.ClusterServingRuntime, stored)
        return found

    def _candidate(
        self, kind: type[api.ServingRuntime] | type[api.ClusterServingRuntime], stored: WholeObject
    ) -> list[RuntimeCandidate]:
        try:
            spec = self._decode(kind, stored).spec
        except Unreadable:
            return []
        return [RuntimeCandidate(stored.metadata.name, stored.metadata.namespace, spec)]

    @staticmethod
    def _model_failed(message: str, failure: str) -> StepFailed:
        return StepFailed(
            names.CONDITION_ENGINE_READY,
            names.REASON_MODEL,
            message,
            model_failure=failure,
            waiting=True,
        )
