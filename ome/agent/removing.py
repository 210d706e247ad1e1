"""Taking a model off the node: its files unless something else needs them, then its entry."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import structlog

from ome.agent.protocol import READY
from ome.agent.sharing import artifact_of, children, with_artifact

if TYPE_CHECKING:
    from ome.agent.models import Model
    from ome.agent.post import Post

__all__ = [
    "clear_owner",
    "clear_path",
    "discard_path",
    "leave_owner",
    "remove_model",
    "used_by_others",
]

log = structlog.get_logger("agent")


async def remove_model(post: Post, model: Model, began: bool) -> None:
    """Remove files, entry, label and memory of a model; on a node without them nothing happens.

    ``began``: a download of it was begun by this process. Raises ``StorageError`` when files could
    not be removed; entry and label then stay.
    """
    key, wished = model.report_key, post.path_of(model)
    held = await post.disk.manifest(key)
    began = began or key in post.reporter.keys
    paths = [wished] if began and model.own_files else []
    if held is not None and model.reserved:
        paths = [path for path in (held.path, *held.left) if path]
    elif held is not None:
        # From here on its files are nobody's, also should the agent be restarted now.
        paths = (await post.disk.leave(held)).left
    for path in paths:
        await clear_path(post, model, path, key)
    if began and model.own_files and wished not in paths:
        await discard_path(post, model, wished)
    await post.disk.forget(key)
    if began:
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
    owners = {other: of for other, of in (artifact.parent_path or {}).items() if other != key}
    if model.reserved:
        if artifact.children_paths:
            _reserve(post, key)
        await post.disk.give_up(path)
        return
    for owner in owners:
        leave_owner(post, owner, shown)
    await _remove_files(post, model, path)
    for owner, directory in owners.items():
        await clear_owner(post, model, owner, directory, reserved=artifact.reserved is True)


async def discard_path(post: Post, model: Model, path: str) -> None:
    """Give back the room of what was on its way to a path, unless others are on theirs to it.

    Raises ``StorageError``.
    """
    if not await _wanted_by_others(post, model, path):
        async with post.only_one(path):
            await post.disk.discard(path)


async def _remove_files(post: Post, model: Model, path: str) -> None:
    """Remove what is only the model's in a directory that it has no more.

    Nothing waits for a download of another model to it: that clears the directory itself.
    """
    if await post.is_busy(path) and await _wanted_by_others(post, model, path):
        return
    async with post.only_one(path):
        if await used_by_others(post, model, path):
            await post.disk.sweep(path)
        else:
            await post.disk.remove(path)


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
    if not linked and not reserved and not await post.disk.linked(path):
        await _remove_files(post, model, path)


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


async def used_by_others(post: Post, model: Model, path: str) -> bool:
    """Whether a directory has files of another model, or of one inside it, or is linked to.

    One that only wants to have it has nothing there yet.
    """
    uses, wishes = [], []
    for other in _others(post, model):
        held = await post.disk.manifest(other.report_key)
        entry = post.reporter.entry(other.report_key)
        if held is not None:
            uses += [held.path, held.target]
        elif entry is not None and entry.status == READY:
            targets = artifact_of(entry).parent_path or {}
            uses += [post.path_of(other), *map(post.disk.real, targets.values())]
        wishes.append(post.path_of(other))
    uses = [one for one in uses if one]
    mine, *spots = await post.disk.spots([path, *uses, *wishes])
    used, wanted = spots[: len(uses)], spots[len(uses) :]
    return any(spot.is_relative_to(mine) for spot in used) or any(
        mine in spot.parents for spot in wanted
    )


async def _wanted_by_others(post: Post, model: Model, path: str) -> bool:
    paths = [post.path_of(other) for other in _others(post, model)]
    mine, *spots = await post.disk.spots([path, *paths])
    return mine in spots


def _others(post: Post, model: Model) -> list[Model]:
    """The other models whose files are to be, or to stay, on the node."""
    return [
        other
        for other in post.models()
        if not other.is_of(model) and other.own_files
        if other.reserved or (not other.deleting and post.here(other))
    ]
