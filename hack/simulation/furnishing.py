"""The CRDs as a server stores them: made once in a process, then put into each new server."""

from __future__ import annotations

import asyncio
import gc
import random
from functools import cache
from typing import TYPE_CHECKING, Any

import anyio

from ome.api.crds import all_crds
from ome.kube.resources import CRDS
from ome.sandbox.apiserver.local import Local
from ome.sandbox.apiserver.server import ApiServer
from ome.sandbox.apiserver.storage import Change
from ome.sandbox.stored import Stored

from .processes import ProcessClock, WorldLoop

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["install", "prepare", "settle"]

_USER = "helm"


def prepare() -> None:
    """Do the costly part; called outside of any loop."""
    _stored()


def settle() -> None:
    """Prepare a process that does nothing else than play runs."""
    prepare()
    # What lasts is not looked through for garbage again and again: an eighth of all time. Within a
    # seed only young garbage is collected: an hour leaves some tens of megabytes of the other.
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 1_000, 1_000)


def install(server: ApiServer) -> None:
    """Let a server have our kinds."""
    collection = server.store.collection(CRDS.group, CRDS.plural)
    for index in range(len(_stored())):
        version = server.store.next_version()
        collection.apply(Change(version, None, _at(index, version)))


@cache
def _stored() -> Sequence[Stored]:
    with asyncio.Runner(loop_factory=WorldLoop) as runner:
        return runner.run(_made())


@cache
def _at(index: int, version: int) -> Stored:
    """A definition at a version: fresh servers count alike, so each is encoded once."""
    return Stored.of(_stored()[index].load(), version)


async def _made() -> Sequence[Stored]:
    server = ApiServer(ProcessClock(), random.Random(0))
    local = Local(server)
    async with anyio.create_task_group() as group:
        group.start_soon(server.run)
        for document in all_crds():
            await local.create(CRDS, _undescribed(document), user=_USER)
        await anyio.sleep(1.0)
        group.cancel_scope.cancel()
    return list(local.list(CRDS))


def _undescribed(schema: Any) -> Any:
    """Without the texts for readers, which are most of a CRD and only cost time here."""
    if isinstance(schema, dict):
        return {
            key: _undescribed(value)
            for key, value in schema.items()
            if not (key == "description" and isinstance(value, str))
        }
    return [_undescribed(item) for item in schema] if isinstance(schema, list) else schema
