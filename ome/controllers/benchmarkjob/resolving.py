"""From a BenchmarkJob to what its Job is made of, read from the caches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import structlog

from ome import api
from ome.api import names
from ome.api.references import base_model, models_named
from ome.controllers.benchmarkjob.expiry import check_time_to_live
from ome.controllers.decode import Unreadable
from ome.controllers.metaconditions import Wanted
from ome.kube.resource import ObjectKey
from ome.workloads.benchmark import (
    BenchmarkError,
    BenchmarkInputs,
    Place,
    dataset,
    model_name_of,
    output,
    parse_benchmark_settings,
    service_target,
    url_target,
)
from ome.workloads.errors import ConfigError
from ome.workloads.inputs import ModelInput

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from ome.api.references import ModelKey
    from ome.controllers.decode import KindDecoder
    from ome.informers.projection import WholeObject
    from ome.informers.store import Store
    from ome.workloads.benchmark import Target

__all__ = ["CannotRun", "Resolver", "Stores", "target_of"]

log = structlog.get_logger("BenchmarkJob")


class CannotRun(Exception):
    """A benchmark has to wait; ``reason`` and ``text`` go into its status."""

    def __init__(self, reason: str, text: str) -> None:
        super().__init__(text)
        self.reason = reason
        self.text = text


@dataclass(frozen=True, slots=True)
class Stores:
    """The caches that are read."""

    services: Store[WholeObject]
    base_models: Store[WholeObject]
    cluster_base_models: Store[WholeObject]
    weights: Store[WholeObject]
    runtimes: Store[WholeObject]
    cluster_runtimes: Store[WholeObject]
    deployments: Store[WholeObject]
    claims: Store[Any]


class Resolver:
    """Finds service, model, claims and settings; ``settings`` gives the ConfigMap's data."""

    def __init__(
        self,
        stores: Stores,
        decode: KindDecoder,
        settings: Callable[[], Mapping[str, str] | None],
        namespace: str,
    ) -> None:
        self._stores = stores
        self._decode = decode
        self._settings = settings
        self._namespace = namespace

    def inputs(self, job: api.BenchmarkJob) -> BenchmarkInputs:
        """What the Job is made from. Raises ``CannotRun``."""
        try:
            target = self._target(job)
            settings = parse_benchmark_settings(self._settings(), self._namespace)
            here = job.metadata.namespace
            data = _data(job)
            results = output(job.spec.output_location, here)
            check_time_to_live(job)
        except (BenchmarkError, ConfigError, Unreadable) as error:
            raise CannotRun(names.REASON_CONFIGURATION, str(error)) from error
        for claim in (results.claim, data.claim):
            if claim and self._stores.claims.get(ObjectKey(here, claim)) is None:
                raise CannotRun(
                    names.REASON_CONFIGURATION,
                    f"PVC {claim} not found: create it in namespace {here}, or correct storageUri",
                )
        return BenchmarkInputs(job, settings, target, data, results)

    def endpoint(self, job: api.BenchmarkJob) -> Wanted | None:
        """How the service is that a benchmark measures; None for one that measures a URL."""
        endpoint = job.spec.endpoint
        if endpoint.endpoint is not None or endpoint.inference_service is None:
            return None
        key = ObjectKey(endpoint.inference_service.namespace, endpoint.inference_service.name)
        stored = self._stores.services.get(key)
        if stored is None:
            text = f"InferenceService {key} does not exist"
            return Wanted("False", names.REASON_SERVICE_NOT_FOUND, text)
        if _is_ready(self._decode(api.InferenceService, stored)):
            return Wanted("True", names.REASON_SERVICE_READY)
        text = f"InferenceService {key} is not ready; see its conditions"
        return Wanted("False", names.REASON_SERVICE_NOT_READY, text)

    def _target(self, job: api.BenchmarkJob) -> Target:
        endpoint = job.spec.endpoint
        if endpoint.endpoint is not None:
            return url_target(endpoint.endpoint)
        reference = endpoint.inference_service
        if reference is None:
            raise BenchmarkError(
                "invalid EndpointSpec: both Endpoint and InferenceService are nil; set one of"
                " spec.endpoint.inferenceService and spec.endpoint.endpoint"
            )
        key = ObjectKey(reference.namespace, reference.name)
        stored = self._stores.services.get(key)
        if stored is None:
            raise BenchmarkError(
                f"failed to get InferenceService {key}: not found; create it or correct"
                " spec.endpoint.inferenceService"
            )
        service = self._decode(api.InferenceService, stored)
        if not _is_ready(service):
            raise CannotRun(
                names.REASON_WAITING_FOR_SERVICE,
                f"InferenceService {key} is not ready; the benchmark starts when it is",
            )
        model = self._model(service)
        return service_target(
            service, model, job.metadata.namespace, list(self._command_lines(service))
        )

    def _model(self, service: api.InferenceService) -> ModelInput:
        meant = self._meant(service)
        for key in meant:
            found = self._model_at(key)
            if found is not None:
                return found
        sought = " or ".join(key.kind for key in meant)
        name, place = meant[0].name, meant[0].namespace
        within = f" in namespace {place}" if place and len(meant) == 1 else ""
        where = f"{service.metadata.namespace}/{service.metadata.name}"
        raise BenchmarkError(
            f"failed to get BaseModel {name}: No {sought} with the name: {name}{within}"
            f" (InferenceService {where}); create it"
        )

    def _meant(self, service: api.InferenceService) -> tuple[ModelKey, ...]:
        """What the model may be; of a weight the base model, whose tokenizer it shares."""
        name, reference = model_name_of(service), service.spec.model
        kind = reference.kind if reference is not None and reference.name == name else ""
        if kind != api.FineTunedWeight.KIND:
            return models_named(kind, name, service.metadata.namespace)
        stored = self._stores.weights.get(ObjectKey("", name))
        if stored is None:
            raise BenchmarkError(f"No FineTunedWeight with the name: {name}; create it")
        base = self._decode(api.FineTunedWeight, stored).spec.base_model_ref
        return (base_model(base.name, base.namespace),)

    def _model_at(self, key: ModelKey) -> ModelInput | None:
        kind, namespace, name = key
        local = kind == api.BaseModel.KIND
        models = self._stores.base_models if local else self._stores.cluster_base_models
        stored = models.get(ObjectKey(namespace, name))
        if stored is None:
            return None
        spec = (
            self._decode(api.BaseModel, stored).spec
            if local
            else self._decode(api.ClusterBaseModel, stored).spec
        )
        return ModelInput(name, namespace, stored.metadata.annotations, spec)

    def _command_lines(self, service: api.InferenceService) -> Iterator[Sequence[str]]:
        """What starts the engine: as it runs, as the service says, as its runtime says."""
        namespace, name = service.metadata.namespace, service.metadata.name
        running = self._stores.deployments.get(ObjectKey(namespace, f"{name}-engine"))
        if running is not None:
            template = (running.document().get("spec") or {}).get("template") or {}
            for container in (template.get("spec") or {}).get("containers") or ():
                yield _words(container)
        engine = service.spec.engine
        if engine is not None and engine.runner is not None:
            yield _words(engine.runner)
        runtime = service.spec.runtime
        if runtime is None:
            return
        stored = self._stores.runtimes.get(ObjectKey(namespace, runtime.name))
        if stored is None:
            stored = self._stores.cluster_runtimes.get(ObjectKey("", runtime.name))
        if stored is not None:
            config = (stored.document().get("spec") or {}).get("engineConfig") or {}
            yield _words(config.get("runner") or {})


def _is_ready(service: api.InferenceService) -> bool:
    held = (service.status.conditions if service.status is not None else None) or ()
    return any(item.type == "Ready" and item.status == "True" for item in held)


def _data(job: api.BenchmarkJob) -> Place:
    """The job's own data; what cannot be read is left out, of which admission has warned."""
    try:
        return dataset(job.spec.dataset, job.metadata.namespace)
    except BenchmarkError as error:
        log.warning("benchmark.dataset_ignored", why=str(error))
        return Place(())


def _words(container: Mapping[str, Any]) -> list[str]:
    return [*(container.get("command") or ()), *(container.get("args") or ())]


def target_of(document: Mapping[str, Any]) -> ObjectKey | None:
    """The service that a stored BenchmarkJob measures."""
    endpoint = (document.get("spec") or {}).get("endpoint") or {}
    reference = endpoint.get("inferenceService") or {}
    if endpoint.get("endpoint") or not reference.get("name"):
        return None
    return ObjectKey(reference.get("namespace") or "", reference["name"])
