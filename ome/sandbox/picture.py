"""What a person wants to see of a sandbox at one moment, read from its store. Pure values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ome import api
from ome.api.references import base_model_of, models_named
from ome.errors import SelectionError
from ome.kube.resource import ObjectKey
from ome.kube.resources import CORE_EVENTS, NODES, PODS
from ome.selection import RuntimeCandidate, SelectionRequest, select_runtime

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ome.api.references import ModelKey
    from ome.kube.resource import Resource
    from ome.sandbox.local import LocalApi

__all__ = [
    "BenchmarkLine",
    "EventLine",
    "ModelLine",
    "Picture",
    "PodLine",
    "ServiceLine",
    "take",
]

_MODELS = ("ClusterBaseModel", "BaseModel")
_RUNTIMES = ("ClusterServingRuntime", "ServingRuntime")
_EVENTS = 8


@dataclass(frozen=True, slots=True)
class ModelLine:
    """A model: its state and on how many nodes it is what."""

    name: str
    state: str
    ready: int
    updating: int
    failed: int

    @property
    def settled(self) -> bool:
        """Ready somewhere, and no node is still at work on it."""
        return self.state == "Ready" and not self.updating and not self.failed


@dataclass(frozen=True, slots=True)
class ServiceLine:
    """An InferenceService: its runtime with the reason for it, its conditions, its URL."""

    name: str
    model: str
    runtime: str
    why: str
    ready: bool
    url: str
    problem: str
    """The first condition that is not True, as ``TYPE: REASON: MESSAGE``; empty when Ready."""


@dataclass(frozen=True, slots=True)
class BenchmarkLine:
    """A BenchmarkJob: its state, and what it does or why it does not."""

    name: str
    state: str
    details: str


@dataclass(frozen=True, slots=True)
class PodLine:
    """A pod of a service."""

    name: str
    node: str
    phase: str
    ready: bool


@dataclass(frozen=True, slots=True)
class EventLine:
    """An event of one of OME's objects or of its workloads."""

    about: str
    reason: str
    message: str
    warning: bool


@dataclass(frozen=True, slots=True)
class Picture:
    """Everything that is shown."""

    nodes: int
    models: tuple[ModelLine, ...]
    services: tuple[ServiceLine, ...]
    pods: tuple[PodLine, ...]
    events: tuple[EventLine, ...]
    benchmarks: tuple[BenchmarkLine, ...] = ()

    @property
    def ready(self) -> bool:
        """Whether all models and services are Ready and benchmarks complete; one at all is."""
        lines = (*self.models, *self.services)
        models = all(model.settled for model in self.models)
        done = all(benchmark.state == "Completed" for benchmark in self.benchmarks)
        return bool(lines) and models and done and all(service.ready for service in self.services)

    @property
    def problem(self) -> str:
        """Why it is not ready, in one line; empty when it is."""
        for service in self.services:
            if not service.ready:
                return f"inferenceservice/{service.name}: {service.problem}"
        for model in self.models:
            if not model.settled:
                return (
                    f"model {model.name}: {model.state or 'no node has reported'} (ready on"
                    f" {model.ready}, updating on {model.updating}, failed on {model.failed} nodes)"
                )
        for benchmark in self.benchmarks:
            if benchmark.state != "Completed":
                return f"benchmarkjob/{benchmark.name}: {benchmark.state}: {benchmark.details}"
        return "" if self.models or self.services else "there is no model and no service"


def take(local: LocalApi) -> Picture:
    """The picture of this moment."""
    models = tuple(
        _model(document) for kind in _MODELS for document in _documents(local, _ome(local, kind))
    )
    services = tuple(
        _service(local, document) for document in _documents(local, _ome(local, "InferenceService"))
    )
    pods = tuple(
        _pod(stored.load())
        for stored in local.list(PODS)
        if "ome.io/inferenceservice" in stored.labels or "benchmark" in stored.labels
    )
    nodes = sum(1 for _ in local.list(NODES))
    benchmarks = tuple(map(_benchmark, _documents(local, _ome(local, "BenchmarkJob"))))
    return Picture(nodes, models, services, pods, tuple(_events(local)), benchmarks)


def _ome(local: LocalApi, kind: str) -> Resource | None:
    return local.served("ome.io", kind)


def _documents(local: LocalApi, resource: Resource | None) -> Iterable[dict[str, Any]]:
    return [stored.load() for stored in local.list(resource)] if resource else []


def _qualified(document: dict[str, Any]) -> str:
    metadata = document["metadata"]
    return str(ObjectKey(metadata.get("namespace", ""), metadata["name"]))


def _model(document: dict[str, Any]) -> ModelLine:
    status = document.get("status") or {}
    ready, failed = len(status.get("nodesReady") or ()), len(status.get("nodesFailed") or ())
    return ModelLine(
        _qualified(document),
        status.get("state", ""),
        status.get("nodesReadyCount", ready),
        status.get("nodesUpdatingCount", 0),
        status.get("nodesFailedCount", failed),
    )


