"""Models of one content on a node: who owns the files, and who only links to them. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec

from ome.agent.protocol import READY, Artifact, Config
from ome.api import names

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ome.agent.protocol import Entry

__all__ = ["Owner", "artifact_of", "children", "find_owner", "with_artifact"]


class Owner(NamedTuple):
    """The key of the entry that owns a directory, and the directory."""

    key: str
    path: str


def find_owner(
    entries: Mapping[str, Entry | None], key: str, namespace: str, sha: str
) -> Owner | None:
    """Whose files have the commit: of those that may be linked to, the one with most links.

    Models of the whole cluster come first, then those of the model's own namespace. The owner's
    own entry, where there is one, must be Ready. Whether the directory exists is for the caller.
    """
    prefixes = [names.CLUSTER_BASE_MODEL_PREFIX]
    if namespace:
        prefixes.append(namespace + names.BASE_MODEL_INFIX)
    for prefix in prefixes:
        found = [
            (-len(artifact.children_paths or ()), other, owner)
            for other, entry in sorted(entries.items())
            if other.startswith(prefix) and (artifact := artifact_of(entry)).sha == sha
            if (owner := _owner(artifact)) and owner.key.lower() != key.lower()
            if _ready(entries, owner.key)
        ]
        if found and sha:
            return min(found)[2]
    return None


def _owner(artifact: Artifact) -> Owner | None:
    parents = artifact.parent_path or {}
    return Owner(*next(iter(parents.items()))) if len(parents) == 1 else None


def _ready(entries: Mapping[str, Entry | None], key: str) -> bool:
    entry = entries.get(key)
    return key not in entries or (entry is not None and entry.status == READY)


def artifact_of(entry: Entry | None) -> Artifact:
    """What an entry says of its files; nothing when it says nothing."""
    if entry is None or entry.config is None or entry.config.artifact is None:
        return Artifact()
    return entry.config.artifact


def with_artifact(entry: Entry, artifact: Artifact) -> Entry:
    """The entry with another artifact."""
    config = msgspec.structs.replace(entry.config or Config(), artifact=artifact)
    return msgspec.structs.replace(entry, config=config)


def children(artifact: Artifact, *, add: str = "", remove: str = "") -> Artifact:
    """The artifact with a link more or less; the case of a path does not tell two apart."""
    paths = list(artifact.children_paths or ())
    if remove:
        paths = [path for path in paths if path.lower() != remove.lower()]
    if add and add.lower() not in (path.lower() for path in paths):
        paths.append(add)
    return msgspec.structs.replace(artifact, children_paths=paths or None)
