"""How many pods: the autoscaler of a component, of one class, and its disruption budget.

An autoscaler moves the scale subresource of its target: a Deployment, or a LeaderWorkerSet by whole
groups. Groups are many nodes each, so nothing scales them unless it was asked for.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ome.api import names
from ome.workloads.errors import RenderError
from ome.workloads.keda import scaled_object

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ome.api import KedaConfig
    from ome.workloads.inputs import Component, PlanInputs
    from ome.workloads.metadata import ComponentMetadata

__all__ = [
    "asked_class",
    "autoscaler",
    "autoscaler_class",
    "disruption_budget",
    "horizontal_pod_autoscaler",
    "replica_bounds",
    "scale_target",
]

_DEFAULT_UTILIZATION = 80
_PERCENTAGE = re.compile(r"\+?[0-9]{1,9}")


def autoscaler(
    inputs: PlanInputs, metadata: ComponentMetadata, component: Component, target: Mapping[str, str]
) -> dict[str, Any] | None:
    """What scales ``target`` for a component, None when somebody else does.

    ``target`` is a ``scaleTargetRef``. Raises ``RenderError``.
    """
    keda = inputs.service.spec.keda_config
    chosen = autoscaler_class(component, metadata.annotations, keda)
    if chosen == names.AUTOSCALER_EXTERNAL:
        return None
    if chosen == names.AUTOSCALER_HPA:
        return horizontal_pod_autoscaler(metadata, component, target)
    return scaled_object(inputs, metadata, component, target, replica_bounds(component))


def scale_target(api_version: str, kind: str, name: str) -> dict[str, str]:
    """The reference to what is scaled."""
    return {"apiVersion": api_version, "kind": kind, "name": name}


def autoscaler_class(
    component: Component, annotations: Mapping[str, str], keda: KedaConfig | None = None
) -> str:
    """``hpa``, ``keda`` or ``external``; ``keda`` is the service's block, beside the component's.

    Raises ``RenderError`` for what is unknown.
    """
    return _asked_class(component, annotations, keda) or names.AUTOSCALER_HPA


def asked_class(
    inputs: PlanInputs, metadata: ComponentMetadata, component: Component
) -> str | None:
    """The class that was asked for by name, None where none was. Raises ``RenderError``."""
    return _asked_class(component, metadata.annotations, inputs.service.spec.keda_config)


def _asked_class(
    component: Component, annotations: Mapping[str, str], keda: KedaConfig | None
) -> str | None:
    chosen = annotations.get(names.ANNOTATION_AUTOSCALER_CLASS)
    if chosen is None:
        own = (component.merged.get("kedaConfig") or {}).get("enableKeda")
        wanted = own or (keda is not None and keda.enable_keda)
        return names.AUTOSCALER_KEDA if wanted else None
    if chosen not in (names.AUTOSCALER_HPA, names.AUTOSCALER_KEDA, names.AUTOSCALER_EXTERNAL):
        raise RenderError(
            component.name,
            f"unknown autoscaler class type: {chosen}; set annotation"
            f" {names.ANNOTATION_AUTOSCALER_CLASS} to hpa, keda or external",
        )
    return chosen


def replica_bounds(component: Component) -> tuple[int, int]:
    """The smallest and the largest number of pods: at least one, never crossed."""
    low = max(component.merged.get("minReplicas") or 1, 1)
    return low, max(component.merged.get("maxReplicas") or low, low)


def horizontal_pod_autoscaler(
    metadata: ComponentMetadata, component: Component, target: Mapping[str, str]
) -> dict[str, Any]:
    """The HPA of a component: one resource metric, by utilization. Raises ``RenderError``."""
    low, high = replica_bounds(component)
    wanted = {"type": "Utilization", "averageUtilization": _utilization(metadata, component)}
    resource = {"name": _metric(metadata, component), "target": wanted}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": metadata.object(),
        "spec": {
            "scaleTargetRef": dict(target),
            "minReplicas": low,
            "maxReplicas": high,
            "metrics": [{"type": "Resource", "resource": resource}],
            "behavior": {},
        },
    }


def _metric(metadata: ComponentMetadata, component: Component) -> str:
    chosen = component.merged.get("scaleMetric")
    if chosen:
        return str(chosen)
    asked = metadata.annotations.get(names.ANNOTATION_METRICS)
    return asked if asked in ("cpu", "memory") else "cpu"


def _utilization(metadata: ComponentMetadata, component: Component) -> int:
    text = metadata.annotations.get(names.ANNOTATION_TARGET_UTILIZATION)
    if text is None:
        return int(component.merged.get("scaleTarget") or _DEFAULT_UTILIZATION)
    if not _PERCENTAGE.fullmatch(text) or int(text) < 1:
        raise RenderError(
            component.name,
            f"annotation {names.ANNOTATION_TARGET_UTILIZATION} is {text!r}; write an integer from"
            " 1 to 100",
        )
    return int(text)


def disruption_budget(metadata: ComponentMetadata, component: Component) -> dict[str, Any]:
    """The PodDisruptionBudget: what the component says, else one pod at a time."""
    limits = {
        name: component.merged[name]
        for name in ("minAvailable", "maxUnavailable")
        if component.merged.get(name) is not None
    } or {"maxUnavailable": 1}
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": metadata.object(),
        "spec": {"selector": {"matchLabels": {names.LABEL_APP: metadata.app}}, **limits},
    }