def _benchmark(document: dict[str, Any]) -> BenchmarkLine:
    status = document.get("status") or {}
    details = status.get("failureMessage") or status.get("details") or ""
    return BenchmarkLine(_qualified(document), status.get("state") or "Pending", details)


def _service(local: LocalApi, document: dict[str, Any]) -> ServiceLine:
    status = document.get("status") or {}
    conditions = {entry["type"]: entry for entry in status.get("conditions") or ()}
    runtime, why = _runtime(local, document)
    reference = (document.get("spec") or {}).get("model") or {}
    return ServiceLine(
        _qualified(document),
        reference.get("name", ""),
        runtime,
        why,
        (conditions.get("Ready") or {}).get("status") == "True",
        status.get("url", ""),
        _problem(list(conditions.values())),
    )


def _problem(conditions: Sequence[dict[str, Any]]) -> str:
    wrong = [entry for entry in conditions if entry["status"] != "True"]
    if not wrong:
        return "" if conditions else "not reconciled yet"
    # Ready only repeats what another condition says in full.
    entry = next((entry for entry in wrong if entry["type"] != "Ready"), wrong[0])
    said = [entry["type"], entry.get("reason") or entry["status"], entry.get("message") or ""]
    return ": ".join(part for part in said if part)


def _runtime(local: LocalApi, document: dict[str, Any]) -> tuple[str, str]:
    """The runtime that the controller's own selection picks, and in a few words why."""
    spec = document.get("spec") or {}
    named = (spec.get("runtime") or {}).get("name")
    if named:
        return named, "named by the service"
    namespace = document["metadata"].get("namespace", "")
    model = _find_model(local, namespace, spec.get("model") or {})
    if model is None:
        return "", "the model does not exist"
    candidates = _candidates(local, namespace)
    try:
        chosen = select_runtime(SelectionRequest(model[0], model[1], namespace), candidates)
    except SelectionError as error:
        return "", str(error)
    fits = f"best of {len(candidates)} runtimes" if len(candidates) > 1 else "the only runtime"
    return chosen.runtime.name, f"{fits}, score {chosen.score.total}"


def _find_model(
    local: LocalApi, namespace: str, reference: dict[str, Any]
) -> tuple[str, api.BaseModelSpec] | None:
    for kind, place, name in _meant(local, namespace, reference):
        found = _stored(local, kind, ObjectKey(place, name))
        if found is not None:
            return name, api.BaseModelSpec.model_validate(found["spec"])
    return None


def _meant(local: LocalApi, namespace: str, reference: dict[str, Any]) -> tuple[ModelKey, ...]:
    kind, name = reference.get("kind") or "", reference.get("name") or ""
    if kind != api.FineTunedWeight.KIND:
        return models_named(kind, name, namespace)
    weight = _stored(local, kind, ObjectKey("", name))
    base = None if weight is None else base_model_of(weight["spec"])
    return () if base is None else (base,)


def _stored(local: LocalApi, kind: str, key: ObjectKey) -> dict[str, Any] | None:
    resource = _ome(local, kind)
    held = local.get(resource, key) if resource else None
    return None if held is None else held.load()


def _candidates(local: LocalApi, namespace: str) -> list[RuntimeCandidate]:
    found = []
    for kind in _RUNTIMES:
        for document in _documents(local, _ome(local, kind)):
            place = document["metadata"].get("namespace", "")
            if place in ("", namespace):
                spec = api.ServingRuntimeSpec.model_validate(document["spec"])
                found.append(RuntimeCandidate(document["metadata"]["name"], place, spec))
    return found


def _pod(document: dict[str, Any]) -> PodLine:
    status = document.get("status") or {}
    conditions = {entry["type"]: entry["status"] for entry in status.get("conditions") or ()}
    return PodLine(
        document["metadata"]["name"],
        document["spec"].get("nodeName", ""),
        _waiting(status) or status.get("phase", ""),
        conditions.get("Ready") == "True",
    )


def _waiting(status: dict[str, Any]) -> str:
    for container in status.get("containerStatuses") or ():
        waiting = (container.get("state") or {}).get("waiting")
        if waiting:
            return str(waiting.get("reason", ""))
    return ""


def _events(local: LocalApi) -> Iterable[EventLine]:
    """The newest events of OME's objects, the oldest first."""
    found = [
        stored.load()
        for stored in sorted(local.list(CORE_EVENTS), key=lambda stored: stored.version)
    ]
    ours = [
        event
        for event in found
        if (event.get("involvedObject") or {}).get("apiVersion", "").startswith("ome.io/")
        or event.get("type") == "Warning"
    ]
    for event in ours[-_EVENTS:]:
        about = event.get("involvedObject") or {}
        yield EventLine(
            f"{about.get('kind', '').lower()}/{about.get('name', '')}",
            event.get("reason", ""),
            event.get("message", ""),
            event.get("type") == "Warning",
        )
