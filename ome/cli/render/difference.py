"""How the objects of a service differ from those that a cluster has, as text."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

import yaml

from ome.api import names
from ome.controllers.inferenceservice.workload import is_workload, same_pods
from ome.kube.compare import contains
from ome.kube.resource import ObjectKey

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ome.cli.render.cluster import Found
    from ome.cli.render.plans import Rendered

__all__ = ["difference"]

_NOTES = frozenset({names.ANNOTATION_PASSED_ON, names.ANNOTATION_PLANNED_HASH})


def difference(item: Rendered, found: Found) -> Iterator[str]:
    """One text for each object that would be made, changed or deleted.

    Fields that only the cluster's object has are not shown: they are defaults, or somebody else's.
    """
    planned = set()
    for desired in item.objects:
        metadata = desired["metadata"]
        key = ObjectKey(metadata["namespace"], metadata["name"])
        planned.add((desired["apiVersion"], desired["kind"], key))
        live = found.cached(desired["apiVersion"], desired["kind"], key)
        if live is None:
            yield _text(desired, "is made", {}, _wanted(desired, live))
            continue
        rolls = False
        if is_workload(desired):
            desired = item.written(live, desired)
            rolls = not same_pods(live, desired)
        wanted = _wanted(desired, live)
        if rolls or not contains(live, wanted):
            what = "changes, and its pods are replaced" if rolls else "changes"
            yield _text(desired, what, _shared(live, wanted), wanted)
    if item.problem or not item.uid:
        return
    for live in found.of(item.service, item.uid):
        key = ObjectKey(live["metadata"]["namespace"], live["metadata"]["name"])
        if (live["apiVersion"], live["kind"], key) not in planned:
            yield f"# {live['kind']} {key} is deleted\n"


def _wanted(desired: Mapping[str, Any], live: Mapping[str, Any] | None) -> dict[str, Any]:
    """What is compared: not the owner of an object that is new, nor a number others may change."""
    metadata = dict(desired["metadata"])
    if live is None:
        metadata.pop("ownerReferences", None)
        return {**desired, "metadata": metadata}
    annotations = metadata.get("annotations") or {}
    # Our own notes of what was planned: they change with it, and tell a user nothing.
    metadata["annotations"] = {key: text for key, text in annotations.items() if key not in _NOTES}
    spec = dict(desired.get("spec") or {})
    spec.pop("replicas", None)
    return {**desired, "metadata": metadata} | ({"spec": spec} if spec else {})


def _text(
    desired: Mapping[str, Any], what: str, before: Mapping[str, Any], after: Mapping[str, Any]
) -> str:
    metadata = desired["metadata"]
    head = f"# {desired['kind']} {metadata['namespace']}/{metadata['name']} {what}\n"
    old, new = (_lines(side) for side in (before, after))
    diff = list(difflib.unified_diff(old, new, n=3))[2:]
    return head + "".join(diff)


def _lines(document: Mapping[str, Any]) -> list[str]:
    if not document:
        return []
    return yaml.safe_dump(document, sort_keys=True, width=100).splitlines(keepends=True)


def _shared(live: Any, desired: Any) -> Any:
    """What ``live`` has at the places that ``desired`` speaks of, in its words where they agree."""
    if isinstance(live, dict) and isinstance(desired, dict):
        return {
            name: desired[name]
            if contains({name: live[name]}, {name: desired[name]})
            else _shared(live[name], desired[name])
            for name in desired
            if name in live
        }
    if isinstance(live, list) and isinstance(desired, list):
        named = {item.get("name"): item for item in desired if isinstance(item, dict)}
        if len(named) == len(desired) and None not in named:
            return [
                _shared(item, named[item["name"]])
                if isinstance(item, dict) and item.get("name") in named
                else item
                for item in live
            ]
        if len(live) == len(desired):
            return [_shared(one, other) for one, other in zip(live, desired, strict=True)]
    return live
