"""The looking part of a pass: what the workloads and their pods came to, from the caches."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ome.api import names
from ome.controllers.inferenceservice.pods import model_state, pod_problem
from ome.controllers.inferenceservice.status import ComponentOutcome
from ome.kube.resource import ObjectKey

if TYPE_CHECKING:
    from ome.controllers.inferenceservice.children import Children
    from ome.controllers.inferenceservice.passes import Pass
    from ome.controllers.inferenceservice.planning import Planned
    from ome.controllers.inferenceservice.pods import PodView
    from ome.informers.informer import Informer
    from ome.selection import AcceleratorChoice

__all__ = ["BY_SERVICE_LABEL", "Observer"]

BY_SERVICE_LABEL = "service"
"""Index of the pod store: the service that a pod's label names."""


class Observer:
    """Looks at what exists for a service."""

    def __init__(self, children: Children, pods: Informer[PodView]) -> None:
        self._children = children
        self._pods = pods

    def observe(self, run: Pass, planned: Planned) -> None:
        """Add the outcome of every component to the pass."""
        for name, (workload, url) in planned.workloads.items():
            accelerator = planned.choice.accelerators.get(name)
            run.components.append(self._component(run, name, workload, url, accelerator))

    def _component(
        self, run: Pass, name: str, workload: str, url: str, accelerator: AcceleratorChoice | None
    ) -> ComponentOutcome:
        metadata = run.service.metadata
        live = self._children.cached(
            "apps/v1", "Deployment", ObjectKey(metadata.namespace, workload)
        )
        available = None
        revision = ""
        if live is not None:
            revision = (live["metadata"].get("annotations") or {}).get(
                names.ANNOTATION_DEPLOYMENT_REVISION, ""
            )
            for condition in (live.get("status") or {}).get("conditions") or ():
                if condition.get("type") == "Available":
                    available = (
                        condition["status"],
                        condition.get("reason", ""),
                        condition.get("message", ""),
                    )
        pods = self._pods_of(run, name)
        ready = available is not None and available[0] == "True"
        return ComponentOutcome(
            name=name,
            available=available,
            url=url,
            revision=revision,
            problem="" if ready else pod_problem(pods),
            model=model_state(pods, ready),
            accelerator=accelerator,
        )

    def _pods_of(self, run: Pass, component: str) -> list[PodView]:
        return [
            pod
            for pod in self._pods.store.by_index(BY_SERVICE_LABEL, run.key)
            if pod.metadata.labels.get(names.LABEL_COMPONENT) == component
            and not pod.metadata.deletion_timestamp
        ]
