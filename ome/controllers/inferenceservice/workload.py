"""What a workload says of itself, kind by kind: pure functions over objects as stored.

A workload is an object that runs the pods of a component: a Deployment, a LeaderWorkerSet, a
RayCluster or a Knative Service. Everything else of the controller treats them alike.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ome.api import names
from ome.controllers.inferenceservice.trouble import not_made
from ome.controllers.resources import KNATIVE_SERVICES, LEADER_WORKER_SETS, RAY_CLUSTERS
from ome.kube.compare import contains, document_hash
from ome.kube.resources import DEPLOYMENTS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ome.controllers.conditions import Status

__all__ = [
    "NOTHING",
    "WORKLOADS",
    "Seen",
    "is_rolling",
    "is_workload",
    "planned_hash",
    "pod_metadata",
    "pod_templates",
    "pods_of",
    "pods_wanted",
    "rolls_since",
    "same_pods",
    "see",
    "with_pods_of",
]

Verdict = tuple["Status", str, str]
"""Status, reason and message of a condition."""

_UPDATING = "UpdateInProgress"
_DONE = "NewReplicaSetAvailable"

WORKLOADS = (DEPLOYMENTS, LEADER_WORKER_SETS, RAY_CLUSTERS, KNATIVE_SERVICES)
"""The kinds whose objects run pods."""

_TEMPLATES: Mapping[tuple[str, str], tuple[str, ...]] = {
    (DEPLOYMENTS.api_version, DEPLOYMENTS.kind): ("template",),
    (LEADER_WORKER_SETS.api_version, LEADER_WORKER_SETS.kind): ("leaderWorkerTemplate",),
    (RAY_CLUSTERS.api_version, RAY_CLUSTERS.kind): ("headGroupSpec", "workerGroupSpecs"),
    (KNATIVE_SERVICES.api_version, KNATIVE_SERVICES.kind): ("template",),
}
"""Where the spec of a workload says what its pods are like."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a workload says of itself.

    ``ready`` is None while it has said nothing. ``observed`` is False while its controller has not
    looked at the newest spec, ``current`` while pods of an older revision are left. ``dated`` is
    False where it does not say which spec its controller has looked at. ``problem`` is why no pods
    can be made for it (a quota, a refusal at admission).
    """

    ready: Verdict | None = None
    observed: bool = True
    current: bool = True
    dated: bool = True
    revision: str = ""
    ready_revision: str = ""
    url: str = ""
    address: Mapping[str, Any] | None = None
    traffic: tuple[Mapping[str, Any], ...] = ()
    route: Verdict | None = None
    configuration: Verdict | None = None
    problem: str = ""


NOTHING = Seen()
"""Of a workload that is not there."""


def is_workload(document: Mapping[str, Any]) -> bool:
    """Whether an object runs pods."""
    return (document["apiVersion"], document["kind"]) in _TEMPLATES


def same_pods(live: Mapping[str, Any], desired: Mapping[str, Any]) -> bool:
    """Whether writing the desired workload leaves the pods of the live one as they are.

    The live one must hold all that is desired, and have been planned with nothing that no longer
    is: a field that is taken away changes pods as well.
    """
    before = _planned(live)
    if before is not None and before != (_planned(desired) or planned_hash(desired)):
        return False
    parts = _TEMPLATES[desired["apiVersion"], desired["kind"]]
    return all(contains(live["spec"].get(part), desired["spec"].get(part)) for part in parts)


def planned_hash(desired: Mapping[str, Any]) -> str:
    """What a workload's annotation ``ome.io/planned-hash`` says: the pods that were planned."""
    return document_hash(pods_of(desired))


def _planned(document: Mapping[str, Any]) -> str | None:
    annotations = document["metadata"].get("annotations") or {}
    found: str | None = annotations.get(names.ANNOTATION_PLANNED_HASH)
    return found


def pods_of(document: Mapping[str, Any]) -> dict[str, Any]:
    """The parts of a workload's spec that say what its pods are like."""
    parts = _TEMPLATES[document["apiVersion"], document["kind"]]
    return {part: document["spec"][part] for part in parts if part in document["spec"]}


