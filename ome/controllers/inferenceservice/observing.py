"""The looking part of a pass: what the workloads and their pods came to, from the caches."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ome.api import names
from ome.controllers.inferenceservice.children import is_controlled
from ome.controllers.inferenceservice.pods import model_state
from ome.controllers.inferenceservice.reach import on_no_node
from ome.controllers.inferenceservice.status import ComponentOutcome
from ome.controllers.inferenceservice.trouble import is_unscheduled, pod_problem
from ome.controllers.inferenceservice.workload import NOTHING, Seen, see
from ome.controllers.resources import KNATIVE_SERVICES, LEADER_WORKER_SETS, RAY_CLUSTERS
from ome.kube.resource import ObjectKey
from ome.kube.resources import DEPLOYMENTS
from ome.workloads import WorkloadRef

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ome.clock import Clock
    from ome.controllers.conditions import Status
    from ome.controllers.inferenceservice.children import Children
    from ome.controllers.inferenceservice.choosing import Choice
    from ome.controllers.inferenceservice.passes import Pass
    from ome.controllers.inferenceservice.planning import Planned
    from ome.controllers.inferenceservice.pods import PodView
    from ome.controllers.inferenceservice.refusals import Refusals
    from ome.controllers.inferenceservice.world import World
    from ome.informers.informer import Informer
    from ome.workloads import PlannedComponent

__all__ = ["BY_SERVICE_LABEL", "Observer", "verdict_of"]

BY_SERVICE_LABEL = "service"
"""Index of the pod store: the service that a pod's label names."""


_MODES = {
    RAY_CLUSTERS.kind: names.MODE_RAY,
    LEADER_WORKER_SETS.kind: names.MODE_MULTI_NODE,
    KNATIVE_SERVICES.kind: names.MODE_SERVERLESS,
    DEPLOYMENTS.kind: names.MODE_RAW,
}
"""The mode of a component by the kinds of its workloads, the first that it has."""

_NOTICED = 10.0
"""Seconds after which a controller has noticed that a template was replaced."""


