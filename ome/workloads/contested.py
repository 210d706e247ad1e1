"""Names that are cut at the front, so that services with equal tails would share an object."""

from __future__ import annotations

from ome.api import names
from ome.api.truncate import truncate_dns

__all__ = ["contested_names", "model_config_name", "scaled_object_name", "workload_set_name"]

_MODEL_CONFIG_TAIL = 20
_WORKLOAD_TAIL = 50
LWS_API_VERSION = "leaderworkerset.x-k8s.io/v1"
LWS_KIND = "LeaderWorkerSet"
KEDA_API_VERSION = "keda.sh/v1alpha1"
SCALED_OBJECT_KIND = "ScaledObject"
_PREFIX_SCALED_OBJECT = "scaledobject-"


def model_config_name(service: str, *, taken: bool = False) -> str:
    """The name of the ConfigMap: a prefix and the last 20 characters of the service's name.

    ``taken`` says that another service owns an object of that name, and gives one of the same
    length with a hash of the whole name instead.
    """
    return names.PREFIX_MODEL_CONFIG + _tail(service, _MODEL_CONFIG_TAIL, taken)


def workload_set_name(component: str, *, taken: bool = False) -> str:
    """The name of the LeaderWorkerSet of ``component`` (``<service>-engine``), as above."""
    return names.PREFIX_LWS + _tail(component, _WORKLOAD_TAIL, taken)


def scaled_object_name(component: str, *, taken: bool = False) -> str:
    """The name of the ScaledObject of ``component``; KEDA makes a label of it, of at most 63."""
    return _PREFIX_SCALED_OBJECT + _tail(component, _WORKLOAD_TAIL, taken)


def _tail(name: str, kept: int, taken: bool) -> str:
    return truncate_dns(name, kept) if taken else name[-kept:]


def contested_names(service: str) -> tuple[tuple[str, str, str], ...]:
    """API version, kind and name of what a service may find taken by another one.

    Those that are cut: a name that is whole belongs to no other service.
    """
    found: list[tuple[str, str, str]] = []
    if len(service) > _MODEL_CONFIG_TAIL:
        found.append(("v1", "ConfigMap", model_config_name(service)))
    for component in names.COMPONENTS:
        name = f"{service}-{component}"
        if len(name) <= _WORKLOAD_TAIL:
            continue
        found.append((KEDA_API_VERSION, SCALED_OBJECT_KIND, scaled_object_name(name)))
        if component != names.COMPONENT_ROUTER:
            found.append((LWS_API_VERSION, LWS_KIND, workload_set_name(name)))
    return tuple(found)
