"""Shapes that several kinds share: storage, formats, extension fields."""

from __future__ import annotations

from typing import Any, Literal

from ome.api.core import MetaCondition, NodeAffinity
from ome.api.limits import FormatName, Int32, Int64
from ome.api.schema import Schema

DownloadPolicy = Literal["AlwaysDownload", "ReuseIfExists"]
LifecycleState = Literal["Creating", "Importing", "In_Transit", "In_Training", "Ready", "Failed"]


class ModelFormat(Schema):
    """How a model's files are laid out, with the version a runtime asks for."""

    name: FormatName
    version: str | None = None
    operator: str = "Equal"
    weight: Int64 = 1


class ModelFrameworkSpec(Schema):
    """The library that wrote the model."""

    name: str
    version: str | None = None
    operator: str = "Equal"
    weight: Int64 = 1


class DiffusionComponent(Schema):
    """A part of a diffusion pipeline: the library and the class in it."""

    library: str | None = None
    type: str | None = None


class DiffusionPipelineSpec(Schema):
    """What a diffusers ``model_index.json`` says."""

    class_name: str | None = None
    scheduler: DiffusionComponent | None = None
    text_encoder: DiffusionComponent | None = None
    tokenizer: DiffusionComponent | None = None
    transformer: DiffusionComponent | None = None
    vae: DiffusionComponent | None = None
    additional_components: dict[str, DiffusionComponent] | None = None


class StorageSpec(Schema):
    """Where the files are and where they go on a node."""

    storage_uri: str
    path: str | None = None
    schema_path: str | None = None
    parameters: dict[str, str] | None = None
    key: str | None = None
    node_selector: dict[str, str] | None = None
    node_affinity: NodeAffinity | None = None
    download_policy: DownloadPolicy | None = None


class ModelExtensionSpec(Schema):
    """Descriptive fields of models and weights."""

    display_name: str | None = None
    version: str | None = None
    disabled: bool | None = None
    vendor: str | None = None
    compartment_id: str | None = None


class ObjectReference(Schema):
    """A reference that carries no kind."""

    name: str
    namespace: str | None = None


class ModelStatus(Schema):
    """Where a model or weight is."""

    lifecycle: str | None = None
    state: LifecycleState | None = None
    nodes_ready: list[str] | None = None
    nodes_failed: list[str] | None = None
    nodes_ready_count: Int32 | None = None
    nodes_failed_count: Int32 | None = None
    nodes_updating_count: Int32 | None = None
    conditions: list[MetaCondition] | None = None


FreeForm = dict[str, Any]
