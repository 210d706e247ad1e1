"""Persistent volumes and claims."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ome.kube.quantity import parse_quantity
from ome.sandbox.builtin.causes import forbidden, invalid, not_supported, required

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ome.sandbox.refusal import Cause

__all__ = ["validate_claim", "validate_volume"]

_MODES = ("ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod")
_POLICIES = ("Delete", "Recycle", "Retain")
_NO_SOURCE = frozenset(
    (
        "accessModes capacity claimRef mountOptions nodeAffinity persistentVolumeReclaimPolicy"
        " storageClassName volumeAttributesClassName volumeMode"
    ).split()
)
"""Fields of a volume's spec that are not where it is."""


def validate_volume(document: Mapping[str, Any], old: Mapping[str, Any] | None) -> Iterator[Cause]:
    """A PersistentVolume; it stays where it is."""
    spec = document["spec"]
    if not spec.get("accessModes"):
        yield required("spec.accessModes")
    yield from _modes(spec)
    capacity = spec.get("capacity")
    if not capacity:
        yield required("spec.capacity")
    if set(capacity or ()) != {"storage"}:
        yield not_supported("spec.capacity", capacity, ("storage",))
    else:
        yield from _positive(capacity["storage"], "spec.capacity[storage]")
    sources = _sources(spec)
    if not sources:
        yield required("spec", "must specify a volume type")
    for name in sorted(sources)[1:]:
        yield forbidden(f"spec.{name}", "may not specify more than 1 volume type")
    policy = spec["persistentVolumeReclaimPolicy"]
    if policy not in _POLICIES:
        yield not_supported("spec.persistentVolumeReclaimPolicy", policy, _POLICIES)
    if old is not None and sources != _sources(old["spec"]):
        yield forbidden(
            "spec.persistentvolumesource",
            "spec.persistentvolumesource is immutable after creation",
        )


def validate_claim(document: Mapping[str, Any], old: Mapping[str, Any] | None) -> Iterator[Cause]:
    """A PersistentVolumeClaim; a bound one may ask for more."""
    spec = document["spec"]
    if not spec.get("accessModes"):
        yield required("spec.accessModes", "at least 1 access mode is required")
    yield from _modes(spec)
    storage = spec["resources"].get("requests", {}).get("storage")
    if storage is None:
        yield required("spec.resources[storage]")
    else:
        yield from _positive(storage, "spec.resources[storage]")
    if old is not None and _fixed(document, old) != _fixed(old, old):
        yield forbidden(
            "spec",
            "spec is immutable after creation except resources.requests and"
            " volumeAttributesClassName for bound claims",
        )


def _modes(spec: Mapping[str, Any]) -> Iterator[Cause]:
    for mode in spec.get("accessModes", ()):
        if mode not in _MODES:
            yield not_supported("spec.accessModes", mode, _MODES)


def _positive(amount: str, field: str) -> Iterator[Cause]:
    if parse_quantity(amount) <= 0:
        yield invalid(field, amount, "must be greater than zero")


def _sources(spec: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in spec.items() if name not in _NO_SOURCE}


def _fixed(document: Mapping[str, Any], old: Mapping[str, Any]) -> dict[str, Any]:
    """A claim's spec without what may change; the volume is written when it is bound."""
    fixed = dict(document["spec"])
    if not old["spec"].get("volumeName"):
        fixed.pop("volumeName", None)
    if old.get("status", {}).get("phase") == "Bound":
        resources = dict(fixed.get("resources", {}))
        resources.pop("requests", None)
        fixed["resources"] = resources
        fixed.pop("volumeAttributesClassName", None)
    return fixed
