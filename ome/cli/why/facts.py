"""What is read of a cluster to tell of one object. What may not be read is told, not fatal."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import anyio

from ome.api import names
from ome.api.references import base_model_of, models_named
from ome.cli.podproxy import metrics_of, reader_headers
from ome.controllers.resources import (
    BASE_MODELS,
    CLUSTER_BASE_MODELS,
    FINE_TUNED_WEIGHTS,
    INFERENCE_SERVICES,
    ON_NODES,
)
from ome.errors import ApiError, NotFound, TransportError, UserError
from ome.kube.resource import ObjectKey
from ome.kube.resources import (
    CONFIGMAPS,
    CORE_EVENTS,
    LEASES,
    NODES,
    PODS,
)
from ome.reconciler.flightlog import FLIGHTS_PATH

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ome.api.references import ModelKey
    from ome.kube.client import Client
    from ome.kube.resource import Resource

__all__ = ["Facts", "Target", "gather", "gather_model", "locate"]

Document = dict[str, Any]

_SERVICES = ("isvc", "inferenceservice", "service")
_MODELS = {
    "model": (BASE_MODELS, CLUSTER_BASE_MODELS),
    "basemodel": (BASE_MODELS,),
    "clusterbasemodel": (CLUSTER_BASE_MODELS,),
    "weight": (FINE_TUNED_WEIGHTS,),
    "finetunedweight": (FINE_TUNED_WEIGHTS,),
}
_CLUSTER_EVENTS = "default"
"""The namespace of the events of objects that have none."""
_RECORDER_SECONDS = 8.0


@dataclass(frozen=True, slots=True)
class Target:
    """The object that is asked about."""

    resource: Resource
    key: ObjectKey
    document: Document

    def __str__(self) -> str:
        return f"{self.resource.kind} {self.key}"


@dataclass(slots=True)
class Facts:
    """What was found; ``notes`` say in a line each what could not be read."""

    target: Target
    now: float
    events: list[Document] = field(default_factory=list)
    pods: list[Document] = field(default_factory=list)
    model: Document | None = None
    config_maps: list[Document] = field(default_factory=list)
    nodes: list[Document] = field(default_factory=list)
    flights: list[Document] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    complete: bool = True
    """Whether all of the objects could be read."""


async def locate(client: Client, name: str, namespace: str) -> Target:
    """The object that a word of the command line means: a service, else a model, else a weight.

    Raises ``UserError`` when there is none.
    """
    kind, found, bare = name.rpartition("/")
    kind = kind.lower()
    if found and kind not in (*_SERVICES, *_MODELS):
        raise UserError(
            f"ome why: {name}: expected isvc/NAME, model/NAME or weight/NAME, not {kind}/"
        )
    asked: tuple[Resource, ...] = _MODELS.get(kind, ())
    if not found:
        asked = (INFERENCE_SERVICES, *ON_NODES)
    elif kind in _SERVICES:
        asked = (INFERENCE_SERVICES,)
    for resource in asked:
        key = ObjectKey(namespace if resource.namespaced else "", bare)
        try:
            return Target(resource, key, await client.get(resource, key))
        except NotFound:
            continue
    sought = ", ".join(resource.kind for resource in asked)
    raise UserError(
        f"ome why: {bare}: no {sought} of that name in namespace {namespace}; choose another with"
        f" -n, or see 'kubectl get {','.join(resource.plural for resource in asked)} -A'"
    )


async def gather(client: Client, target: Target, now: float, operator: str) -> Facts:
    """What tells of a service; ``operator`` is the namespace of the operator."""
    facts = Facts(target, now)
    namespace, name = target.key
    label = f"{names.LABEL_INFERENCE_SERVICE}={name}"
    await _try(facts, "pods", _pods(client, facts, namespace, label))
    await _try(facts, "events", _events(client, facts, namespace))
    await _try(facts, "the model", _model(client, facts))
    await _flights(client, facts, operator)
    return facts


async def gather_model(client: Client, target: Target, now: float, operator: str) -> Facts:
    """What tells of a model or a weight."""
    facts = Facts(target, now)

    async def reports() -> None:
        selector = f"{names.LABEL_MODEL_STATUS}=true"
        facts.config_maps = await client.list(CONFIGMAPS, operator, label_selector=selector)

    async def nodes() -> None:
        facts.nodes = await client.list(NODES)

    await _try(facts, f"what nodes report (ConfigMaps of namespace {operator})", reports)
    await _try(facts, "nodes", nodes)
    await _try(facts, "events", _events(client, facts, target.key.namespace or _CLUSTER_EVENTS))
    await _flights(client, facts, operator)
    return facts


async def _try(facts: Facts, what: str, read: Callable[[], Awaitable[None]]) -> None:
    try:
        await read()
    except ApiError as error:
        if error.status == 401:
            raise
        facts.complete = False
        facts.notes.append(f"{what} could not be read: {error}")


def _pods(
    client: Client, facts: Facts, namespace: str, label: str
) -> Callable[[], Awaitable[None]]:
    async def read() -> None:
        facts.pods = await client.list(PODS, namespace, label_selector=label)

    return read


def _events(client: Client, facts: Facts, namespace: str) -> Callable[[], Awaitable[None]]:
    """Those of the object, and the warnings of the pods that were found before."""

    async def read() -> None:
        key, kind = facts.target.key, facts.target.resource.kind
        about = f"involvedObject.kind={kind},involvedObject.name={key.name}"
        facts.events = await client.list(CORE_EVENTS, namespace, field_selector=about)
        if not facts.pods:
            return
        warnings = "involvedObject.kind=Pod,type=Warning"
        ours = {pod["metadata"]["uid"] for pod in facts.pods}
        for event in await client.list(CORE_EVENTS, namespace, field_selector=warnings):
            if event["involvedObject"].get("uid") in ours:
                facts.events.append(event)

    return read


def _model(client: Client, facts: Facts) -> Callable[[], Awaitable[None]]:
    async def read() -> None:
        spec = facts.target.document.get("spec") or {}
        for kind, namespace, name in await _meant(client, spec, facts.target.key.namespace):
            resource = BASE_MODELS if kind == BASE_MODELS.kind else CLUSTER_BASE_MODELS
            try:
                facts.model = await client.get(resource, ObjectKey(namespace, name))
                return
            except NotFound:
                continue

    return read


async def _meant(client: Client, spec: Document, namespace: str) -> tuple[ModelKey, ...]:
    """What the model of a service may be, best first."""
    reference = spec.get("model") or {}
    kind, name = reference.get("kind") or "", reference.get("name")
    if not name:
        return ()
    if kind != FINE_TUNED_WEIGHTS.kind:
        return models_named(kind, name, namespace)
    try:
        weight = await client.get(FINE_TUNED_WEIGHTS, ObjectKey("", name))
    except NotFound:
        return ()
    base = base_model_of(weight["spec"])
    return () if base is None else (base,)


async def _flights(client: Client, facts: Facts, operator: str) -> None:
    """The recorder of the manager that leads, through the API server's proxy."""
    why = f"no answer in {_RECORDER_SECONDS:g} s"
    with anyio.move_on_after(_RECORDER_SECONDS):
        try:
            facts.flights = await _recorder(client, facts.target, operator)
            return
        except (ApiError, TransportError, UserError) as error:
            why = str(error)
    facts.notes.append(f"what the manager has noted is not shown: {why}")


async def _recorder(client: Client, target: Target, operator: str) -> list[Document]:
    try:
        lease = await client.get(LEASES, ObjectKey(operator, names.LEADER_LEASE))
    except NotFound:
        raise UserError(
            f"no manager holds the Lease in namespace {operator}; it is in another (see"
            " --operator-namespace), or runs without --leader-elect, as in a sandbox"
        ) from None
    holder = (lease.get("spec") or {}).get("holderIdentity") or ""
    key = ObjectKey(operator, holder.rpartition("_")[0])
    if not key.name:
        raise UserError("no manager leads at present")
    place = metrics_of(await client.get(PODS, key))
    if place is None or not place.secure:
        raise UserError(
            "it is served only where metrics are secured (chart value"
            " ome.controller.metrics.secure)"
        )
    headers = await reader_headers(client, operator)
    scope = f"{target.resource.kind.lower()}/{target.key!s}"
    answer = await client.raw_get(place.path(f"{FLIGHTS_PATH}/{scope}"), headers=headers)
    found: list[Document] = answer["flights"]
    return found
