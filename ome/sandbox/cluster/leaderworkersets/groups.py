"""Groups of a LeaderWorkerSet: their pods, and what the set's status says of them. Pure."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ome.sandbox.cluster.deployments.rolling import scaled
from ome.sandbox.cluster.podmaking import pod_from, safe_hash

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ome.sandbox.cluster.pods import PodView

__all__ = [
    "GROUP",
    "INDEX",
    "NAME",
    "REVISION",
    "Group",
    "conditions",
    "leader",
    "revision_of",
    "size_of",
    "to_replace",
    "worker",
]

_PREFIX = "leaderworkerset.sigs.k8s.io"
NAME = f"{_PREFIX}/name"
GROUP = f"{_PREFIX}/group-index"
INDEX = f"{_PREFIX}/worker-index"
REVISION = f"{_PREFIX}/template-revision-hash"
_KEY = f"{_PREFIX}/group-key"
_SIZE = f"{_PREFIX}/size"
_LEADER = f"{_PREFIX}/leader-name"
_EXCLUSIVE = {
    "Available": ("Progressing", "UpdateInProgress"),
    "Progressing": ("Available",),
    "UpdateInProgress": ("Available",),
}
_SAID = {
    "Available": ("AllGroupsReady", "All replicas are ready"),
    "Progressing": ("GroupsProgressing", "Replicas are progressing"),
    "UpdateInProgress": ("GroupsUpdating", "Rolling Upgrade is in progress"),
}
Document = dict[str, Any]


@dataclass(slots=True)
class Group:
    """A leader with its workers."""

    leader: PodView
    workers: dict[int, PodView] = field(default_factory=dict)

    def ready(self, size: int) -> bool:
        """Whether all of it is there and ready."""
        pods = [self.leader, *self.workers.values()]
        return len(pods) == size and all(pod.ready and pod.active for pod in pods)

    def broken(self) -> bool:
        """Whether a pod of it ended or restarted, so that all begin again."""
        pods = [self.leader, *self.workers.values()]
        return any(pod.restarts or pod.finished for pod in pods) or any(
            pod.deleting for pod in self.workers.values()
        )

    def revision(self) -> str:
        """That of the template it was made with."""
        return self.leader.labels.get(REVISION, "")


def size_of(lws: Mapping[str, Any]) -> int:
    """Pods of each group."""
    return int(lws["spec"]["leaderWorkerTemplate"].get("size", 1))


def revision_of(lws: Mapping[str, Any]) -> str:
    """A name for the present template."""
    spec = lws["spec"]
    return safe_hash([spec["leaderWorkerTemplate"], spec.get("networkConfig")])


def leader(lws: Document, group: int, revision: str) -> Document:
    """The leader of a group; it takes the template of workers when it has none of its own."""
    template = lws["spec"]["leaderWorkerTemplate"]
    chosen = template.get("leaderTemplate") or template["workerTemplate"]
    name = f"{lws['metadata']['name']}-{group}"
    return _pod(lws, chosen, lws, name, (group, 0), revision)


def worker(lws: Document, owner: Document, group: int, index: int, revision: str) -> Document:
    """A worker of a group, owned by its leader."""
    template = lws["spec"]["leaderWorkerTemplate"]["workerTemplate"]
    name = f"{owner['metadata']['name']}-{index}"
    pod = _pod(lws, template, owner, name, (group, index), revision)
    pod["metadata"].setdefault("annotations", {})[_LEADER] = owner["metadata"]["name"]
    return pod


def to_replace(groups: Mapping[int, Group], lws: Mapping[str, Any], revision: str) -> list[int]:
    """The groups of an old template that may go now, the highest number first."""
    spec = lws["spec"]
    replicas = spec.get("replicas", 1)
    rolling = (spec.get("rolloutStrategy") or {}).get("rollingUpdateConfiguration") or {}
    most = max(scaled(rolling.get("maxUnavailable", 1), replicas, up=False), 1)
    size = size_of(lws)
    down = sum(not (number in groups and groups[number].ready(size)) for number in range(replicas))
    found = []
    for number in sorted(groups, reverse=True):
        group = groups[number]
        if group.revision() == revision or group.leader.deleting:
            continue
        if number < rolling.get("partition", 0):
            break
        if group.ready(size):
            if down >= most:
                continue
            down += 1
        found.append(number)
    return found


def conditions(
    present: list[Document], ready: int, updated: int, updated_ready: int, replicas: int, now: str
) -> list[Document]:
    """Available, or Progressing, and UpdateInProgress while groups are of two templates."""
    if updated_ready == replicas and ready == replicas:
        wanted = ["Available"]
    elif 0 < updated < replicas or (updated == 0 < ready):
        wanted = ["UpdateInProgress", "Progressing"]
    else:
        wanted = ["Progressing"]
    result = [dict(entry) for entry in present]
    for type_ in wanted:
        reason, message = _SAID[type_]
        _set(result, type_, "True", reason, message, now)
        for other in _EXCLUSIVE[type_]:
            if any(entry["type"] == other for entry in result):
                _set(result, other, "False", *_SAID[other], now)
    return result


def _set(
    held: list[Document], type_: str, status: str, reason: str, message: str, now: str
) -> None:
    entry = {"type": type_, "status": status, "reason": reason, "message": message}
    for old in held:
        if old["type"] == type_:
            if old["status"] != status:
                old["lastTransitionTime"] = now
            old.update(entry)
            return
    held.append({**entry, "lastTransitionTime": now})


def _pod(
    lws: Document,
    template: Document,
    owner: Document,
    name: str,
    place: tuple[int, int],
    revision: str,
) -> Document:
    metadata, size = lws["metadata"], size_of(lws)
    group, index = place
    pod = pod_from(template, owner, name=name)
    pod["metadata"]["namespace"] = metadata["namespace"]
    leader_name = f"{metadata['name']}-{group}"
    key = hashlib.sha1(f"{metadata['namespace']}/{leader_name}".encode()).hexdigest()
    pod["metadata"].setdefault("labels", {}).update(
        {
            NAME: metadata["name"],
            GROUP: str(group),
            INDEX: str(index),
            REVISION: revision,
            _KEY: key,
        }
    )
    pod["metadata"].setdefault("annotations", {})[_SIZE] = str(size)
    spec = pod["spec"]
    spec["hostname"] = name
    spec["subdomain"] = metadata["name"]
    address = f"{leader_name}.{metadata['name']}.{metadata['namespace']}"
    environment = [
        {"name": "LWS_LEADER_ADDRESS", "value": address},
        {"name": "LWS_GROUP_SIZE", "value": str(size)},
        {"name": "LWS_WORKER_INDEX", "value": str(index)},
    ]
    ours = {entry["name"] for entry in environment}
    for container in [*spec.get("initContainers", ()), *spec["containers"]]:
        others = [entry for entry in container.get("env") or () if entry["name"] not in ours]
        container["env"] = [*environment, *others]
    return pod
