"""The Knative Service of a component that is scaled by its requests, also to zero."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from ome.api import names
from ome.workloads.service import is_cluster_local

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ome.workloads.inputs import Component, PlanInputs
    from ome.workloads.metadata import ComponentMetadata

__all__ = ["API_VERSION", "knative_service"]

API_VERSION = "serving.knative.dev/v1"
_OF_THE_SERVICE = (names.ANNOTATION_ROLLOUT_DURATION, names.ANNOTATION_ENABLE_PASSTHROUGH)
_SCALING = "autoscaling.knative.dev/"
_CLASS = "kpa.autoscaling.knative.dev"


def knative_service(
    inputs: PlanInputs, component: Component, metadata: ComponentMetadata, pod: Mapping[str, Any]
) -> dict[str, Any]:
    """The Knative Service; scheduling labels are on its pods, which is where they are read."""
    moved = {
        key: metadata.annotations[key] for key in _OF_THE_SERVICE if key in metadata.annotations
    }
    described = metadata.object(annotations=moved)
    described["annotations"][names.ANNOTATION_RENDERING] = inputs.rendering
    if is_cluster_local(inputs.service):
        # Knative has a gateway of its own, and knows its own label only.
        described["labels"][names.LABEL_KNATIVE_VISIBILITY] = names.VISIBILITY_CLUSTER_LOCAL
    labels = {
        key: value
        for key, value in {**metadata.common, **metadata.queue}.items()
        if key not in names.NEVER_COPIED_REVISION_LABELS
    }
    template = {
        "metadata": {"labels": labels, "annotations": _annotations(component, metadata)},
        "spec": {**copy.deepcopy(dict(pod)), **_limits(component)},
    }
    return {
        "apiVersion": API_VERSION,
        "kind": "Service",
        "metadata": described,
        "spec": {"template": template, "traffic": _traffic(inputs, component, metadata)},
    }


def _annotations(component: Component, metadata: ComponentMetadata) -> dict[str, str]:
    found = {
        key: value for key, value in metadata.annotations.items() if key not in _OF_THE_SERVICE
    }
    found.setdefault(f"{_SCALING}class", _CLASS)
    least = component.merged.get("minReplicas")
    scaling = {
        "min-scale": 1 if least is None else least,
        "max-scale": component.merged.get("maxReplicas") or None,
        "target": component.merged.get("scaleTarget"),
        "metric": component.merged.get("scaleMetric"),
    }
    for key, value in scaling.items():
        if value is not None:
            found[f"{_SCALING}{key}"] = str(value)
    return found


def _limits(component: Component) -> dict[str, Any]:
    timeout = component.merged.get("timeoutSeconds")
    limits = {
        "timeoutSeconds": timeout,
        "responseStartTimeoutSeconds": timeout,
        "containerConcurrency": component.merged.get("containerConcurrency"),
    }
    return {key: value for key, value in limits.items() if value is not None}


def _traffic(
    inputs: PlanInputs, component: Component, metadata: ComponentMetadata
) -> list[dict[str, Any]]:
    """All to the latest revision, or a canary's share of it beside the one rolled out before."""
    share = component.merged.get("canaryTrafficPercent")
    status = inputs.service.status
    held = ((status.components if status is not None else None) or {}).get(component.name)
    before = held.latest_rolledout_revision if held is not None else None
    latest: dict[str, Any] = {"latestRevision": True, "percent": 100}
    if metadata.annotations.get(names.ANNOTATION_ENABLE_TAG_ROUTING) == "true":
        latest["tag"] = "latest"
    if share is None or not before:
        return [latest]
    latest["percent"] = share
    if share >= 100:
        return [latest]
    rest = {"revisionName": before, "latestRevision": False, "percent": 100 - share, "tag": "prev"}
    return [latest, rest]
