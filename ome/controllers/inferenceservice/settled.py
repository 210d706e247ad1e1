"""What pods that run say about their model is no reason to replace them.

Labels and annotations of a pod tell its model's vendor, size and format. The agents find those out
while the first pods start, and people correct them later; nothing in a running pod reads them. So
they stay as they are until something that matters changes the pods, and come along then.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from ome.api import names
from ome.controllers.inferenceservice.workload import pod_templates, same_pods

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["settled"]

_TELLING: Mapping[str, tuple[str, ...]] = {
    "labels": (names.LABEL_BASE_MODEL_SIZE, names.LABEL_BASE_MODEL_VENDOR),
    "annotations": (
        names.ANNOTATION_BASE_MODEL_VENDOR,
        names.ANNOTATION_BASE_MODEL_FORMAT,
        names.ANNOTATION_BASE_MODEL_FORMAT_VERSION,
    ),
}


def settled(live: Mapping[str, Any] | None, desired: dict[str, Any]) -> dict[str, Any]:
    """The workload to write: with the words of the live pods where nothing else is new of them."""
    if live is None or same_pods(live, desired):
        return desired
    kept = copy.deepcopy(desired)
    theirs, ours = pod_templates(live), pod_templates(kept)
    if len(theirs) != len(ours):
        return desired
    for there, here in zip(theirs, ours, strict=True):
        for part, keys in _TELLING.items():
            held, planned = _words(there, part), _words(here, part)
            words = {key: text for key, text in planned.items() if key not in keys}
            words |= {key: held[key] for key in keys if key in held}
            if words != planned:
                here.setdefault("metadata", {})[part] = words
    return kept if same_pods(live, kept) else desired


def _words(template: Mapping[str, Any], part: str) -> Mapping[str, str]:
    return (template.get("metadata") or {}).get(part) or {}
