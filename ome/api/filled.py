"""Which fields of a model's spec its user wrote, and which OME filled in.

What was filled stands in an annotation: dotted paths, each with a hash of its value. A value that
no longer has its hash was changed by the user and is theirs.
"""

from __future__ import annotations

import json
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from ome.api import names

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "FOUND_PATH",
    "as_written",
    "mark_of",
    "remembered",
    "still_filled",
    "storage_to_fetch",
    "value_at",
]

FOUND_PATH = "storage.path.found"
"""Beside the mark of a filled ``storage.path``: it is where files were that nobody fetched."""


def remembered(annotations: Mapping[str, str]) -> dict[str, str]:
    """The fields of a model's spec that were filled, by dotted path, each with its hash."""
    text = annotations.get(names.ANNOTATION_AUTO_FILLED_FIELDS, "")
    pairs = (item.strip().partition("=") for item in text.split(",") if "=" in item)
    return {path: mark for path, _, mark in pairs}


def still_filled(spec: Mapping[str, Any], annotations: Mapping[str, str]) -> dict[str, str]:
    """Those of them that nobody changed since."""
    return {
        path: mark
        for path, mark in remembered(annotations).items()
        if (present := value_at(spec, path)) is not None and mark_of(present) == mark
    }


def as_written(spec: Mapping[str, Any], annotations: Mapping[str, str]) -> dict[str, Any]:
    """A model's spec without what was filled: as its user wrote it."""
    written = dict(spec)
    for path in still_filled(spec, annotations):
        top, _, inner = path.partition(".")
        # The annotation may be written by hand, and name a field and what is in it.
        if not inner:
            written.pop(top, None)
        elif top in written:
            written[top] = {key: value for key, value in written[top].items() if key != inner}
    return written


def storage_to_fetch(spec: Mapping[str, Any], annotations: Mapping[str, str]) -> dict[str, Any]:
    """A model's storage for an agent: without a path that was filled in from ``local://``.

    Such a directory is its user's; what is fetched when the URI becomes another one goes elsewhere.
    """
    storage = dict(spec.get("storage") or {})
    if mark_of(storage.get("path")) == remembered(annotations).get(FOUND_PATH):
        storage.pop("path", None)
    return storage


def value_at(spec: Mapping[str, Any], path: str) -> Any:
    """The value of a field that may be filled; None when it is absent."""
    value: Any = spec
    for part in path.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    # The API server writes defaults beside what was filled.
    if path == "modelFramework" and isinstance(value, dict):
        return {key: item for key, item in value.items() if key in ("name", "version")}
    return value


def mark_of(value: Any) -> str:
    """The hash by which a value is known again."""
    text = json.dumps(_plain(value), sort_keys=True, separators=(",", ":"))
    return sha256(text.encode()).hexdigest()[:8]


def _plain(value: Any) -> Any:
    """The API server stores 1.0 as 1."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
