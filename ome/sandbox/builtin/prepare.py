"""What a write may touch: status and spec have writers of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ome.sandbox.builtin.defaults import fill_status, set_defaults
from ome.sandbox.builtin.facts import has_generation, has_status
from ome.sandbox.builtin.qos import qos_class

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["bumps_generation", "prepare_create", "prepare_update"]

_CRD = ("apiextensions.k8s.io", "CustomResourceDefinition")
_JOB = ("batch", "Job")
_NAMESPACE = ("", "Namespace")
_NODE = ("", "Node")
_POD = ("", "Pod")
_VOLUME = ("", "PersistentVolume")
_LABELS_WITH_SPEC = frozenset((("apps", "Deployment"), ("apps", "ReplicaSet")))
_GATED = {
    "type": "PodScheduled",
    "status": "False",
    "lastProbeTime": None,
    "reason": "SchedulingGated",
    "message": "Scheduling is blocked due to non-empty scheduling gates",
}


def prepare_create(gk: tuple[str, str], document: dict[str, Any]) -> None:
    """Replace the status by that of a new object, in place; nodes bring theirs.

    Wants the server's metadata set: jobs select by their uid. Defaults are filled in, since what
    a user left out or said as null is looked at. Raises ``Refused`` 400 for what is no quantity.
    """
    if not has_status(gk):
        return
    set_defaults(gk, document)
    if gk != _NODE:
        document["status"] = {}
    fill_status(gk, document)
    now = document["metadata"].get("creationTimestamp")
    if gk == _POD:
        _begin_pod(document, now)
    elif gk == _JOB:
        _select_by_uid(document)
    elif gk == _VOLUME:
        document["status"]["lastPhaseTransitionTime"] = now
    elif gk == _CRD:
        document["status"]["storedVersions"] = _storage_versions(document)


def prepare_update(
    gk: tuple[str, str], document: dict[str, Any], old: Mapping[str, Any], subresource: str
) -> None:
    """Bring back what the write may not touch, in place."""
    if subresource == "status":
        _keep(document, old, (name for name in old if name not in ("metadata", "status")))
        _keep_metadata(gk, document["metadata"], old["metadata"])
        if gk == _POD and "qosClass" in old.get("status", {}):
            document["status"] = document.get("status") or {}
            document["status"].setdefault("qosClass", old["status"]["qosClass"])
        return
    if has_status(gk):
        _keep(document, old, ("status",))
    if gk == _NAMESPACE and subresource != "finalize":
        _keep(document, old, ("spec",))


def bumps_generation(gk: tuple[str, str], old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Whether the change from ``old`` to ``new`` counts as a new generation."""
    if not has_generation(gk):
        return False
    if any(old.get(name) != new.get(name) for name in {*old, *new} - {"metadata", "status"}):
        return True
    # A Deployment's annotations are copied to its ReplicaSets, so they count as desired state.
    return gk == ("apps", "Deployment") and (old["metadata"].get("annotations") or {}) != (
        new["metadata"].get("annotations") or {}
    )


def _begin_pod(pod: dict[str, Any], now: str | None) -> None:
    pod["status"]["qosClass"] = qos_class(pod["spec"])
    if pod["spec"].get("schedulingGates"):
        pod["status"]["conditions"] = [{**_GATED, "lastTransitionTime": now}]


def _select_by_uid(job: dict[str, Any]) -> None:
    """Labels of the job and its pods, and the selector, unless the user manages them."""
    metadata, spec = job["metadata"], job["spec"]
    if spec.get("manualSelector"):
        return
    spec["manualSelector"] = False
    unique = {
        "batch.kubernetes.io/controller-uid": metadata["uid"],
        "batch.kubernetes.io/job-name": metadata.get("name", ""),
        "controller-uid": metadata["uid"],
        "job-name": metadata.get("name", ""),
    }
    labels = spec["template"].setdefault("metadata", {}).setdefault("labels", {})
    labels.update(unique)
    # A job without labels of its own takes those of its pods.
    if not metadata.get("labels"):
        metadata["labels"] = dict(labels)
    selector = spec.setdefault("selector", {}).setdefault("matchLabels", {})
    selector["batch.kubernetes.io/controller-uid"] = metadata["uid"]


def _storage_versions(crd: Mapping[str, Any]) -> list[str] | None:
    versions = crd["spec"].get("versions") or ()
    stored = dict.fromkeys(
        version.get("name", "") for version in versions if version.get("storage")
    )
    return list(stored) or None


def _keep(document: dict[str, Any], old: Mapping[str, Any], names: Iterable[str]) -> None:
    for name in names:
        if name in old:
            document[name] = old[name]
        else:
            document.pop(name, None)


def _keep_metadata(gk: tuple[str, str], metadata: dict[str, Any], old: Mapping[str, Any]) -> None:
    """Writers of a status keep some of the metadata as it is; which, differs by kind."""
    if gk == _POD:
        _keep(metadata, old, ("ownerReferences",))
    elif gk in _LABELS_WITH_SPEC:
        _keep(metadata, old, ("labels",))
    elif gk == _CRD:
        _keep(
            metadata, old, ("labels", "annotations", "finalizers", "ownerReferences", "generation")
        )
