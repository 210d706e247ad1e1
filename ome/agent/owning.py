"""Whose a directory on the node is: another model's, which forbids it, or one to be linked to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import structlog

from ome.agent.disk import overlap
from ome.agent.fetch.model import Job
from ome.agent.fetch.place import tidy
from ome.agent.protocol import READY
from ome.agent.removing import used_by_others
from ome.agent.retries import PathTaken
from ome.agent.sharing import Owner, artifact_of, find_owner
from ome.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ome.agent.disk import Held
    from ome.agent.models import Model
    from ome.agent.post import Post
    from ome.kube.resource import ObjectKey

__all__ = ["Shared", "check_change", "check_links", "check_path", "shared_files", "still_owns"]

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

    Whose files are there goes before everybody, then the older one. A directory in or around that
    of another model is none to share, whatever the content.
    """
    if not mine.own_files or await _is_there(post, mine, job.path):
        return
    others = [one for one in post.models() if not one.is_of(mine) and one.own_files]
    others = [other for other in others if post.here(other)]
    place, *spots = await post.disk.spots([job.path, *map(post.path_of, others)])
    found = zip(others, spots, strict=True)
    rivals = [(other, spot == place) for other, spot in found if overlap(spot, place)]
    there = [rival for rival in rivals if await _is_there(post, rival[0], post.path_of(rival[0]))]
    content = _content(post, mine)
    if any(shared and _content(post, other) == content for other, shared in there):
        return
    older = [rival for rival in rivals if _age(rival[0]) < _age(mine)]
    for other, shared in (*there, *older):
        if not shared or _content(post, other) != content:
            path, its = (post.disk.shown(one) for one in (job.path, post.path_of(other)))
            how = "is" if shared else f"lies in or around {its},"
            raise PathTaken(
                f"spec.storage.path {path} {how} that of {other.kind} {other.key}, whose storageUri"
                f" is {other.uri}; give one of them another path"
            )


def _age(model: Model) -> tuple[str, ObjectKey, str]:
    return model.created, model.key, model.kind


async def check_links(post: Post, mine: Model, job: Job) -> None:
    """Raise ``PathTaken`` when other content would come below the links of other models.

    The directory may be our own from a former source, or one that its owner left to its links.
    """
    if not mine.own_files:
        return
    content = _content(post, mine)
    links = [
        (other, path)
        for other in list(post.models())
        if not other.is_of(mine) and _content(post, other) != content
        for path in _links_of(post, other)
    ]
    targets = [post.disk.real(tidy(path)) for _, path in links]
    wished = [post.path_of(other) for other, _ in links]
    place, *spots = await post.disk.spots([job.path, *targets, *wished])
    for number, (other, path) in enumerate(links):
        if overlap(spots[number], place) and not overlap(spots[len(links) + number], place):
            raise PathTaken(
                f"{other.kind} {other.key} is a link to the files in {tidy(path)}, which are those"
                f" of {other.uri}; give spec.storage.path another directory, or delete that model"
                " first"
            )


async def check_change(post: Post, mine: Model, job: Job) -> None:
    """Raise ``PathTaken`` when another model is just becoming a link to files that would change.

    By now our entry says Updating, so no further one begins to.
    """
    held = await post.disk.manifest(mine.report_key)
    links = [link for link, owner in post.linking.items() if owner == mine.report_key]
    if held is not None and held.source != job.source and links:
        raise PathTaken(
            f"{links[0]} is becoming a link to the files in {post.disk.shown(held.path)}, which are"
            f" of another source; this is tried again, or delete that model first"
        )


def _links_of(post: Post, model: Model) -> list[str]:
    """The directories of others that a model is a link to; its own, to be left, is none."""
    parents = artifact_of(post.reporter.entry(model.report_key)).parent_path or {}
    return [path for owner, path in parents.items() if owner != model.report_key]


async def shared_files(
    post: Post,
    model: Model,
    job: Job,
    held: Held | None,
    revision: Callable[[Job], Awaitable[str]],
) -> Shared | None:
    """The model to link to: one of the same commit, unless the own directory serves others.

    ``revision`` asks the source for the commit; it is called only when that may be of use.
    """
    key = model.report_key
    mine = artifact_of(post.reporter.entry(key))
    if not model.reuses or mine.children_paths:
        return None
    settled = held is not None and (held.whole, held.manifest.source) == (True, job.source)
    if settled and held is not None and held.manifest.target and held.manifest.path == job.path:
        owner = next(iter(mine.parent_path or {}), "")
        manifest = held.manifest
        return Shared(owner, manifest.target, manifest.revision) if owner else None
    if await used_by_others(post, model, job.path):
        return None
    entries = {other: post.reporter.entry(other) for other in post.reporter.keys}
    if not any(artifact_of(entry).sha for other, entry in entries.items() if other != key):
        return None
    try:
        known = held.manifest.revision if settled and held is not None else ""
        sha = known or await revision(job)
    except StorageError as error:
        log.warning("model.revision_unknown", model=str(model.key), problem=str(error))
        return None
    found = find_owner(entries, key, model.key.namespace, sha)
    path = "" if found is None else post.disk.real(tidy(found.path))
    if found is None or await post.disk.overlap(path, job.path):
        return None
    return Shared(found.key, path, sha) if await post.disk.is_dir(path) else None


def still_owns(post: Post, owner: Shared) -> bool:
    """Whether the model to link to is no link meanwhile, nor is becoming one or another model."""
    entry = post.reporter.entry(owner.key)
    parents = artifact_of(entry).parent_path
    settled = entry is None or entry.status == READY
    return settled and owner.key not in post.linking and (not parents or owner.key in parents)


async def _is_there(post: Post, model: Model, path: str) -> bool:
    """Whether the files of this directory are a model's, as its spec is now.

    Where an agent without manifests has been, the entry is believed.
    """
    held = await post.disk.manifest(model.report_key)
    if held is not None:
        return (held.path, held.source) == (path, _content(post, model))
    entry = post.reporter.entry(model.report_key)
    return entry is not None and entry.status == READY


def _content(post: Post, model: Model) -> str:
    """What decides a model's content; of a URI that says nothing, the URI."""
    parameters, shape = dict(model.parameters), post.shape_for(model)
    try:
        return Job(key="", uri=model.uri, roots=[], parameters=parameters, shape=shape).source
    except StorageError:
        return model.uri
