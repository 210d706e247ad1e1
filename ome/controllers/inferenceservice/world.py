"""What a pass reads: the service, the model and runtime it means, the operator's settings.

Everything comes from the caches. Which objects a name means, and in which order, is said in
``ome.api.references``; what is said there of models holds for runtimes too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ome import api
from ome.api import names
from ome.api.references import models_named
from ome.controllers.decode import Unreadable
from ome.controllers.inferenceservice.steps import StepFailed
from ome.controllers.inferenceservice.usage import Dependency
from ome.controllers.resources import (
    ACCELERATOR_CLASSES,
    BASE_MODELS,
    CLUSTER_BASE_MODELS,
    CLUSTER_SERVING_RUNTIMES,
    FINE_TUNED_WEIGHTS,
    SERVING_RUNTIMES,
)
from ome.kube.resource import ObjectKey
from ome.selection import RuntimeCandidate

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ome.api.references import ModelKey
    from ome.controllers.decode import KindDecoder
    from ome.informers.projection import WholeObject
    from ome.informers.store import Store
    from ome.selection import Facets

__all__ = ["SHARED", "Model", "Sources", "Weight", "World", "models_meant"]

_BY_FACETS = "facets"
"""Index of runtimes: what a model must have to match one of their entries."""
_REMEMBERED = 4096
"""Parsed runtimes that are kept by identity, old versions among them."""


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
class Weight:
    """A fine-tuned weight that a service serves."""

    name: str
    annotations: Mapping[str, str]
    spec: api.FineTunedWeightSpec

    @property
    def dependency(self) -> Dependency:
        """The object as the usage index knows it."""
        return Dependency(FINE_TUNED_WEIGHTS.kind, "", self.name)


SHARED = (
    BASE_MODELS,
    CLUSTER_BASE_MODELS,
    SERVING_RUNTIMES,
    CLUSTER_SERVING_RUNTIMES,
    ACCELERATOR_CLASSES,
    FINE_TUNED_WEIGHTS,
)
"""What services share, in the order of ``Sources``."""


@dataclass(frozen=True, slots=True)
class Sources:
    """The stores that a pass reads."""

    services: Store[WholeObject]
    base_models: Store[WholeObject]
    cluster_base_models: Store[WholeObject]
    serving_runtimes: Store[WholeObject]
    cluster_serving_runtimes: Store[WholeObject]
    accelerator_classes: Store[WholeObject]
    fine_tuned_weights: Store[WholeObject]


class World:
    """The caches, read as typed objects."""

    def __init__(self, sources: Sources, decode: KindDecoder) -> None:
        self.sources = sources
        self._decode = decode
        stores = (
            sources.base_models,
            sources.cluster_base_models,
            sources.serving_runtimes,
            sources.cluster_serving_runtimes,
            sources.accelerator_classes,
            sources.fine_tuned_weights,
        )
        self._shared = dict(zip((shared.kind for shared in SHARED), stores, strict=True))
        self._held: dict[int, tuple[WholeObject, RuntimeCandidate | None]] = {}
        # Bound once: a store knows an index by its function.
        sources.serving_runtimes.add_index(_BY_FACETS, self._local_facets)
        sources.cluster_serving_runtimes.add_index(_BY_FACETS, self._shared_facets)

    def service(self, key: ObjectKey) -> tuple[WholeObject, api.InferenceService] | None:
        """The stored service and its typed form, or None. Raises ``Unreadable``."""
        stored = self.sources.services.get(key)
        return None if stored is None else (stored, self._decode(api.InferenceService, stored))

    def version(self, kind: str, key: ObjectKey) -> str:
        """The resourceVersion of what services share; empty when it is not there."""
        held = self.shared(kind, key)
        return "" if held is None else held.metadata.resource_version

    def shared(self, kind: str, key: ObjectKey) -> WholeObject | None:
        """What services share, as it is stored; None when it is not there."""
        store = self._shared.get(kind)
        return None if store is None else store.get(key)

    def model(self, service: api.InferenceService, base: ModelKey | None = None) -> Model:
        """The model of a service; ``base`` is that of the weight that it gave for its model.

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
            model = self._first_of(models_meant(service, base))
        except Unreadable as error:
            raise self._model_failed(str(error), names.FAILURE_INVALID_PREDICTOR_SPEC) from error
        if model is None:
            text = _missing(reference, service.metadata.namespace, base)
            raise self._model_failed(text, names.FAILURE_BASE_MODEL_NOT_FOUND)
        if model.spec.disabled:
            raise self._model_failed(
                f"specified base model {model.name} is disabled; set its spec.disabled to false or"
                " name another in spec.model.name",
                names.FAILURE_BASE_MODEL_DISABLED,
            )
        return model

    def _first_of(self, meant: Iterable[ModelKey]) -> Model | None:
        for kind, namespace, name in meant:
            stored = self.shared(kind, ObjectKey(namespace, name))
            if stored is None:
                continue
            if kind == api.BaseModel.KIND:
                spec = self._decode(api.BaseModel, stored).spec
            else:
                spec = self._decode(api.ClusterBaseModel, stored).spec
            return Model(name, namespace, stored.metadata.annotations, spec)
        return None

    def weight(self, name: str) -> Weight | None:
        """A fine-tuned weight by name, None when there is none. Raises ``Unreadable``."""
        stored = self.sources.fine_tuned_weights.get(ObjectKey("", name))
        if stored is None:
            return None
        spec = self._decode(api.FineTunedWeight, stored).spec
        return Weight(name, stored.metadata.annotations, spec)

    def runtimes(self, namespace: str) -> list[RuntimeCandidate]:
        """Every runtime that a service of the namespace may use; unreadable ones are left out."""
        local = self.sources.serving_runtimes.namespace(namespace)
        shared = self.sources.cluster_serving_runtimes.values()
        return [
            *self._candidates(api.ServingRuntime, local),
            *self._candidates(api.ClusterServingRuntime, shared),
        ]

    def runtimes_for(self, namespace: str, facets: Facets) -> list[RuntimeCandidate]:
        """Those of ``runtimes`` that have an entry with the facets of a model."""
        local = self.sources.serving_runtimes.by_index(_BY_FACETS, (namespace, facets))
        shared = self.sources.cluster_serving_runtimes.by_index(_BY_FACETS, facets)
        return [
            *self._candidates(api.ServingRuntime, local),
            *self._candidates(api.ClusterServingRuntime, shared),
        ]

    def runtimes_named(self, namespace: str, name: str) -> list[RuntimeCandidate]:
        """Those of ``runtimes`` that have the name."""
        local = self.sources.serving_runtimes.get(ObjectKey(namespace, name))
        shared = self.sources.cluster_serving_runtimes.get(ObjectKey("", name))
        return [
            *self._candidates(api.ServingRuntime, () if local is None else (local,)),
            *self._candidates(api.ClusterServingRuntime, () if shared is None else (shared,)),
        ]

    def accelerator(self, name: str) -> api.AcceleratorClassSpec | None:
        """A class by name; None when there is none or it cannot be read."""
        stored = self.sources.accelerator_classes.get(ObjectKey("", name))
        if stored is None:
            return None
        try:
            return self._decode(api.AcceleratorClass, stored).spec
        except Unreadable:
            return None

    def _candidates(
        self,
        kind: type[api.ServingRuntime] | type[api.ClusterServingRuntime],
        found: Iterable[WholeObject],
    ) -> Iterable[RuntimeCandidate]:
        held = self._held
        for stored in found:
            # By identity: one comparison for each of a thousand runtimes, in every selection. The
            # object is held beside its candidate, so its id cannot become another's.
            known = held.get(id(stored))
            candidate = self._read(kind, stored) if known is None else known[1]
            if candidate is not None:
                yield candidate

    def _read(
        self, kind: type[api.ServingRuntime] | type[api.ClusterServingRuntime], stored: WholeObject
    ) -> RuntimeCandidate | None:
        candidate = None
        try:
            spec = self._decode(kind, stored).spec
            candidate = RuntimeCandidate(stored.metadata.name, stored.metadata.namespace, spec)
        except Unreadable:
            pass
        if len(self._held) >= _REMEMBERED:
            self._held.clear()
        self._held[id(stored)] = (stored, candidate)
        return candidate

    def _local_facets(self, stored: WholeObject) -> list[tuple[str, Facets]]:
        namespace = stored.metadata.namespace
        found = self._candidates(api.ServingRuntime, (stored,))
        return [(namespace, facets) for item in found for facets in item.facets]

    def _shared_facets(self, stored: WholeObject) -> list[Facets]:
        found = self._candidates(api.ClusterServingRuntime, (stored,))
        return [facets for item in found for facets in item.facets]

    @staticmethod
    def _model_failed(message: str, failure: str) -> StepFailed:
        return StepFailed(
            names.CONDITION_ENGINE_READY,
            names.REASON_MODEL,
            message,
            model_failure=failure,
            waiting=True,
        )


def models_meant(service: api.InferenceService, base: ModelKey | None) -> tuple[ModelKey, ...]:
    """What the model of a service may be, best first; none when it names none."""
    reference = service.spec.model
    if base is not None:
        return (base,)
    if reference is None or not reference.name:
        return ()
    return models_named(reference.kind, reference.name, service.metadata.namespace)


def _missing(reference: api.ModelRef, namespace: str, base: ModelKey | None) -> str:
    where = f"in namespace {namespace}"
    if base is not None:
        weight = ", ".join(reference.fine_tuned_weights or ())
        place = f" in namespace {base.namespace}" if base.namespace else ""
        return (
            f"No {base.kind} with the name: {base.name}{place}, of which FineTunedWeight {weight}"
            " was made; create it or correct spec.baseModelRef of the weight"
        )
    if reference.kind == "BaseModel":
        return (
            f"No BaseModel with the name: {reference.name} {where} (spec.model.kind is BaseModel);"
            " create it or name another"
        )
    return (
        f"No BaseModel or ClusterBaseModel with the name: {reference.name} ({where} or at cluster"
        " scope); create it or correct spec.model.name"
    )
