"""A service's component over its runtime's: strategic merge as users of both manifests know it.

The service's block is the patch. What it leaves out, or leaves at a zero value that the API cannot
tell from absent, does not override. Maps merge by key, objects recursively, some lists by the key
of their items, all other lists are replaced whole. Members that exclude each other (the sources of
a volume, ``value`` and ``valueFrom``, the handlers of a probe) replace each other.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["merge", "merge_component", "merge_keyed"]

_LIST_KEYS = {
    "containers": "name",
    "initContainers": "name",
    "ephemeralContainers": "name",
    "volumes": "name",
    "imagePullSecrets": "name",
    "schedulingGates": "name",
    "resourceClaims": "name",
    "env": "name",
    "ports": "containerPort",
    "volumeMounts": "mountPath",
    "volumeDevices": "devicePath",
    "hostAliases": "ip",
    "topologySpreadConstraints": "topologyKey",
}
_PLAIN_BOOLEANS = frozenset(
    {"hostNetwork", "hostPID", "hostIPC", "stdin", "stdinOnce", "tty", "readOnly"}
)
_PLAIN_NUMBERS = frozenset(
    {
        "maxReplicas",
        "initialDelaySeconds",
        "timeoutSeconds",
        "periodSeconds",
        "successThreshold",
        "failureThreshold",
        "hostPort",
    }
)
_TEXT_MAPS = frozenset(
    {
        "annotations",
        "config",
        "labels",
        "limits",
        "matchLabels",
        "nodeSelector",
        "requests",
        "volumeAttributes",
    }
)
"""Maps of the user's own keys, where an empty text is a value like any other."""
_PROBES = frozenset({"livenessProbe", "readinessProbe", "startupProbe", "preStop", "postStart"})
_HANDLERS = frozenset({"exec", "httpGet", "tcpSocket", "grpc", "sleep"})


def merge_component(
    runtime: Mapping[str, Any] | None, service: Mapping[str, Any]
) -> dict[str, Any]:
    """The component that is run: the runtime's configuration under the service's block."""
    base = {key: value for key, value in (runtime or {}).items() if key != "acceleratorOverride"}
    if service.get("minAvailable") is not None or service.get("maxUnavailable") is not None:
        base.pop("minAvailable", None)
        base.pop("maxUnavailable", None)
    merged = merge(base, service)
    strategy = service.get("deploymentStrategy") or {}
    if strategy.get("type") == "Recreate":
        merged["deploymentStrategy"].pop("rollingUpdate", None)
    elif strategy.get("rollingUpdate"):
        merged["deploymentStrategy"]["type"] = strategy.get("type") or "RollingUpdate"
    return merged


def merge(base: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    """``patch`` laid over ``base``; neither is changed or shared."""
    merged: dict[str, Any] = copy.deepcopy(dict(base))
    for key, value in patch.items():
        if _is_zero(key, value):
            continue
        held = merged.get(key)
        if isinstance(value, dict):
            under = held if isinstance(held, dict) else {}
            if key in _TEXT_MAPS:
                merged[key] = {**under, **value}
                continue
            if key in _PROBES:
                under = _without_other_handlers(under, value)
            merged[key] = merge(under, value)
        elif isinstance(value, list) and key in _LIST_KEYS and isinstance(held, list):
            merged[key] = merge_keyed(held, value, key)
        else:
            merged[key] = copy.deepcopy(value)
    return merged


def _is_zero(key: str, value: Any) -> bool:
    if value is None or value == "" or value == []:
        return True
    if value is False:
        return key in _PLAIN_BOOLEANS
    return value == 0 and not isinstance(value, bool | dict) and key in _PLAIN_NUMBERS


def _without_other_handlers(base: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    if not _HANDLERS & patch.keys():
        return dict(base)
    return {key: value for key, value in base.items() if key not in _HANDLERS or key in patch}


def merge_keyed(
    base: Sequence[Mapping[str, Any]], patch: Sequence[Mapping[str, Any]], name: str
) -> list[dict[str, Any]]:
    """Two lists merged by the key of their items, in the order that strategic merge gives.

    Items of the patch keep its order and items only in the base theirs; an item only in the base
    comes first exactly where the next patched item stood after it in the base.
    """
    key = _LIST_KEYS[name]
    place = {item.get(key): number for number, item in enumerate(base)}
    held = {item.get(key): item for item in base}
    patched = {item.get(key) for item in patch}
    only_base = [item for item in base if item.get(key) not in patched]
    merged: list[dict[str, Any]] = []
    for item in patch:
        identity = item.get(key)
        while only_base and identity in place and place[only_base[0].get(key)] < place[identity]:
            merged.append(copy.deepcopy(dict(only_base.pop(0))))
        under = _one_of(name, held.get(identity, {}), item)
        merged.append(merge(under, item))
    merged += [copy.deepcopy(dict(item)) for item in only_base]
    return merged


def _without_other_sources(base: Mapping[str, Any], source: Mapping[str, Any]) -> dict[str, Any]:
    """A variable without its value, and without the sources that ``source`` does not name."""
    held = {key: value for key, value in base.items() if key != "value"}
    if isinstance(held.get("valueFrom"), dict):
        held["valueFrom"] = {
            key: value for key, value in held["valueFrom"].items() if key in source
        }
    return held


def _one_of(name: str, base: Mapping[str, Any], patch: Mapping[str, Any]) -> Mapping[str, Any]:
    """The base without the members that the patch's item excludes."""
    if name == "volumes" and patch.keys() - {"name"}:
        return {key: value for key, value in base.items() if key == "name" or key in patch}
    if name == "env":
        if patch.get("valueFrom"):
            return _without_other_sources(base, patch["valueFrom"])
        if patch.get("value"):
            return {key: value for key, value in base.items() if key != "valueFrom"}
    return base
