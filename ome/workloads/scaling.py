"""How many pods: the autoscaler of a raw component and its disruption budget."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ome.api import names
from ome.workloads.errors import NotBuilt, RenderError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ome.api.services import KedaConfig
    from ome.workloads.inputs import Component
    from ome.workloads.metadata import ComponentMetadata

__all__ = ["autoscaler_class", "disruption_budget", "horizontal_pod_autoscaler", "replica_bounds"]

_DEFAULT_UTILIZATION = 80


def autoscaler_class(
    component: Component, annotations: Mapping[str, str], keda: KedaConfig | None = None
) -> str:
    """``hpa`` or ``external``; ``keda`` is the service's own block, beside the component's.

    Raises ``RenderError`` for what is unknown or not built.
    """
    chosen = annotations.get(names.ANNOTATION_AUTOSCALER_CLASS)
    if chosen is None:
        own = component.merged.get("kedaConfig") or {}
        wanted = own.get("enableKeda") or (keda is not None and keda.enable_keda)
        chosen = names.AUTOSCALER_KEDA if wanted else names.AUTOSCALER_HPA
    if chosen in (names.AUTOSCALER_HPA, names.AUTOSCALER_EXTERNAL):
        return chosen
    if chosen == names.AUTOSCALER_KEDA:
        raise NotBuilt(
            component.name,
            f"autoscaler class keda (annotation {names.ANNOTATION_AUTOSCALER_CLASS} or"
            " kedaConfig.enableKeda) is not available in this version; use hpa or external",
        )
    raise RenderError(
        component.name,
        f"unknown autoscaler class type: {chosen}; set annotation"
        f" {names.ANNOTATION_AUTOSCALER_CLASS} to hpa, keda or external",
    )


def replica_bounds(component: Component) -> tuple[int, int]:
    """The smallest and the largest number of pods: at least one, never crossed."""
    low = max(component.merged.get("minReplicas") or 1, 1)
    return low, max(component.merged.get("maxReplicas") or low, low)


def horizontal_pod_autoscaler(metadata: ComponentMetadata, component: Component) -> dict[str, Any]:
    """The HPA of a component: one resource metric, by utilization."""
    low, high = replica_bounds(component)
    target = {"type": "Utilization", "averageUtilization": _utilization(metadata, component)}
    resource = {"name": _metric(metadata, component), "target": target}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": metadata.object(),
        "spec": {
            "scaleTargetRef": {
                "apiVersion": "apps/v1",
                "kind": "Deployment",
                "name": metadata.name,
            },
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
    try:
        return int(text)
    except ValueError as error:
        raise RenderError(
            component.name,
            f"annotation {names.ANNOTATION_TARGET_UTILIZATION} is {text!r}; write an integer from"
            " 1 to 100",
        ) from error


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
