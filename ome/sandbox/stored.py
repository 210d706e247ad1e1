"""An object as the embedded server keeps it: encoded bytes and what lookups need."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from ome.kube.resource import ObjectKey

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Stored"]

_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode


class Stored:
    """One version of an object. Never changed after it is made; ``load`` gives a fresh copy.

    The bytes are a third of what the decoded object would take, and are what a list or a watch
    sends as they are.
    """

    __slots__ = ("key", "labels", "raw", "uid", "version")

    def __init__(
        self, key: ObjectKey, uid: str, version: int, labels: Mapping[str, str], raw: bytes
    ) -> None:
        self.key = key
        self.uid = uid
        self.version = version
        self.labels = labels
        self.raw = raw

    @classmethod
    def of(cls, document: Mapping[str, Any], version: int) -> Stored:
        """The object at a version, which is written into its metadata."""
        metadata = {**document["metadata"], "resourceVersion": str(version)}
        key = ObjectKey(metadata.get("namespace", ""), metadata["name"])
        # What says its kind comes first: lists of built-in kinds leave it out (``views``).
        head = {name: document[name] for name in ("apiVersion", "kind") if name in document}
        raw = _encode({**head, **document, "metadata": metadata})
        return cls(key, metadata["uid"], version, metadata.get("labels") or {}, raw)

    def load(self) -> dict[str, Any]:
        """The object, decoded; the caller may change it."""
        loaded: dict[str, Any] = _decode(self.raw)
        return loaded
