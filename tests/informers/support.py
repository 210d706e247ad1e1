"""What the tests of informers share: a recording handler and a running registry."""

from __future__ import annotations

import random
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import anyio

from ome.informers.registry import Informers
from tests.informers.server import THINGS, Server, Thing
from tests.support.virtual_time import VirtualClock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from ome.informers.informer import Informer
    from ome.kube.resource import ObjectKey


class Recorder:
    """A handler that keeps what it was told and replays it."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, Any]] = []
        self.replay: dict[ObjectKey, Any] = {}

    def __call__(self, old: Any, new: Any) -> None:
        assert old is not None or new is not None
        self.calls.append((old, new))
        key = (new or old).metadata.key
        assert self.replay.get(key) is old, "a change begins where the last one ended"
        if new is None:
            del self.replay[key]
        else:
            assert old is None or old.metadata.uid == new.metadata.uid
            self.replay[key] = new

    def kinds(self) -> list[str]:
        """``+a``, ``~a``, ``-a`` for adds, updates and deletes."""
        return [
            ("+" if old is None else "-" if new is None else "~") + (new or old).metadata.name
            for old, new in self.calls
        ]

    def clear(self) -> None:
        self.calls.clear()


@asynccontextmanager
async def running(
    server: Server, clock: VirtualClock | None = None, **options: Any
) -> AsyncIterator[tuple[Informers, Informer[Thing], Recorder]]:
    """A registry with one informer of things, running; stopped at the end."""
    informers = Informers(server, clock or VirtualClock(), random.Random(7), **options)
    informer = informers.informer(THINGS, Thing)
    recorder = Recorder()
    informer.add_handler(recorder)
    async with anyio.create_task_group() as tasks:
        await tasks.start(informers.run)
        yield informers, informer, recorder
        tasks.cancel_scope.cancel()


def values(informer: Informer[Thing]) -> dict[str, int]:
    """Names and values in the store."""
    return {obj.metadata.name: obj.value for obj in informer.store.values()}


def verbs(server: Server) -> list[str]:
    """What was asked of the server, in order."""
    return [request.verb for request in server.requests]
