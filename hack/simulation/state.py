"""What a cluster has come to, without what tells one run from another: stamps, uids, counters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ome.api import names
from ome.controllers.resources import (
    CLUSTER_BASE_MODELS,
    CLUSTER_SERVING_RUNTIMES,
    INFERENCE_SERVICES,
)
from ome.kube.resources import CONFIGMAPS, DEPLOYMENTS, HPAS, NODES, PODS, SERVICES

from .documents import NAMESPACE, OPERATOR

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ome.kube.resource import ObjectKey
    from ome.sandbox.local import LocalApi
    from ome.sandbox.stored import Stored

__all__ = ["Observer", "State", "differences"]

State = dict[str, Any]
_WHOLE = (
    CLUSTER_BASE_MODELS,
    CLUSTER_SERVING_RUNTIMES,
    INFERENCE_SERVICES,
    CONFIGMAPS,
    SERVICES,
    HPAS,
)
_DROPPED = frozenset(
    {
        "uid",
        "resourceVersion",
        "generation",
        "creationTimestamp",
        "managedFields",
        "lastTransitionTime",
        "lastUpdateTime",
        "observedGeneration",
        "lastScaleTime",
        "lastFailureInfo",  # tells of the past, which differs
        "clusterIP",
        "clusterIPs",
        names.ANNOTATION_APPLIED_HASH,
        names.ANNOTATION_DEPLOYMENT_REVISION,
        "ome.io/service-generation",
        "latestCreatedRevision",
        "latestReadyRevision",
        "latestRolledoutRevision",
        "previousRolledoutRevision",
    }
)


class Observer:
    """Looks at a cluster again and again; what has not changed is not read again."""

    def __init__(self, local: LocalApi) -> None:
        self._local = local
        self._read: dict[tuple[str, ObjectKey], tuple[int, Any]] = {}

    def look(self) -> State:
        """Every object that users or the operator care about, by its kind and key."""
        found: State = {}
        for resource in (*_WHOLE, DEPLOYMENTS):
            for stored in self._local.list(resource):
                if stored.key.namespace in ("", NAMESPACE, OPERATOR):
                    found[f"{resource.kind} {stored.key}"] = self._of(resource.kind, stored)
        for name in [name for name, value in found.items() if _says_nothing(value)]:
            del found[name]
        return found | _nodes(self._local) | _pods(self._local)

    def _of(self, kind: str, stored: Stored) -> Any:
        version, value = self._read.get((kind, stored.key), (0, None))
        if version != stored.version:
            document = stored.load()
            if kind == "Deployment":
                document["status"] = {
                    name: number
                    for name, number in (document.get("status") or {}).items()
                    if name.endswith("eplicas")
                }
            value = _plain(document)
            self._read[kind, stored.key] = (stored.version, value)
        return value


def _says_nothing(value: Any) -> bool:
    """Whether this is the report of a node without models: as good as none."""
    labels = value["metadata"].get("labels") or {}
    return names.LABEL_MODEL_STATUS in labels and not value.get("data")


def _nodes(local: LocalApi) -> State:
    """The labels that agents set."""
    found: State = {}
    for stored in local.list(NODES):
        labels = {
            name: value
            for name, value in stored.labels.items()
            if name.startswith(names.NODE_LABEL_PREFIX)
        }
        found[f"Node {stored.key.name}"] = {"labels": labels}
    return found


def _pods(local: LocalApi) -> State:
    """How many pods of each workload are there: their names and places are by chance."""
    counts: dict[str, int] = {}
    for stored in local.list(PODS, NAMESPACE):
        document = stored.load()
        images = ",".join(entry["image"] for entry in document["spec"]["containers"])
        phase = (document.get("status") or {}).get("phase")
        name = document["metadata"].get("generateName", "").rsplit("-", 2)[0]
        label = f"Pods of {name} {images} {phase}"
        counts[label] = counts.get(label, 0) + 1
    return dict(counts)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items() if key not in _DROPPED}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value


def differences(expected: Mapping[str, Any], found: Mapping[str, Any]) -> Iterator[str]:
    """One line for each leaf that differs."""
    for key in sorted(expected.keys() | found.keys()):
        yield from _differ(key, expected.get(key), found.get(key))


def _differ(path: str, expected: Any, found: Any) -> Iterator[str]:
    if expected == found:
        return
    if isinstance(expected, dict) and isinstance(found, dict):
        for key in sorted(expected.keys() | found.keys()):
            yield from _differ(f"{path} .{key}", expected.get(key), found.get(key))
    elif isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        for index, (left, right) in enumerate(zip(expected, found, strict=True)):
            yield from _differ(f"{path}[{index}]", left, right)
    else:
        yield f"{path}: expected {_short(expected)}, found {_short(found)}"


def _short(value: Any) -> str:
    text = "nothing" if value is None else repr(value)
    return text if len(text) <= 200 else f"{text[:200]}..."
