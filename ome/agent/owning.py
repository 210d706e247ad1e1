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


async def check_path(post: Post, mine: Model, job: Job) -> None:
    """Raise ``PathTaken`` when a model of other content has the directory or goes first.

    Whose files are there goes before everybody, then the older one.
    """
    if not mine.own_files or await _is_there(post, mine, job.path):
        return
    here = [
        other
        for other in post.models()
        if not other.is_of(mine) and other.own_files and post.path_of(other) == job.path
        if post.here(other)
    ]
    there = [other for other in here if await _is_there(post, other, job.path)]
    content = _content(post, mine)
    if any(_content(post, other) == content for other in there):
        return
    since = (mine.created, mine.key, mine.kind)
    older = [other for other in here if (other.created, other.key, other.kind) < since]
    for other in (*there, *older):
        if _content(post, other) != content:
            raise PathTaken(
                f"spec.storage.path {post.disk.shown(job.path)} is that of {other.kind}"
                f" {other.key}, whose storageUri is {other.uri}; give one of them another path"
            )


def check_links(post: Post, mine: Model, job: Job) -> None:
    """Raise ``PathTaken`` when other content would come below the links of other models.

    The directory may be our own from a former source, or one that its owner left to its links.
    """
    if not mine.own_files:
        return
    place = tidy(post.disk.shown(job.path))
    for other in list(post.models()):
        parents = artifact_of(post.reporter.entry(other.report_key)).parent_path or {}
        if other.is_of(mine) or not any(tidy(path) == place for path in parents.values()):
            continue
        if post.path_of(other) != job.path and _content(post, other) != _content(post, mine):
            raise PathTaken(
                f"{other.kind} {other.key} is a link to the files in {place}, which are those of"
                f" {other.uri}; give spec.storage.path another directory, or delete that model"
                " first"
            )


async def shared_files(post: Post, model: Model, job: Job, held: Held | None) -> Shared | None:
    """The model to link to: one of the same commit, unless the own directory serves others."""
    key = model.report_key
    mine = artifact_of(post.reporter.entry(key))
    if not model.reuses or mine.children_paths:
        return None
    settled = held is not None and (held.whole, held.manifest.source) == (True, job.source)
    if settled and held is not None and held.manifest.target and held.manifest.path == job.path:
        owner = next(iter(mine.parent_path or {}), "")
        manifest = held.manifest
        return Shared(owner, manifest.target, manifest.revision) if owner else None
    if used_by_others(post, model, job.path):
        return None
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


async def _is_there(post: Post, model: Model, path: str) -> bool:
    """Whether the files of this directory are a model's, as its spec is now.

    Where an agent without manifests has been, the entry is believed.
    """
    held = await post.disk.held(model.report_key)
    if held is not None:
        return (held.manifest.path, held.manifest.source) == (path, _content(post, model))
    entry = post.reporter.entry(model.report_key)
    return entry is not None and entry.status == READY


def _content(post: Post, model: Model) -> str:
    """What decides a model's content; of a URI that says nothing, the URI."""
    parameters, shape = dict(model.parameters), post.shape_for(model)
    try:
        return Job(key="", uri=model.uri, roots=[], parameters=parameters, shape=shape).source
    except StorageError:
        return model.uri
