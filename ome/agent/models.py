"""What an agent needs to know of a model, or of a fine-tuned weight that it is to keep as one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ome.agent.fetch.place import default_path, tidy
from ome.api import names
from ome.api.filled import storage_to_fetch
from ome.api.truncate import (
    model_configmap_key,
    model_node_label,
    weight_configmap_key,
    weight_node_label,
)
from ome.api.weights import kept_on_nodes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ome.informers.projection import Metadata
    from ome.kube.resource import ObjectKey

__all__ = ["OBJECT_STORES", "Model"]

_REUSE = "ReuseIfExists"
_TENSORRT = "tensorrtllm"
OBJECT_STORES = frozenset({"oci", "s3", "gs", "az"})
"""Schemes whose files come in ranges."""
_NOT_COPIED = ("local", "vendor", "pvc")
_WEIGHT = "FineTunedWeight"


@dataclass(frozen=True, slots=True)
class Model:
    """An object whose files may lie on nodes; a weight's do when its storage names a path."""

    kind: str
    key: ObjectKey
    uid: str
    generation: int
    annotations: Mapping[str, str]
    storage: Mapping[str, Any]
    labels: Mapping[str, str]
    created: str = ""
    deleting: bool = False
    disabled: bool = False
    for_shape: bool = False
    """Whether its engines are built for one shape of GPUs each."""

    @classmethod
    def of(cls, kind: str, key: ObjectKey, document: Mapping[str, Any]) -> Model:
        """From the object as stored."""
        metadata, spec = document["metadata"], document.get("spec") or {}
        use = (spec.get("additionalMetadata") or {}).get("type") or names.BASE_MODEL_TYPE_SERVING
        engine = ((spec.get("modelFormat") or {}).get("name") or "").lower() == _TENSORRT
        return cls(
            kind,
            key,
            metadata["uid"],
            metadata.get("generation", 0),
            metadata.get("annotations") or {},
            storage_to_fetch(spec, metadata.get("annotations") or {}),
            metadata.get("labels") or {},
            metadata.get("creationTimestamp") or "",
            bool(metadata.get("deletionTimestamp")),
            bool(spec.get("disabled")),
            engine and use == names.BASE_MODEL_TYPE_SERVING,
        )

    def with_metadata(self, metadata: Metadata) -> Model | None:
        """The model as it is now; None when its spec is another one, which must be read."""
        if (metadata.uid, metadata.generation) != (self.uid, self.generation):
            return None
        return replace(
            self,
            annotations=metadata.annotations,
            labels=metadata.labels,
            deleting=bool(metadata.deletion_timestamp),
        )

    @property
    def uri(self) -> str:
        """Where its files come from; empty when the spec says nothing."""
        return self.storage.get("storageUri") or ""

    @property
    def scheme(self) -> str:
        """The scheme of its URI."""
        return self.uri.partition("://")[0]

    @property
    def parameters(self) -> Mapping[str, str]:
        """The parameters of its storage."""
        return self.storage.get("parameters") or {}

    @property
    def for_nodes(self) -> bool:
        """Whether agents care for it: some weights are fetched by pods only."""
        return self.kind != _WEIGHT or kept_on_nodes(self.uri, self.storage.get("path"))

    @property
    def own_files(self) -> bool:
        """Whether the files are put on the node for it, and go with it."""
        return self.for_nodes and bool(self.uri) and self.scheme not in _NOT_COPIED

    @property
    def reuses(self) -> bool:
        """Whether it may be a link to another model of the same content."""
        return self.scheme == "hf" and self.storage.get("downloadPolicy") == _REUSE

    @property
    def redownload(self) -> str:
        """The value of the annotation that asks for a new download when it changes."""
        return self.annotations.get(names.ANNOTATION_REDOWNLOAD, "")

    @property
    def reserved(self) -> bool:
        """Whether its files are to stay when it goes."""
        return self.labels.get(names.LABEL_RESERVE_ARTIFACT, "").lower() == "true"

    @property
    def skip_parsing(self) -> bool:
        """Whether nothing of the files' configuration is reported: a weight has no place for it."""
        return self.kind == _WEIGHT or any(
            self.annotations.get(name, "").lower() == "true"
            for name in names.ANNOTATION_SKIP_CONFIG_PARSING
        )

    @property
    def report_key(self) -> str:
        """Its key in status ConfigMaps."""
        if self.kind == _WEIGHT:
            return weight_configmap_key(self.key.name)
        return model_configmap_key(*self.key)

    @property
    def label(self) -> str:
        """Its label on nodes."""
        if self.kind == _WEIGHT:
            return weight_node_label(self.key.name)
        return model_node_label(*self.key)

    def is_of(self, other: Model) -> bool:
        """Whether both are the same object, maybe at different times: names alone do not tell."""
        return (self.kind, self.key) == (other.kind, other.key)

    def path_to_tell(self, root: str) -> str:
        """Where nodes say that it is; nothing while the spec says that, or when it is nowhere."""
        if self.storage.get("path"):
            return ""
        if self.scheme == "local":
            path = self.uri.removeprefix("local://")
            return path if path.startswith("/") else ""
        return self.path_below(root) if self.own_files else ""

    def path_below(self, root: str) -> str:
        """The directory on a node whose models are below ``root``, in its one spelling."""
        return tidy(self.storage.get("path") or "") or default_path(self.uri, root)
