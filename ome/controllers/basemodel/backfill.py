"""Filling a model's spec from what its nodes read in the files, without taking it from the user.

A field is filled while the user left it unset. What was filled is remembered in an annotation with
a hash of the value: such a field follows the model when its files change, and a value that no
longer has its hash was changed by the user and is theirs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ome.agent.protocol import READY
from ome.api import names
from ome.api.filled import FOUND_PATH, mark_of, remembered, still_filled, value_at
from ome.kube.apply import pointer

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ome.agent.protocol import Config, Entry

__all__ = ["GO_CONFIGURATION", "Fill", "backfill", "skips_parsing"]

GO_CONFIGURATION = frozenset(
    {
        "model_type",
        "architecture",
        "context_length",
        "parameter_count",
        "has_vision",
        "is_embedding",
        "transformers_version",
        "torch_dtype",
        "model_size_bytes",
    }
)
"""The keys of a ``modelConfiguration`` that the Go operator filled: such a one is not a user's."""

_MOST_TOKENS = 2**31 - 1
_VANISHING = frozenset(
    {"modelArchitecture", "modelParameterSize", "maxTokens", "quantization", "diffusionPipeline"}
)
"""What the files of one model say and those of the next may not."""
_PIPELINE = "diffusers"
_NOT_ON_NODES = ("vendor", "pvc")
_PATH = "storage.path"
_FORMAT = "modelFormat.name"
_VERSION = "modelFormat.version"


