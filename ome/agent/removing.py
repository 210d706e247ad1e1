"""Taking a model off the node: its files unless something else needs them, then its entry."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import msgspec
import structlog

from ome.agent.sharing import artifact_of, children, with_artifact

if TYPE_CHECKING:
    from ome.agent.models import Model
    from ome.agent.post import Post

__all__ = ["clear_owner", "clear_path", "leave_owner", "remove_model", "used_by_others"]

log = structlog.get_logger("agent")


async def remove_model(post: Post, model: Model, began: bool) -> None:
    """Remove files, entry, label and memory of a model; on a node without them nothing happens.

    ``began``: a download of it was begun by this process. Raises ``StorageError`` when files could
    not be removed; entry and label then stay.
    """
    key = model.report_key
    held = await post.disk.held(key)
    if held is not None:
        await clear_path(post, model, held.manifest.path, key)
    elif model.own_files and (began or key in post.reporter.keys):
        await clear_path(post, model, post.path_of(model), key)
    await post.disk.forget(key)
    if key in post.reporter.keys or began:
        post.reporter.report(key, model.label, None)
        log.info("model.removed", node=post.node, model=str(model.key))
    post.metrics.forget(model)


async def clear_path(post: Post, model: Model, path: str, key: str) -> None:
    """Remove a directory that the model has no more. Raises ``StorageError``.

    It stays when another model has it, or one inside it, when models link to it, and when the user
    asked for that.
    """
    artifact = artifact_of(post.reporter.entry(key))
    shown = post.disk.shown(path)
    if artifact.children_paths:
        if model.reserved:
            _reserve(post, key)
        return
    if model.reserved or used_by_others(post, model, path):
        return
    owners = {other: of for other, of in (artifact.parent_path or {}).items() if other != key}
    for owner in owners:
        leave_owner(post, owner, shown)
    async with post.only_one(path):
        await post.disk.remove(path)
    for owner, directory in owners.items():
        await clear_owner(post, model, owner, directory, reserved=artifact.reserved is True)


def leave_owner(post: Post, owner: str, path: str) -> None:
    """Take a link out of the entry of the model that it led to."""
    entry = post.reporter.entry(owner)
    if entry is not None and artifact_of(entry).children_paths:
        without = children(artifact_of(entry), remove=path)
        post.reporter.amend(owner, with_artifact(entry, without))


async def clear_owner(
    post: Post, model: Model, owner: str, directory: str, *, reserved: bool
) -> None:
    """Remove files that were left for their links, with the last of these: ``model`` is none now.

    ``reserved``: their owner wanted them to stay. Raises ``StorageError``.
    """
    known = next((one for one in post.models() if one.report_key == owner), None)
    # One that is on its way out has seen our link, and one that moved left the files to it.
    if known is not None and post.here(known) and _owns(post, owner, owner, directory):
        return
    reserved = reserved or (known is not None and known.reserved)
    others = post.reporter.keys - {model.report_key, owner}
    linked = any(_owns(post, other, owner, directory) for other in others)
    path = post.disk.real(directory)
    if linked or reserved or used_by_others(post, model, path):
        return
    if await post.disk.linked(path):
        return
    async with post.only_one(path):
        await post.disk.remove(path)


def _owns(post: Post, key: str, owner: str, directory: str) -> bool:
    """Whether an entry says that the model's files are the owner's in this directory."""
    return (artifact_of(post.reporter.entry(key)).parent_path or {}).get(owner) == directory


def _reserve(post: Post, owner: str) -> None:
    """Note in the entries of those that link here that the files stay after the last of them."""
    for key in list(post.reporter.keys):
        entry = post.reporter.entry(key)
        artifact = artifact_of(entry)
        if entry is not None and key != owner and owner in (artifact.parent_path or {}):
            kept = msgspec.structs.replace(artifact, reserved=True)
            post.reporter.amend(key, with_artifact(entry, kept))


def used_by_others(post: Post, model: Model, path: str) -> bool:
    """Whether another model has the directory, or one inside it."""
    mine = PurePosixPath(path)
    return any(
        PurePosixPath(post.path_of(other)).is_relative_to(mine)
        for other in post.models()
        if not other.is_of(model) and other.own_files
        if not other.deleting or other.reserved
    )
