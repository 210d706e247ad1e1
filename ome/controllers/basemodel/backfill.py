"""Filling a model's spec from what its nodes read in the files, without taking it from the user.

A field is filled while the user left it unset. What was filled is remembered in an annotation with
a hash of the value: such a field follows the model when its files change, and a value that no
longer has its hash was changed by the user and is theirs.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from ome.agent.protocol import READY
from ome.api import names

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ome.agent.protocol import Config, Entry

__all__ = ["Fill", "backfill"]


@dataclass(frozen=True, slots=True)
class Fill:
    """Changes to a model: spec fields by dotted path, and the annotation that remembers them."""

    fields: Mapping[str, Any]
    annotation: str


def backfill(
    spec: Mapping[str, Any], annotations: Mapping[str, str], entries: Iterable[Entry]
) -> Fill | None:
    """What to fill, from the entries in node name order; None when nothing changes."""
    held = _remembered(annotations)
    found = _wanted(spec, entries)
    changes: dict[str, Any] = {}
    kept: dict[str, str] = {}
    for path, value in found.items():
        present = _get(spec, path)
        ours = path in held and present is not None and held[path] == _hash(present)
        if _unset(present) or (ours and present != value):
            changes[path] = value
            kept[path] = _hash(value)
        elif ours:
            kept[path] = held[path]
    for path, mark in held.items():
        present = _get(spec, path)
        if path not in found and present is not None and mark == _hash(present):
            kept[path] = mark
    text = ",".join(f"{path}={kept[path]}" for path in sorted(kept))
    if not changes and text == annotations.get(names.ANNOTATION_AUTO_FILLED_FIELDS, ""):
        return None
    return Fill(changes, text)


def _remembered(annotations: Mapping[str, str]) -> dict[str, str]:
    text = annotations.get(names.ANNOTATION_AUTO_FILLED_FIELDS, "")
    pairs = (item.partition("=") for item in text.split(",") if "=" in item)
    return {path: mark for path, _, mark in pairs}


def _wanted(spec: Mapping[str, Any], entries: Iterable[Entry]) -> dict[str, Any]:
    """The value for each field: that of the first node that has one."""
    found: dict[str, Any] = {}
    for entry in entries:
        if entry.config is not None:
            for path, value in _of_config(spec, entry.config).items():
                found.setdefault(path, value)
        if entry.status == READY and entry.path:
            found.setdefault("storage.path", entry.path)
    return found


def _of_config(spec: Mapping[str, Any], config: Config) -> dict[str, Any]:
    framework = {key: value for key, value in config.model_framework.items() if value}
    values: dict[str, Any] = {
        "modelType": config.model_type,
        "modelArchitecture": config.model_architecture,
        "modelParameterSize": ""
        if config.model_parameter_size == "0"
        else (config.model_parameter_size),
        "modelCapabilities": list(config.model_capabilities),
        "apiCapabilities": list(config.api_capabilities),
        "modelFramework": framework if framework.get("name") else None,
        "maxTokens": max(config.max_tokens, 0),
        "quantization": config.quantization,
        "modelConfiguration": config.decoded_model_configuration,
        "diffusionPipeline": config.diffusion_pipeline,
    }
    name, version = config.model_format.get("name", ""), config.model_format.get("version", "")
    written = (spec.get("modelFormat") or {}).get("name") or ""
    if name:
        values["modelFormat.name"] = name
        # A version belongs to its format: it is only filled under the same name.
        if version and written.lower() in ("", name.lower()):
            values["modelFormat.version"] = version
    return {path: value for path, value in values.items() if not _unset(value)}


def _unset(value: Any) -> bool:
    return value is None or value in ("", 0) or value == [] or value == {}


def _get(spec: Mapping[str, Any], path: str) -> Any:
    value: Any = spec
    for part in path.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    # The API server writes defaults beside what was filled.
    if path == "modelFramework" and isinstance(value, dict):
        return {key: item for key, item in value.items() if key in ("name", "version")}
    return value


def _hash(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return sha256(text.encode()).hexdigest()[:8]
