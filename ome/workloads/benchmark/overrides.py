"""A user's changes to the benchmark's pod, laid over it as a strategic merge patch. Pure."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from ome.kube.quantity import parse_quantity
from ome.workloads.merge import merge, merge_keyed

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["CONTAINER", "overridden"]

CONTAINER = "genai-bench"
"""The container's name as soon as there is an override."""

_TAKEN_OVER = (
    "affinity",
    "serviceAccountName",
    "imagePullSecrets",
    "securityContext",
    "priorityClassName",
)


def overridden(pod: Mapping[str, Any], override: Mapping[str, Any]) -> dict[str, Any]:
    """The pod under ``spec.podOverride`` (as JSON); neither is changed."""
    merged = copy.deepcopy(dict(pod))
    merged["containers"] = [_container(merged["containers"][0], override)]
    volumes = merge_keyed(merged.get("volumes") or [], override.get("volumes") or [], "volumes")
    if volumes:
        merged["volumes"] = volumes
    selector = {**(merged.get("nodeSelector") or {}), **(override.get("nodeSelector") or {})}
    if selector:
        merged["nodeSelector"] = selector
    if override.get("tolerations"):
        merged["tolerations"] = copy.deepcopy(override["tolerations"])
    for field in _TAKEN_OVER:
        if override.get(field):
            merged[field] = copy.deepcopy(override[field])
    return merged


def _container(base: dict[str, Any], override: Mapping[str, Any]) -> dict[str, Any]:
    made = {**base, "name": CONTAINER}
    if override.get("image"):
        made["image"] = override["image"]
    for field in ("env", "volumeMounts"):
        items = merge_keyed(made.get(field) or [], override.get(field) or [], field)
        if items:
            made[field] = items
    if override.get("envFrom"):
        # The base has one only for a Secret that the user named for the results.
        made["envFrom"] = [*copy.deepcopy(override["envFrom"]), *(made.get("envFrom") or ())]
    if override.get("resources"):
        made["resources"] = _resources(made["resources"], override["resources"])
    return made


def _resources(base: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    """Merged by name; a request that only we set is lowered to a limit of the user's."""
    merged = merge(base, patch)
    asked = patch.get("requests") or {}
    requests = merged.get("requests") or {}
    for name, limit in (patch.get("limits") or {}).items():
        if name in requests and name not in asked and _less(limit, requests[name]):
            requests[name] = limit
    return merged


def _less(left: Any, right: Any) -> bool:
    try:
        return parse_quantity(str(left)) < parse_quantity(str(right))
    except ValueError:
        return False  # as it is written: the API server says of the Job what is wrong with it