class Observer:
    """Looks at what exists for a service."""

    def __init__(
        self,
        world: World,
        children: Children,
        pods: Informer[PodView],
        refusals: Refusals,
        clock: Clock,
    ) -> None:
        self._world = world
        self._children = children
        self._pods = pods
        self._refusals = refusals
        self._clock = clock
        # When templates were replaced whose controller has not shown that it noticed.
        self._replaced: dict[tuple[ObjectKey, str], float] = {}

    def observe(self, run: Pass, planned: Planned) -> None:
        """Add the outcome of every component to the pass."""
        for component in planned.plan.components:
            if component.name in run.waiting:
                component = self._as_it_runs(run, component)
            run.components.append(self._component(run, component, planned.choice))

    def _as_it_runs(self, run: Pass, planned: PlannedComponent) -> PlannedComponent:
        """A component that may not change yet, in the mode that its workloads have."""
        found = [
            WorkloadRef(item["apiVersion"], item["kind"], item["metadata"]["name"])
            for item in self._children.workloads_of(run.key, run.stored.metadata.uid)
            if item["metadata"].get("labels", {}).get(names.LABEL_COMPONENT) == planned.name
        ]
        kinds = {ref.kind for ref in found}
        mode = next((mode for kind, mode in _MODES.items() if kind in kinds), planned.mode)
        if mode == planned.mode:
            return planned
        # The probers of Ray clusters are what tells of them.
        told = DEPLOYMENTS.kind if mode == names.MODE_RAY else None
        refs = tuple(ref for ref in found if told is None or ref.kind == told)
        return replace(planned, mode=mode, workloads=refs)

    def _component(
        self, run: Pass, component: PlannedComponent, choice: Choice | None
    ) -> ComponentOutcome:
        namespace = run.service.metadata.namespace
        live = (
            self._children.cached(ref.api_version, ref.kind, ObjectKey(namespace, ref.name))
            for ref in component.workloads
        )
        uid = run.stored.metadata.uid
        # One of the name that is a stranger's, or a former service's, tells nothing of this one.
        workloads = [one for one in live if one is not None and is_controlled(one, uid)]
        seen = [see(document) for document in workloads]
        pods = self._pods_of(run, component.name)
        unnoticed = self._unnoticed(run, component.name, seen)
        rolled = unnoticed or component.name in run.rolled
        verdict = verdict_of(component.mode, seen, rolled=rolled)
        ready = verdict is not None and verdict[0] == "True"
        first = seen[0] if seen else NOTHING
        return ComponentOutcome(
            name=component.name,
            ready=verdict,
            settled=all(item.observed for item in seen) or rolled,
            seen=first,
            serverless=component.mode == names.MODE_SERVERLESS,
            url=first.url or component.url,
            problem="" if ready else self._problem(run, component, choice, seen, pods),
            # A prober has no model; what it says of the component is its readiness.
            model=model_state([pod for pod in pods if not _is_prober(pod)], ready),
            accelerator=None if choice is None else choice.accelerators.get(component.name),
        )

    def _unnoticed(self, run: Pass, component: str, seen: Sequence[Seen]) -> bool:
        """Whether a template may have been replaced without its workload telling of it yet.

        Of one that does not say which spec it speaks of: until it says that it replaces its pods,
        or for a few seconds.
        """
        key = (run.key, component)
        if component in run.rolled and not all(item.dated for item in seen):
            self._replaced[key] = self._clock.monotonic()
        since = self._replaced.get(key)
        if since is None:
            return False
        left = since + _NOTICED - self._clock.monotonic()
        if left <= 0 or not all(item.current for item in seen):
            del self._replaced[key]
            return False
        run.come_back(left)
        return True

    def _pods_of(self, run: Pass, component: str) -> list[PodView]:
        return [
            pod
            for pod in self._pods.store.by_index(BY_SERVICE_LABEL, run.key)
            if pod.metadata.labels.get(names.LABEL_COMPONENT) == component
            and not pod.metadata.deletion_timestamp
        ]

    def _problem(
        self,
        run: Pass,
        component: PlannedComponent,
        choice: Choice | None,
        seen: Sequence[Seen],
        pods: Sequence[PodView],
    ) -> str:
        """What keeps pods from being made, else what keeps those that were made from running."""
        refused = [item.problem for item in seen]
        if component.mode == names.MODE_MULTI_NODE:
            namespace = run.service.metadata.namespace
            keys = (ObjectKey(namespace, ref.name) for ref in component.workloads)
            refused += map(self._refusals.of, keys)
        elif component.mode == names.MODE_RAY:
            # What is looked at otherwise are its probers.
            clusters = self._children.owned(RAY_CLUSTERS, run.key, run.stored.metadata.uid)
            refused += [see(cluster.document()).problem for cluster in clusters]
        absent = ""
        if choice is not None and any(map(is_unscheduled, pods)):
            absent = on_no_node(self._world, choice, component)
        return next(filter(None, (*refused, absent)), "") or pod_problem(pods)


def _is_prober(pod: PodView) -> bool:
    return names.LABEL_RAY_INDEX in pod.metadata.labels


def verdict_of(
    mode: str, seen: Sequence[Seen], *, rolled: bool = False
) -> tuple[Status, str, str] | None:
    """Whether a component serves with its newest revision; None while nothing is known.

    ``rolled``: this pass has just replaced the template, which no workload knows of yet.
    """
    verdict = _of_probers(seen) if mode == names.MODE_RAY else seen[0].ready if seen else None
    if verdict is None or verdict[0] != "True":
        return verdict
    if rolled or not all(item.current for item in seen):
        return (
            "Unknown",
            names.REASON_ROLLOUT,
            "pods of the newest revision are not all ready; those of the former serve meanwhile",
        )
    return verdict


def _of_probers(seen: Sequence[Seen]) -> tuple[Status, str, str] | None:
    """A Ray component is ready when the prober of each of its clusters is."""
    if not seen:
        return "False", names.REASON_NO_DEPLOYMENTS, "No deployments available"
    failing = next((item.ready for item in seen if item.ready and item.ready[0] == "False"), None)
    if failing is not None:
        return failing
    return seen[0].ready if all(item.ready for item in seen) else None
