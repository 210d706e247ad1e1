"""How many services are ready and models in which state: gauges, kept by events on every replica.

An event costs the decoding of a few fields; nothing is counted anew.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import msgspec
from prometheus_client import Gauge

from ome.controllers.resources import BASE_MODELS, CLUSTER_BASE_MODELS, INFERENCE_SERVICES
from ome.informers.projection import WholeObject

if TYPE_CHECKING:
    from collections.abc import Callable

    from prometheus_client import CollectorRegistry

    from ome.informers.registry import Informers
    from ome.kube.resource import ObjectKey, Resource

__all__ = ["take_census"]

_UNKNOWN = "Unknown"


class _Condition(msgspec.Struct, frozen=True):
    type: str = ""
    status: str = _UNKNOWN


class _ServiceStatus(msgspec.Struct, frozen=True):
    conditions: list[_Condition] = []


class _ModelStatus(msgspec.Struct, frozen=True):
    state: str = ""


_SERVICE_STATUS = msgspec.json.Decoder(_ServiceStatus)
_MODEL_STATUS = msgspec.json.Decoder(_ModelStatus)


def take_census(informers: Informers, registry: CollectorRegistry) -> None:
    """Declare the gauges and keep them; call it before the informers run."""
    services = Gauge(
        "ome_inferenceservices", "Services by their condition Ready.", ["ready"], registry=registry
    )
    models = Gauge("ome_models", "Models by state.", ["kind", "state"], registry=registry)
    _count(informers, services, INFERENCE_SERVICES, lambda item: (_ready(item),))
    for resource in (BASE_MODELS, CLUSTER_BASE_MODELS):
        _count(informers, models, resource, partial(_kind_and_state, resource.kind))


def _count(
    informers: Informers,
    gauge: Gauge,
    resource: Resource,
    labels: Callable[[WholeObject], tuple[str, ...]],
) -> None:
    counted: dict[ObjectKey, tuple[str, ...]] = {}  # a long status is not read a second time

    def changed(old: WholeObject | None, new: WholeObject | None) -> None:
        present = new or old
        assert present is not None
        key = present.metadata.key
        before = counted.pop(key, None)
        if new is not None:
            counted[key] = labels(new)
        after = counted.get(key)
        if before == after:
            return
        if before is not None:
            gauge.labels(*before).dec()
        if after is not None:
            gauge.labels(*after).inc()

    informers.informer(resource, WholeObject).add_handler(changed)


def _ready(service: WholeObject) -> str:
    """``True``, ``False`` or ``Unknown``."""
    if not service.status:
        return _UNKNOWN
    try:
        status = _SERVICE_STATUS.decode(service.status)
    except msgspec.DecodeError:
        return _UNKNOWN
    return next((item.status for item in status.conditions if item.type == "Ready"), _UNKNOWN)


def _kind_and_state(kind: str, model: WholeObject) -> tuple[str, str]:
    return kind, _state(model)


def _state(model: WholeObject) -> str:
    """``Ready``, ``In_Transit``, ``Failed`` and so on; ``Unknown`` before there is one."""
    if not model.status:
        return _UNKNOWN
    try:
        return _MODEL_STATUS.decode(model.status).state or _UNKNOWN
    except msgspec.DecodeError:
        return _UNKNOWN
