"""Whose a directory on the node is: another model's, which forbids it, or one to be linked to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import structlog

from ome.agent.fetch.model import Job
from ome.agent.fetch.place import tidy
from ome.agent.protocol import READY
from ome.agent.removing import used_by_others
from ome.agent.retries import PathTaken
from ome.agent.sharing import Owner, artifact_of, find_owner
from ome.errors import StorageError

if TYPE_CHECKING:
    from ome.agent.disk import Held
    from ome.agent.models import Model
    from ome.agent.post import Post

__all__ = ["Shared", "check_links", "check_path", "shared_files"]

log = structlog.get_logger("agent")


class Shared(msgspec.Struct, frozen=True):
    """Files of another model with the same content."""

    key: str
    path: str
    """In this process."""
    revision: str

    def as_parent(self, post: Post) -> Owner:
        """As it stands in an entry."""
        return Owner(self.key, post.disk.shown(self.path))


def check_path(post: Post, mine: Model, job: Job) -> None:
    """Raise ``PathTaken`` when a model of other content has the directory and goes first."""
    if not mine.own_files or _is_ready(post, mine):
        return
    for other in post.models():
        if other.key == mine.key or not other.own_files or post.path_of(other) != job.path:
            continue
        if not post.here(other) or _content(other) == _content(mine):
            continue
        if _is_ready(post, other) or (other.created, other.key) < (mine.created, mine.key):
            raise PathTaken(
                f"spec.storage.path {post.disk.shown(job.path)} is that of {other.kind}"
                f" {other.key}, whose storageUri is {other.uri}; give one of them another path"
            )


def check_links(post: Post, mine: Model, job: Job, held: Held | None) -> None:
    """Raise ``PathTaken`` when other content would come below the links of other models."""
    links = artifact_of(post.reporter.entry(mine.report_key)).children_paths
    if not links or held is None or held.manifest.target or held.manifest.path != job.path:
        return
    if held.manifest.source != job.source:
        raise PathTaken(
            f"other models are links to the files in {post.disk.shown(job.path)} (first"
            f" {min(links)}); give spec.storage.path another directory with the new storageUri, or"
            " delete those models first"
        )


async def shared_files(post: Post, model: Model, job: Job, held: Held | None) -> Shared | None:
    """The model to link to: one of the same commit, unless the own directory serves others."""
    key = model.report_key
    mine = artifact_of(post.reporter.entry(key))
    if not model.reuses or mine.children_paths or used_by_others(post, model, job.path):
        return None
    settled = held is not None and (held.whole, held.manifest.source) == (True, job.source)
    if settled and held is not None and held.manifest.target:
        owner = next(iter(mine.parent_path or {}), "")
        manifest = held.manifest
        return Shared(owner, manifest.target, manifest.revision) if owner else None
    entries = {other: post.reporter.entry(other) for other in post.reporter.keys}
    if not any(artifact_of(entry).sha for other, entry in entries.items() if other != key):
        return None
    try:
        known = held.manifest.revision if settled and held is not None else ""
        sha = known or await post.downloads.revision(job)
    except StorageError as error:
        log.warning("model.revision_unknown", model=str(model.key), problem=str(error))
        return None
    found = find_owner(entries, key, model.key.namespace, sha)
    path = "" if found is None else post.disk.real(tidy(found.path))
    if found is None or await post.disk.overlap(path, job.path):
        return None
    return Shared(found.key, path, sha) if await post.disk.is_dir(path) else None


def _is_ready(post: Post, model: Model) -> bool:
    entry = post.reporter.entry(model.report_key)
    return entry is not None and entry.status == READY


def _content(model: Model) -> str:
    """What decides a model's content; of a URI that says nothing, the URI."""
    try:
        return Job(key="", uri=model.uri, roots=[], parameters=dict(model.parameters)).source
    except StorageError:
        return model.uri
