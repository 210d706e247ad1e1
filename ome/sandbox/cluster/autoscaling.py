"""HorizontalPodAutoscalers where nobody measures anything.

The sandbox has no metrics server, and neither has the real control plane of the tests: resource
metrics cannot be had, so nothing is scaled but what is out of bounds, and the status says why.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ome.kube.resource import ObjectKey
from ome.kube.resources import HPAS
from ome.sandbox.cluster.context import Component
from ome.sandbox.cluster.objects import merged_conditions, reference

if TYPE_CHECKING:
    from ome.kube.resource import Resource
    from ome.sandbox.cluster.context import Context
    from ome.sandbox.stored import Stored

__all__ = ["Autoscaling"]

_FIRST, _EVERY = 1.0, 15.0
_NO_METRICS = (
    "unable to fetch metrics from resource metrics API: the server could not find the requested"
    " resource (get pods.metrics.k8s.io)"
)
_SOURCES = {
    "Resource": ("resource", "FailedGetResourceMetric"),
    "ContainerResource": ("containerResource", "FailedGetContainerResourceMetric"),
    "Pods": ("pods", "FailedGetPodsMetric"),
    "Object": ("object", "FailedGetObjectMetric"),
    "External": ("external", "FailedGetExternalMetric"),
}


class Autoscaling(Component):
    """The HPA controller."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._loop = context.loop("autoscaling", self._sync)
        self._events = context.events.teller("horizontal-pod-autoscaler")
        context.local.subscribe(HPAS, self._changed)

    async def run(self) -> None:
        await self._loop.run()

    def _changed(self, old: Stored | None, new: Stored | None) -> None:
        if new is not None and old is None:
            self._loop.add_after(new.key, _FIRST)

    async def _sync(self, key: ObjectKey) -> float | None:
        stored = self._context.local.get(HPAS, key)
        if stored is None:
            return None
        scaler = stored.load()
        target = scaler["spec"]["scaleTargetRef"]
        group = target.get("apiVersion", "").rpartition("/")[0]
        resource = self._context.local.served(group, target["kind"])
        place = ObjectKey(key.namespace, target["name"])
        scaled = self._context.local.get(resource, place) if resource is not None else None
        if resource is None or scaled is None:
            await self._no_target(scaler, resource, target)
            return _EVERY
        document = scaled.load()
        present = int((document.get("spec") or {}).get("replicas", 1))
        able = {
            "type": "AbleToScale",
            "status": "True",
            "reason": "SucceededGetScale",
            "message": "the HPA controller was able to get the target's current scale",
        }
        wanted, conditions = present, [able, self._inactive(scaler, present)]
        least, most = scaler["spec"].get("minReplicas", 1), scaler["spec"]["maxReplicas"]
        if present and not least <= present <= most:
            # Bounds hold whether anything is measured or not.
            wanted = max(min(present, most), least)
            await self._resize(scaler, resource, place, wanted, present)
            conditions = [
                {
                    **able,
                    "reason": "SucceededRescale",
                    "message": "the HPA controller was able to update the target scale to"
                    f" {wanted}",
                }
            ]
        current = int((document.get("status") or {}).get("replicas", 0))
        await self._report(scaler, conditions, current, wanted if wanted != present else 0)
        return _EVERY

    def _inactive(self, scaler: dict[str, Any], present: int) -> dict[str, Any]:
        if not present:
            return {
                "type": "ScalingActive",
                "status": "False",
                "reason": "ScalingDisabled",
                "message": "scaling is disabled since the replica count of the target is zero",
            }
        metrics = scaler["spec"].get("metrics") or [{"type": "Resource"}]
        reason, what = _failure(metrics[0])
        about = reference(scaler)
        self._events.warning(about, reason, what)
        self._events.warning(
            about,
            "FailedComputeMetricsReplicas",
            f"invalid metrics ({len(metrics)} invalid out of {len(metrics)}), first error is:"
            f" failed to get {_value(metrics[0])}: {what}",
        )
        return {
            "type": "ScalingActive",
            "status": "False",
            "reason": reason,
            "message": f"the HPA was unable to compute the replica count: {what}",
        }

    async def _resize(
        self,
        scaler: dict[str, Any],
        resource: Resource,
        key: ObjectKey,
        size: int,
        before: int,
    ) -> None:
        def change(document: dict[str, Any]) -> None:
            document["spec"]["replicas"] = size

        await self._context.writer.change(resource, key, "", change)
        bound = "maxReplicas" if size < before else "minReplicas"
        way = "above Spec.MaxReplicas" if size < before else "below Spec.MinReplicas"
        assert bound in scaler["spec"] or size == 1
        self._events.normal(
            reference(scaler),
            "SuccessfulRescale",
            f"New size: {size}; reason: Current number of replicas {way}",
        )

    async def _no_target(
        self, scaler: dict[str, Any], resource: Resource | None, target: dict[str, Any]
    ) -> None:
        what = resource.group_resource if resource is not None else target["kind"]
        text = f'{what} "{target["name"]}" not found'
        self._events.warning(reference(scaler), "FailedGetScale", text)
        unable = {
            "type": "AbleToScale",
            "status": "False",
            "reason": "FailedGetScale",
            "message": f"the HPA controller was unable to get the target's current scale: {text}",
        }
        await self._report(scaler, [unable], 0, 0)

    async def _report(
        self, scaler: dict[str, Any], conditions: list[dict[str, Any]], current: int, wanted: int
    ) -> None:
        metadata, old = scaler["metadata"], scaler.get("status") or {}
        status = {
            **old,
            "currentReplicas": current,
            "desiredReplicas": wanted,
            "conditions": merged_conditions(
                old.get("conditions") or [], conditions, self._context.now
            ),
        }
        key = ObjectKey(metadata["namespace"], metadata["name"])
        await self._context.writer.set_status(HPAS, key, metadata["uid"], status)


def _failure(metric: dict[str, Any]) -> tuple[str, str]:
    field, reason = _SOURCES.get(metric["type"], _SOURCES["Resource"])
    source = metric.get(field) or {}
    if metric["type"] in ("Resource", "ContainerResource"):
        name = source.get("name", "cpu")
        utilization = (source.get("target") or {}).get("type", "Utilization") == "Utilization"
        kind = "utilization" if utilization else "usage"
        return reason, (
            f"failed to get {name} {kind}: unable to get metrics for resource {name}: {_NO_METRICS}"
        )
    name = (source.get("metric") or {}).get("name", "")
    return reason, f"unable to get metric {name}: no custom metrics API is registered"


def _value(metric: dict[str, Any]) -> str:
    field, _ = _SOURCES.get(metric["type"], _SOURCES["Resource"])
    name = (metric.get(field) or {}).get("name", "cpu")
    return f"{name} resource metric value" if metric["type"] == "Resource" else f"{field} metric"
