"""Placeholders of the main container: the service's name, namespace, labels and annotations.

Only these forms are replaced, with literal values; every other ``{{...}}`` (a chat template, say)
is left as it is.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ome.api import ObjectMeta

__all__ = ["fill"]

_FORM = re.compile(
    r"""\{\{-?\s*(?:
        \.(?P<field>Name|Namespace)
      | \.(?P<map>Labels|Annotations)\.(?P<key>[A-Za-z0-9_]+)
      | index\s+\.(?P<imap>Labels|Annotations)\s+"(?P<ikey>[^"]*)"
    )\s*-?\}\}""",
    re.VERBOSE,
)


def fill(value: Any, metadata: ObjectMeta) -> Any:
    """A copy of a JSON value with the placeholders in its strings replaced."""
    if isinstance(value, str):
        return _fill_text(value, metadata) if "{{" in value else value
    if isinstance(value, dict):
        return {_key(key, metadata): fill(item, metadata) for key, item in value.items()}
    if isinstance(value, list):
        return [fill(item, metadata) for item in value]
    return value


def _key(key: str, metadata: ObjectMeta) -> str:
    return _fill_text(key, metadata) if "{{" in key else key


def _fill_text(text: str, metadata: ObjectMeta) -> str:
    maps: Mapping[str, Mapping[str, str]] = {
        "Labels": metadata.labels,
        "Annotations": metadata.annotations,
    }

    def value(found: re.Match[str]) -> str:
        if found["field"]:
            return metadata.name if found["field"] == "Name" else metadata.namespace
        if found["map"]:
            return maps[found["map"]].get(found["key"], "")
        return maps[found["imap"]].get(found["ikey"], "")

    return _FORM.sub(value, text)