def with_pods_of(document: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """A workload with the pods of another one of its kind."""
    parts = _TEMPLATES[document["apiVersion"], document["kind"]]
    spec = {part: value for part, value in document["spec"].items() if part not in parts}
    return {**document, "spec": {**spec, **pods_of(other)}}


def pod_templates(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The template of each kind of pod that a workload has."""
    spec, kind = document["spec"], document["kind"]
    if kind == LEADER_WORKER_SETS.kind:
        groups = spec["leaderWorkerTemplate"]
        found = [groups.get("leaderTemplate"), groups["workerTemplate"]]
    elif kind == RAY_CLUSTERS.kind:
        workers = spec.get("workerGroupSpecs") or ()
        found = [spec["headGroupSpec"]["template"], *(item["template"] for item in workers)]
    else:
        found = [spec["template"]]
    return [item for item in found if item]


def pod_metadata(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The labels and annotations among what says what the pods of a workload are like.

    Those of its templates, and of the Service that KubeRay makes for a head. They are parts of the
    document, made where they are missing.
    """
    described = pod_templates(document)
    if document["kind"] == RAY_CLUSTERS.kind:
        described += filter(None, [document["spec"]["headGroupSpec"].get("headService")])
    return [item.setdefault("metadata", {}) for item in described]


def pods_wanted(document: Mapping[str, Any]) -> int:
    """How many pods a workload asks for; for one that scales by itself, at least one."""
    spec, kind = document["spec"], document["kind"]
    if kind == LEADER_WORKER_SETS.kind:
        return int(spec.get("replicas", 1)) * int(spec["leaderWorkerTemplate"].get("size", 1))
    if kind == RAY_CLUSTERS.kind:
        return 1 + sum(int(item.get("replicas", 1)) for item in spec.get("workerGroupSpecs") or ())
    return int(spec.get("replicas", 1))


def see(document: Mapping[str, Any]) -> Seen:
    """What a workload says. Raises ``KeyError`` for an object that is none."""
    return _SEERS[document["apiVersion"], document["kind"]](document)


def _condition(document: Mapping[str, Any], type_: str) -> Verdict | None:
    for item in (document.get("status") or {}).get("conditions") or ():
        if item.get("type") == type_:
            status: Status = item["status"] if item["status"] in ("True", "False") else "Unknown"
            return status, item.get("reason", ""), item.get("message", "")
    return None


def _lags(document: Mapping[str, Any]) -> bool:
    seen = (document.get("status") or {}).get("observedGeneration")
    return seen is not None and seen < document["metadata"].get("generation", 0)


def _deployment(document: Mapping[str, Any]) -> Seen:
    status = document.get("status") or {}
    annotations = document["metadata"].get("annotations") or {}
    return Seen(
        ready=_condition(document, "Available"),
        observed=not _lags(document),
        # Fewer than wanted may be up while it grows; what counts is that none is of another kind.
        current=status.get("replicas", 0) <= status.get("updatedReplicas", 0),
        revision=annotations.get(names.ANNOTATION_DEPLOYMENT_REVISION, ""),
        problem=_refused(document),
    )


def _refused(document: Mapping[str, Any]) -> str:
    """Why no pods can be made."""
    failure = _condition(document, "ReplicaFailure")
    if failure is None or failure[0] != "True" or failure[1].startswith("FailedDelete"):
        return ""
    return not_made(": ".join((failure[2] or failure[1]).splitlines()))


def _leader_worker_set(document: Mapping[str, Any]) -> Seen:
    status = document.get("status") or {}
    available, updating = (_condition(document, type_) for type_ in ("Available", _UPDATING))
    replaces = updating is not None and updating[0] == "True"
    if available is not None and available[0] != "True":
        # It keeps the words of the time when it was true.
        for said in (updating, _condition(document, "Progressing")):
            if said is not None and said[0] == "True":
                available = ("False", said[1], said[2])
                break
    if updating is not None and replaces and status.get("readyReplicas"):
        available = ("True", updating[1], updating[2])  # the groups that are not replaced yet
    return Seen(
        ready=available,
        observed=not _lags(document),
        current=not replaces,
        dated="observedGeneration" in status,
    )


def _ray_cluster(document: Mapping[str, Any]) -> Seen:
    return Seen(
        ready=_condition(document, "HeadPodReady"),
        observed=not _lags(document),
        problem=_refused(document),
    )


def _knative_service(document: Mapping[str, Any]) -> Seen:
    status = document.get("status") or {}
    created = status.get("latestCreatedRevisionName", "")
    ready = status.get("latestReadyRevisionName", "")
    return Seen(
        ready=_condition(document, "Ready"),
        observed=not _lags(document),
        current=not ready or created == ready,
        revision=created,
        ready_revision=ready,
        url=status.get("url", ""),
        address=status.get("address"),
        traffic=tuple(status.get("traffic") or ()),
        route=_condition(document, "RoutesReady"),
        configuration=_condition(document, "ConfigurationsReady"),
    )


_SEERS: Mapping[tuple[str, str], Callable[[Mapping[str, Any]], Seen]] = {
    (DEPLOYMENTS.api_version, DEPLOYMENTS.kind): _deployment,
    (LEADER_WORKER_SETS.api_version, LEADER_WORKER_SETS.kind): _leader_worker_set,
    (RAY_CLUSTERS.api_version, RAY_CLUSTERS.kind): _ray_cluster,
    (KNATIVE_SERVICES.api_version, KNATIVE_SERVICES.kind): _knative_service,
}


def is_rolling(document: Mapping[str, Any]) -> bool:
    """Whether a workload is replacing pods that served before.

    A new one is not (it takes nothing away), and one that says that it got stuck no longer counts:
    a broken service must not hold up all others.
    """
    if document["kind"] == DEPLOYMENTS.kind:
        return _deployment_is_rolling(document)
    seen = see(document)
    if seen.ready is None:
        return False
    if document["kind"] == KNATIVE_SERVICES.kind and seen.ready[0] == "False":
        return False
    return not seen.observed or not seen.current


def rolls_since(document: Mapping[str, Any]) -> float | None:
    """Since when (seconds since 1970) a workload says that it replaces its pods, if it says so."""
    for item in (document.get("status") or {}).get("conditions") or ():
        if item.get("type") == _UPDATING and item.get("status") == "True":
            try:
                return datetime.fromisoformat(item["lastTransitionTime"]).timestamp()
            except (KeyError, TypeError, ValueError):
                return None
    return None


def _deployment_is_rolling(document: Mapping[str, Any]) -> bool:
    metadata, status = document["metadata"], document.get("status") or {}
    generation = metadata.get("generation", 0)
    if generation > 1 and status.get("observedGeneration", 0) < generation:
        return True
    if (metadata.get("annotations") or {}).get(names.ANNOTATION_DEPLOYMENT_REVISION, "1") == "1":
        return False
    updated = status.get("updatedReplicas", 0)
    replaced = status.get("replicas", 0) <= updated
    progressing = _condition(document, "Progressing")
    if progressing is not None:
        # It got stuck; or it was done once, and what is missing since is not a rollout's.
        if progressing[0] == "False" or (replaced and progressing[1] == _DONE):
            return False
    wanted = (document.get("spec") or {}).get("replicas", 1)
    return bool(updated < wanted or not replaced or status.get("availableReplicas", 0) < updated)
