"""What merely describes a service is no reason to replace pods that run.

Pods carry words of two kinds that nothing in them reads. Some tell of their model: the agents find
out its vendor, size and format while the first pods start, and people correct them later. The
others are the labels and annotations of the service itself (``kubectl label``, a GitOps tool, a
webhook), but for those that shape pods (``names.POD_SHAPING_PREFIXES``) and those that a component
asks for in its spec; of these only what is about its autoscaler or its Service
(``names.BESIDE_POD_PREFIXES``) replaces no pods either. All of them stay on the pods as they are
until something that matters changes the pods, and come along then.

Which words are the service's own is written on each workload (``ome.io/passed-on``): one that was
taken away since cannot be told otherwise from one that a component no longer asks for.
"""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

from ome.api import names
from ome.api.jsontext import read_json
from ome.controllers.inferenceservice.workload import planned_hash, pod_metadata, same_pods

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["essence_hash", "marked", "settled"]

_TELLING: Mapping[str, frozenset[str]] = {
    "labels": frozenset({names.LABEL_BASE_MODEL_SIZE, names.LABEL_BASE_MODEL_VENDOR}),
    "annotations": frozenset(
        {
            names.ANNOTATION_BASE_MODEL_VENDOR,
            names.ANNOTATION_BASE_MODEL_FORMAT,
            names.ANNOTATION_BASE_MODEL_FORMAT_VERSION,
        }
    ),
}


_BESIDE = "beside"


def marked(workload: Mapping[str, Any], passed_on: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """A planned workload that says which words of its pods are those of the service."""
    held = {part: sorted(keys) for part, keys in sorted(passed_on.items()) if keys}
    metadata = workload["metadata"]
    annotations = dict(metadata.get("annotations") or {})
    annotations.pop(names.ANNOTATION_PASSED_ON, None)
    if held:
        text = json.dumps(held, separators=(",", ":"))
        annotations[names.ANNOTATION_PASSED_ON] = text
    return {**workload, "metadata": {**metadata, "annotations": annotations}}


def settled(live: Mapping[str, Any] | None, desired: dict[str, Any]) -> dict[str, Any]:
    """The workload to write: with the words of the live pods where nothing else is new of them."""
    if live is None or same_pods(live, desired):
        return desired
    kept = copy.deepcopy(desired)
    theirs, ours = pod_metadata(live), pod_metadata(kept)
    if len(theirs) != len(ours):
        return desired
    before, now = _passed_on(live), _passed_on(desired)
    still = {part: set(keys) for part, keys in now.items()}
    for there, here in zip(theirs, ours, strict=True):
        for part in _TELLING:
            held, planned = there.get(part) or {}, here.get(part) or {}
            passed = _settling(part, before, now[part], held, planned)
            words = {key: text for key, text in planned.items() if key not in passed}
            words |= {key: held[key] for key in passed if key in held}
            still[part] |= {key for key in passed - _TELLING[part] if key in held}
            if words != planned:
                here[part] = words
    kept = marked(kept, {part: sorted(keys) for part, keys in still.items()})
    return kept if same_pods(live, kept) else desired


def _settling(
    part: str,
    before: Mapping[str, frozenset[str]],
    now: frozenset[str],
    held: Mapping[str, str],
    planned: Mapping[str, str],
) -> frozenset[str]:
    """The words that stay as they are; not one that a component asks for, or asked for before."""
    was = before[part]
    recorded = any(before.values())
    mine = {key for key in now if key in was or key not in held or not recorded}
    return _TELLING[part] | mine | {key for key in was if key not in planned}


def essence_hash(workload: Mapping[str, Any], *, beside: bool = True) -> str:
    """A hash of the planned pods without the words that settle.

    Without ``beside`` as it was when the words that a component asks for all counted.
    """
    bare = copy.deepcopy(dict(workload))
    passed = _passed_on(workload, beside=beside)
    for metadata in pod_metadata(bare):
        for part, telling in _TELLING.items():
            words: Mapping[str, str] = metadata.get(part) or {}
            gone = telling | passed[part]
            metadata[part] = {key: text for key, text in words.items() if key not in gone}
    return planned_hash(bare)


def _passed_on(workload: Mapping[str, Any], *, beside: bool = True) -> dict[str, frozenset[str]]:
    """The keys that a workload says are those of its service, or are about something beside it."""
    annotations = workload["metadata"].get("annotations") or {}
    try:
        said = read_json(annotations.get(names.ANNOTATION_PASSED_ON) or "{}")
    except ValueError:
        said = {}  # not as we wrote it
    parts = said if isinstance(said, dict) else {}

    def keys(part: str) -> frozenset[str]:
        held = parts.get(part)
        return frozenset(map(str, held)) if isinstance(held, list) else frozenset()

    found = {part: keys(part) for part in _TELLING}
    if beside:
        found["annotations"] |= keys(_BESIDE)
    return found
