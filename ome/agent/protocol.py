"""What agents and controllers say to each other: one entry for each model of a node.

A node has one ConfigMap; its data holds one JSON entry under the key of each model. Agents of other
versions write entries too, so readers take what they know and ignore the rest.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Any

import msgspec

from ome.api import names

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "DELETED",
    "FAILED",
    "NOT_REMOVED",
    "READY",
    "STATES",
    "UPDATING",
    "Artifact",
    "Config",
    "Entry",
    "EntryError",
    "Progress",
    "decode_entry",
    "encode_entry",
    "fingerprint",
    "in_a_line",
    "slim",
    "status_config_map",
]

READY = "Ready"
UPDATING = "Updating"
FAILED = "Failed"
DELETED = "Deleted"
STATES = frozenset({READY, UPDATING, FAILED, DELETED})
"""All that an entry of ours can be in."""
NOT_REMOVED = "not_removed"
"""Reason of the error of a model that is deleted and whose files could not be removed."""


class Artifact(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """Where the files of a model really are on a node."""

    sha: str = ""
    parent_path: dict[str, str] | None = None
    children_paths: list[str] | None = None
    reserved: bool | msgspec.UnsetType = msgspec.UNSET
    """Ours only, on a link: its files stay although their owner is gone."""


class Config(msgspec.Struct, frozen=True, weakref=True, rename="camel", omit_defaults=True):
    """What a node read from the model's files; empty members but ``artifact`` are left out."""

    model_type: str = ""
    model_architecture: str = ""
    model_framework: dict[str, str] = {}
    model_format: dict[str, str] = {}
    model_parameter_size: str = ""
    max_tokens: int = 0
    model_capabilities: list[str] = []
    api_capabilities: list[str] = []
    decoded_model_configuration: dict[str, Any] | None = None
    quantization: str = ""
    diffusion_pipeline: dict[str, Any] | None = None
    artifact: Artifact | None = msgspec.field(default_factory=Artifact)


class Progress(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """How far a download is; bytes, files and bytes per second. All members are written."""

    phase: str = ""
    total_bytes: int = 0
    completed_bytes: int = 0
    total_files: int = 0
    completed_files: int = 0
    speed_bytes_per_sec: float = 0.0
    last_updated: str = ""


class EntryError(msgspec.Struct, frozen=True, gc=False):
    """The last problem of a model on a node; never holds a credential."""

    reason: str = ""
    message: str = ""


class Entry(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """The state of one model on one node."""

    name: str = ""
    status: str = ""
    path: str = ""
    error: EntryError | None = None
    config: Config | None = None
    progress: Progress | None = None


_LONGEST_ERROR = 2000
_DEEPEST = 64
_LARGEST_PIPELINE = 16 * 1024
_DECODER = msgspec.json.Decoder(Entry)


def decode_entry(text: str) -> Entry | None:
    """The entry, or None when the text is not one. A ``null`` is a member that is absent.

    What is nested as no configuration is, is none either: it would stop those who walk through it.
    """
    try:
        entry: Entry | None = _DECODER.decode(text)
    except msgspec.ValidationError:
        entry = _without_nulls(text)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return None
    if text.count("{") + text.count("[") > _DEEPEST and entry is not None and _is_deep(entry):
        return None
    return entry


def _is_deep(entry: Entry) -> bool:
    config = entry.config or Config()
    level: list[Any] = [config.decoded_model_configuration, config.diffusion_pipeline]
    for _ in range(_DEEPEST):
        insides = (item.values() if isinstance(item, dict) else item for item in level)
        level = [one for inside in insides for one in inside or () if isinstance(one, (dict, list))]
    return bool(level)


def _without_nulls(text: str) -> Entry | None:
    """Go writes null for what is empty and reads it as that; so do we, off the usual path."""
    try:
        return msgspec.convert(_pruned(msgspec.json.decode(text)), Entry)
    except (msgspec.DecodeError, RecursionError):
        return None


def _pruned(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _pruned(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_pruned(item) for item in value if item is not None]
    return value


def encode_entry(entry: Entry) -> str:
    """The entry as JSON text."""
    return msgspec.json.encode(entry).decode()


def slim(text: str) -> str:
    """The entry without its largest parts: the decoded configuration, and whatever has no bound."""
    entry = decode_entry(text)
    if entry is None:
        return text
    error, config = entry.error, entry.config
    if error is not None:
        error = EntryError(in_a_line(error.reason), in_a_line(error.message))
    if config is not None:
        pipeline = config.diffusion_pipeline
        if len(msgspec.json.encode(pipeline)) > _LARGEST_PIPELINE:
            pipeline = None
        config = msgspec.structs.replace(
            config, decoded_model_configuration=None, diffusion_pipeline=pipeline
        )
    if (error, config) == (entry.error, entry.config):
        return text
    return encode_entry(msgspec.structs.replace(entry, error=error, config=config))


def in_a_line(text: str) -> str:
    """A text of others as errors quote it: one line, not endless, and of whole characters."""
    line = " ".join(text[: 4 * _LONGEST_ERROR].split())
    line = line if len(line) <= _LONGEST_ERROR else line[: _LONGEST_ERROR - 3] + "..."
    return line.encode(errors="replace").decode()


def fingerprint(entry: Entry) -> bytes:
    """What of an entry concerns the controllers: everything but the progress."""
    relevant = msgspec.structs.replace(entry, progress=None)
    return sha256(msgspec.json.encode(relevant)).digest()[:12]


def status_config_map(node: str, namespace: str, data: Mapping[str, str]) -> dict[str, Any]:
    """The ConfigMap of a node with all the metadata that readers ask for."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": node,
            "namespace": namespace,
            "labels": {names.LABEL_MODEL_STATUS: "true", names.LABEL_NODE: node},
            "annotations": {
                names.ANNOTATION_NODE_NAME: node,
                names.ANNOTATION_MANAGED_BY: "model-agent",
            },
        },
        "data": dict(data),
    }
