"""Pods, and the pods that templates make."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ome.sandbox.builtin import names
from ome.sandbox.builtin.causes import invalid, not_supported
from ome.sandbox.builtin.validation.containers import validate_containers
from ome.sandbox.builtin.validation.metadata import validate_annotations, validate_labels
from ome.sandbox.builtin.validation.pod_updates import validate_pod_update
from ome.sandbox.builtin.validation.scheduling import validate_scheduling
from ome.sandbox.builtin.validation.volumes import validate_volumes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ome.sandbox.refusal import Cause

__all__ = ["validate_pod", "validate_template"]

_RESTART = ("Always", "OnFailure", "Never")
_DNS = ("ClusterFirstWithHostNet", "ClusterFirst", "Default", "None")
_NAMED = ("serviceAccountName", "nodeName", "priorityClassName")


def validate_pod(document: Mapping[str, Any], old: Mapping[str, Any] | None) -> Iterator[Cause]:
    """A Pod; of an update also whether the change is one of the few that may be made."""
    yield from validate_pod_spec(document["spec"], "spec")
    if old is not None:
        yield from validate_pod_update(document, old)


def validate_template(template: Mapping[str, Any], field: str) -> Iterator[Cause]:
    """A pod template of a workload."""
    metadata = template.get("metadata", {})
    yield from validate_labels(metadata.get("labels", {}), f"{field}.labels")
    yield from validate_annotations(metadata.get("annotations", {}), f"{field}.annotations")
    yield from validate_pod_spec(template.get("spec", {}), f"{field}.spec")


def validate_pod_spec(spec: Mapping[str, Any], field: str) -> Iterator[Cause]:
    """What pods and templates have in common."""
    yield from validate_volumes(spec.get("volumes", []), f"{field}.volumes")
    yield from validate_containers(spec, field)
    for name, choices in (("restartPolicy", _RESTART), ("dnsPolicy", _DNS)):
        if spec.get(name) not in choices:
            yield not_supported(f"{field}.{name}", spec.get(name), choices)
    yield from validate_scheduling(spec, field)
    deadline = spec.get("activeDeadlineSeconds")
    if deadline is not None and not 1 <= deadline <= 2**31 - 1:
        yield invalid(
            f"{field}.activeDeadlineSeconds",
            deadline,
            f"must be between 1 and {2**31 - 1}, inclusive",
        )
    yield from _names(spec, field)


def _names(spec: Mapping[str, Any], field: str) -> Iterator[Cause]:
    for name in _NAMED:
        if value := spec.get(name):
            for text in names.dns_subdomain(value):
                yield invalid(f"{field}.{name}", value, text)
    for name in ("hostname", "subdomain"):
        if value := spec.get(name):
            for text in names.dns_label(value):
                yield invalid(f"{field}.{name}", value, text)
