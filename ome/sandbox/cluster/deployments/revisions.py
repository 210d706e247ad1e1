"""Which ReplicaSet is of the newest template, and what is written on each. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ome.api.names import ANNOTATION_DEPLOYMENT_REVISION as REVISION
from ome.api.names import ANNOTATION_LAST_APPLIED
from ome.sandbox.cluster.objects import owner_reference
from ome.sandbox.cluster.podmaking import safe_hash

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ome.sandbox.cluster.deployments.rolling import Bounds

__all__ = [
    "DESIRED",
    "HASH",
    "REVISION",
    "annotated",
    "made",
    "most_before",
    "newest",
    "next_revision",
    "revision_of",
    "same_template",
    "sized",
]

HASH = "pod-template-hash"
DESIRED = "deployment.kubernetes.io/desired-replicas"
_MOST = "deployment.kubernetes.io/max-replicas"
_HISTORY = "deployment.kubernetes.io/revision-history"
_NOT_COPIED = {
    ANNOTATION_LAST_APPLIED,
    REVISION,
    DESIRED,
    _MOST,
    _HISTORY,
    "deprecated.deployment.rollback.to",
}


def revision_of(document: Mapping[str, Any]) -> int:
    """Its number; 0 when it has none."""
    annotations = document["metadata"].get("annotations") or {}
    try:
        return int(annotations.get(REVISION, 0))
    except ValueError:
        return 0


def newest(deployment: Mapping[str, Any], sets: Iterable[dict[str, Any]]) -> dict[str, Any] | None:
    """The ReplicaSet of the Deployment's present template; of several the oldest."""
    template = deployment["spec"]["template"]
    for replica_set in sorted(sets, key=lambda entry: entry["metadata"]["creationTimestamp"]):
        if same_template(replica_set["spec"]["template"], template):
            return replica_set
    return None


def same_template(left: Mapping[str, Any], right: Mapping[str, Any]) -> bool:
    """Whether two templates are equal but for the hash."""
    return _plain(left) == _plain(right)


def made(
    deployment: Mapping[str, Any], sets: Sequence[Mapping[str, Any]], bounds: Bounds, size: int
) -> dict[str, Any]:
    """A ReplicaSet of so many pods for the present template."""
    spec, metadata = deployment["spec"], deployment["metadata"]
    collisions = (deployment.get("status") or {}).get("collisionCount")
    digest = safe_hash(_plain(spec["template"]), collisions)
    template_metadata = spec["template"].get("metadata") or {}
    labels = {**(template_metadata.get("labels") or {}), HASH: digest}
    selector = spec["selector"]
    replica_set: dict[str, Any] = {
        "metadata": {
            "name": f"{metadata['name']}-{digest}",
            "namespace": metadata["namespace"],
            "labels": labels,
            "annotations": {},
            "ownerReferences": [owner_reference(deployment)],
        },
        "spec": {
            "replicas": size,
            "selector": {
                **selector,
                "matchLabels": {**(selector.get("matchLabels") or {}), HASH: digest},
            },
            "template": {**spec["template"], "metadata": {**template_metadata, "labels": labels}},
        },
    }
    if spec.get("minReadySeconds"):
        replica_set["spec"]["minReadySeconds"] = spec["minReadySeconds"]
    annotated(replica_set, deployment, next_revision(sets))
    sized(replica_set, bounds)
    return replica_set


def next_revision(old: Iterable[Mapping[str, Any]]) -> int:
    """One more than any of the old ones."""
    return max((revision_of(entry) for entry in old), default=0) + 1


def annotated(replica_set: dict[str, Any], deployment: Mapping[str, Any], revision: int) -> None:
    """Write onto the new ReplicaSet what the Deployment says, and its revision, in place."""
    annotations = replica_set["metadata"].setdefault("annotations", {})
    for name, value in (deployment["metadata"].get("annotations") or {}).items():
        if name not in _NOT_COPIED:
            annotations[name] = value
    before = revision_of(replica_set)
    if before < revision:
        annotations[REVISION] = str(revision)
        if before:
            history = [part for part in annotations.get(_HISTORY, "").split(",") if part]
            annotations[_HISTORY] = ",".join([*history, str(before)])


def sized(replica_set: dict[str, Any], bounds: Bounds) -> None:
    """Write onto a ReplicaSet which size of the Deployment it was made to fit, in place."""
    annotations = replica_set["metadata"].setdefault("annotations", {})
    annotations[DESIRED] = str(bounds.replicas)
    annotations[_MOST] = str(bounds.most)


def most_before(replica_set: Mapping[str, Any], otherwise: int) -> int:
    """How many pods there could be when the ReplicaSet was last sized."""
    return int((replica_set["metadata"].get("annotations") or {}).get(_MOST, otherwise))


def _plain(template: Mapping[str, Any]) -> dict[str, Any]:
    metadata = {
        name: value
        for name, value in (template.get("metadata") or {}).items()
        if value and name != "creationTimestamp"
    }
    labels = {name: value for name, value in metadata.get("labels", {}).items() if name != HASH}
    return {**template, "metadata": {**metadata, "labels": labels}}
