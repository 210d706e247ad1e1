"""The LeaderWorkerSet of a multi-node component: groups of one leader and its workers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ome.api import names
from ome.workloads.contested import LWS_API_VERSION, LWS_KIND, workload_set_name
from ome.workloads.pod_defaults import with_defaults

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ome.workloads.inputs import Component, PlanInputs
    from ome.workloads.metadata import ComponentMetadata

__all__ = ["groups_wanted", "leader_worker_set"]

_SCRAPING = (
    names.ANNOTATION_PROMETHEUS_PATH,
    names.ANNOTATION_PROMETHEUS_PORT,
    names.ANNOTATION_PROMETHEUS_SCRAPE,
)


def leader_worker_set(
    inputs: PlanInputs,
    component: Component,
    metadata: ComponentMetadata,
    leader: Mapping[str, Any],
    worker: Mapping[str, Any] | None,
    *,
    least: int | None = None,
) -> dict[str, Any]:
    """The set, with the replicas that the component asks for; a group restarts as a whole.

    Without ``worker`` a group is the leader alone, and the template of workers is the leader's.
    ``least`` is how many it begins with where somebody else moves the number from then on.
    """
    name = workload_set_name(metadata.name)
    if (LWS_KIND, name) in inputs.taken:
        name = workload_set_name(metadata.name, taken=True)
    described = metadata.object(name, labels=metadata.common)
    described["annotations"][names.ANNOTATION_RENDERING] = inputs.rendering
    if least is not None:
        described["annotations"][names.ANNOTATION_ASKED_REPLICAS] = str(least)
    return {
        "apiVersion": LWS_API_VERSION,
        "kind": LWS_KIND,
        "metadata": described,
        "spec": {
            **({} if least is not None else {"replicas": groups_wanted(component)}),
            "startupPolicy": "LeaderCreated",
            "networkConfig": {"subdomainPolicy": "Shared"},
            "rolloutStrategy": {
                "type": "RollingUpdate",
                "rollingUpdateConfiguration": {"maxUnavailable": 1, "maxSurge": 1},
            },
            "leaderWorkerTemplate": {
                "size": component.workers + 1,
                "restartPolicy": "RecreateGroupOnPodRestart",
                "leaderTemplate": _leader(metadata, leader),
                "workerTemplate": _worker(metadata, leader if worker is None else worker),
            },
        },
    }


def groups_wanted(component: Component) -> int:
    """How many groups a component asks for by itself; none is a number too."""
    asked = component.merged.get("minReplicas")
    return 1 if asked is None else max(int(asked), 0)


def _leader(metadata: ComponentMetadata, pod: Mapping[str, Any]) -> dict[str, Any]:
    head = {names.LABEL_APP: metadata.app, names.LABEL_RAY_NODE_TYPE: names.RAY_HEAD}
    return _template(metadata, head, metadata.annotations, pod)


def _worker(metadata: ComponentMetadata, pod: Mapping[str, Any]) -> dict[str, Any]:
    """Nothing selects workers and nobody scrapes them: they serve their leader."""
    annotations = {
        key: value for key, value in metadata.annotations.items() if key not in _SCRAPING
    }
    return _template(metadata, {}, annotations, pod)


def _template(
    metadata: ComponentMetadata,
    labels: Mapping[str, str],
    annotations: Mapping[str, str],
    pod: Mapping[str, Any],
) -> dict[str, Any]:
    return {
        "metadata": {
            "name": metadata.name,
            "namespace": metadata.namespace,
            "labels": {**metadata.common, **metadata.queue, **labels},
            "annotations": dict(annotations),
        },
        "spec": with_defaults(pod, probe=False),
    }
