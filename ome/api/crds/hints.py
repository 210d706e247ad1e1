"""What a Python type cannot say of a field's schema: lengths and list types."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["FREE_STATUS", "HINTS", "OPTIONAL_TYPED_LISTS"]

_ATOMIC = {"x-kubernetes-list-type": "atomic"}
_ATOMIC_MAP = {"x-kubernetes-map-type": "atomic"}
_BY_NAME = {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]}

HINTS: Mapping[tuple[str, str], Mapping[str, Any]] = {
    ("StorageSpec", "nodeSelector"): _ATOMIC_MAP,
    ("DiffusionPipelineSpec", "additionalComponents"): _ATOMIC_MAP,
    ("KedaAuthenticationRef", "name"): {"minLength": 1},
    ("ServingRuntimePodSpec", "containers"): _BY_NAME,
    ("ServingRuntimePodSpec", "volumes"): _BY_NAME,
    ("ServingRuntimePodSpec", "imagePullSecrets"): _BY_NAME,
    ("ServingRuntimeStatus", "conditions"): {
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["type"],
    },
    ("ModelStatus", "conditions"): {
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["type"],
    },
    ("BenchmarkJobStatus", "conditions"): {
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["type"],
    },
    ("PodOverride", "imagePullSecrets"): _BY_NAME,
    ("PodOverride", "env"): _BY_NAME,
    ("PodOverride", "volumeMounts"): {
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["mountPath"],
    },
    ("PodOverride", "nodeSelector"): _ATOMIC_MAP,
}
"""Keys that are laid over the schema of (class that declares the field, JSON name)."""

OPTIONAL_TYPED_LISTS = _ATOMIC
"""The list type of every list that says no other."""

FREE_STATUS = frozenset({"InferenceServiceStatus"})
"""Typed objects that also keep fields that they do not know."""