@dataclass(frozen=True, slots=True)
class Fill:
    """Changes to a model: spec fields by dotted path, and the annotation that remembers them.

    None stands for a field that is removed.
    """

    fields: Mapping[str, Any]
    annotation: str

    def spec(self, before: Mapping[str, Any]) -> dict[str, Any]:
        """The top-level fields that change, each with its whole new value; not those that go."""
        changed: dict[str, Any] = {}
        for path, value in self.fields.items():
            top, _, inner = path.partition(".")
            if value is None and not inner:
                continue
            present = before.get(top)
            whole = changed.setdefault(top, dict(present) if isinstance(present, dict) else {})
            if inner and value is None:
                whole.pop(inner, None)
            elif inner:
                whole[inner] = value
            elif top == "modelFramework":
                # What stands beside name and version is the user's or the server's.
                changed[top] = {**_without_version(whole), **value}
            else:
                changed[top] = value
        return changed

    @property
    def removed(self) -> list[str]:
        """The top-level fields that go."""
        return [path for path, value in self.fields.items() if value is None and "." not in path]

    def ops(self, document: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The JSON patch operations that write it to a model as it is stored."""
        spec = document.get("spec") or {}
        found: list[dict[str, Any]] = [
            {"op": "add", "path": pointer("spec", field), "value": value}
            for field, value in self.spec(spec).items()
        ]
        found += [{"op": "remove", "path": pointer("spec", field)} for field in self.removed]
        if not document["metadata"].get("annotations"):
            found.append({"op": "add", "path": "/metadata/annotations", "value": {}})
        path = pointer("metadata", "annotations", names.ANNOTATION_AUTO_FILLED_FIELDS)
        return [*found, {"op": "add", "path": path, "value": self.annotation}]


def backfill(
    spec: Mapping[str, Any], annotations: Mapping[str, str], entries: Iterable[Entry]
) -> Fill | None:
    """What to fill, from the entries in node name order; None when nothing changes."""
    held, reports = still_filled(spec, annotations), list(entries)
    skip = skips_parsing(annotations)
    found = _wanted(spec, held, reports, skip=skip)
    changes: dict[str, Any] = {}
    kept = dict(held)
    for path, value in found.items():
        present = value_at(spec, path)
        if _unset(present) or (_ours(path, present, held) and present != value):
            changes[path] = value
            kept[path] = mark_of(value)
    if _FORMAT in changes and _VERSION in held and _VERSION not in found:
        # The version of the former format says nothing of the new one.
        changes[_VERSION] = None
        del kept[_VERSION]
    gone = [] if skip else _gone(held, found, reports)
    elsewhere = _only_place(spec) not in (None, value_at(spec, _PATH))
    if elsewhere and _PATH in held and _PATH not in changes:
        gone.append(_PATH)
    for path in gone:
        changes[path] = None
        del kept[path]
    if _PATH in kept and (
        _only_place(spec) or remembered(annotations).get(FOUND_PATH) == kept[_PATH]
    ):
        kept[FOUND_PATH] = kept[_PATH]
    text = ",".join(f"{path}={kept[path]}" for path in sorted(kept))
    if not changes and text == annotations.get(names.ANNOTATION_AUTO_FILLED_FIELDS, ""):
        return None
    return Fill(changes, text)


def skips_parsing(annotations: Mapping[str, str]) -> bool:
    """Whether the user wants nothing of the files' configuration in the spec."""
    return any(
        annotations.get(name, "").lower() == "true" for name in names.ANNOTATION_SKIP_CONFIG_PARSING
    )


def _ours(path: str, present: Any, held: Mapping[str, str]) -> bool:
    """Whether the present value was filled by us, or by the Go operator before us."""
    if path == "modelConfiguration" and isinstance(present, dict):
        return path in held or present.keys() == GO_CONFIGURATION
    return path in held


def _wanted(
    spec: Mapping[str, Any], held: Mapping[str, str], entries: list[Entry], *, skip: bool
) -> dict[str, Any]:
    """The value for each field: that of the first node that has one."""
    found: dict[str, Any] = {}
    seen: set[int] = set()
    for entry in entries:
        # Equal configs are one object (see the aggregate), so each is looked at once.
        if entry.config is not None and id(entry.config) not in seen and not skip:
            seen.add(id(entry.config))
            values = _of_config(entry.config)
            if found.get(_FORMAT, values.get(_FORMAT)) != values.get(_FORMAT):
                values.pop(_VERSION, None)  # name and version come from one node
            found = {**values, **found}
    _agree(spec, held, found)
    only = _only_place(spec)
    paths = [entry.path for entry in entries if entry.status == READY and entry.path]
    paths = [path for path in paths if only in (None, path)]
    # Nodes may have different roots: a path that is filled and true of a node stays.
    if paths and value_at(spec, _PATH) not in paths:
        found[_PATH] = paths[0]
    return found


def _gone(held: Mapping[str, str], found: Mapping[str, Any], entries: list[Entry]) -> list[str]:
    """What was filled from files of before, and no node reads in those of now.

    While nobody has read the files of now, nothing is known of them. An agent of another make
    never tells of a pipeline.
    """
    types = {
        entry.config.model_type
        for entry in entries
        if entry.status == READY and entry.config is not None and entry.config.model_type
    }
    if not types:
        return []
    gone = sorted(_VANISHING & (held.keys() - found.keys()))
    return [path for path in gone if path != "diffusionPipeline" or _PIPELINE not in types]


def _only_place(spec: Mapping[str, Any]) -> str | None:
    """The one directory that a model may be in which no node fetches, empty for none of a node's.

    None when nodes say where they put it.
    """
    scheme, _, rest = str(value_at(spec, "storage.storageUri") or "").partition("://")
    if scheme == "local":
        return rest
    return "" if scheme in _NOT_ON_NODES else None


def _of_config(config: Config) -> dict[str, Any]:
    framework = {
        key: config.model_framework[key]
        for key in ("name", "version")
        if config.model_framework.get(key)
    }
    size = config.model_parameter_size
    values: dict[str, Any] = {
        "modelType": config.model_type,
        "modelArchitecture": config.model_architecture,
        "modelParameterSize": "" if size == "0" else size,
        "modelCapabilities": list(config.model_capabilities),
        "apiCapabilities": list(config.api_capabilities),
        "modelFramework": framework if framework.get("name") else None,
        "maxTokens": config.max_tokens if 0 < config.max_tokens <= _MOST_TOKENS else None,
        "quantization": config.quantization,
        "modelConfiguration": config.decoded_model_configuration,
        "diffusionPipeline": config.diffusion_pipeline,
    }
    name = config.model_format.get("name")
    if name:
        values[_FORMAT] = name
        values[_VERSION] = config.model_format.get("version")
    return {path: value for path, value in values.items() if not _unset(value)}


def _agree(spec: Mapping[str, Any], held: Mapping[str, str], found: dict[str, Any]) -> None:
    """A version belongs to its format: it is filled only beside the same name."""
    written = value_at(spec, _FORMAT) or ""
    theirs = written and _FORMAT not in held
    if theirs and written.lower() != found.get(_FORMAT, "").lower():
        found.pop(_VERSION, None)


def _without_version(framework: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in framework.items() if key not in ("name", "version")}


def _unset(value: Any) -> bool:
    return value is None or value in ("", 0) or value == [] or value == {}
