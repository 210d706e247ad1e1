"""Models and weights of some files whose directories are in each other's way on nodes. Pure."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from ome.agent.disk import overlap
from ome.agent.fetch.model import Job
from ome.agent.fetch.place import tidy
from ome.agent.models import Model
from ome.errors import StorageError
from ome.kube.resource import ObjectKey

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

__all__ = ["in_the_way"]


def in_the_way(documents: Sequence[Mapping[str, Any]]) -> Iterator[tuple[int, str]]:
    """By place in the list, what to say of a document whose directory meets that of one before it.

    Agents let only models of one content have one directory, and none have one inside that of
    another. Those that by their ``nodeSelector`` never come to one node are in nobody's way.
    """
    seen: list[Model] = []
    for index, document in enumerate(documents):
        model = _model(document)
        if model is None:
            continue
        # One object in several files, as of a base and its overlays, is in nobody's way.
        others = (other for other in seen if not model.is_of(other))
        met = next((other for other in others if _meet(model, other)), None)
        if met is not None:
            yield index, _words(model, met)
        seen.append(model)


def _model(document: Mapping[str, Any]) -> Model | None:
    """What an agent would keep where its spec says; None for everything else."""
    kind, metadata, spec = document.get("kind"), document.get("metadata"), document.get("spec")
    if not isinstance(kind, str) or not isinstance(metadata, dict) or not isinstance(spec, dict):
        return None
    storage = spec.get("storage")
    if not isinstance(storage, dict) or not _is_sound(storage):
        return None
    key = ObjectKey(str(metadata.get("namespace") or ""), str(metadata.get("name") or ""))
    model = Model(kind, key, "", 0, {}, storage, {})
    return model if model.own_files and tidy(storage["path"]) else None


def _is_sound(storage: Mapping[str, Any]) -> bool:
    """Whether what is looked at here is of its type; what is not has been told already."""
    texts = [storage.get("path"), storage.get("storageUri")]
    for name in ("parameters", "nodeSelector"):
        values = storage.get(name) or {}
        if not isinstance(values, dict):
            return False
        texts += values.values()
    return all(isinstance(text, str) for text in texts)


def _meet(one: Model, two: Model) -> bool:
    first, second = (tidy(model.storage["path"]) for model in (one, two))
    if not overlap(PurePosixPath(first), PurePosixPath(second)):
        return False
    if first == second and _content(one) == _content(two):
        return False
    mine, its = (model.storage.get("nodeSelector") or {} for model in (one, two))
    return not any(mine[label] != its[label] for label in mine.keys() & its.keys())


def _content(model: Model) -> str:
    try:
        return Job(key="", uri=model.uri, roots=[], parameters=dict(model.parameters)).source
    except StorageError:
        return model.uri


def _words(model: Model, other: Model) -> str:
    path, its = model.storage["path"], other.storage["path"]
    how = "is" if tidy(path) == tidy(its) else f"lies in or around {its},"
    return (
        f"{path} {how} that of {other.kind} {other.key}, which has other files; where a node is to"
        " have both, one is Failed (PathTaken). Give one of them another path"
    )
