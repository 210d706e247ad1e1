"""Who carries out the downloads of an agent: children of its process, or the process itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import anyio

from ome.agent.fetch.child import fetch_in_child, reported
from ome.agent.fetch.model import fetch_model, find_revision
from ome.errors import StorageError
from ome.storage.download import Progress

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ome.agent.fetch.model import Fetched, Job
    from ome.agent.protocol import Progress as Reported
    from ome.storage.settings import Surroundings

__all__ = ["Downloads", "InChildren", "InProcess"]

_EVERY = 1.0


class Downloads(Protocol):
    """Both raise ``StorageError``; cancelled, they leave nothing running and what came stays."""

    async def fetch(
        self, job: Job, told: Callable[[Reported], None], limited: Callable[[float], None]
    ) -> Fetched:
        """Make a model whole; ``told`` about once a second how far it is.

        ``limited`` is told of each wait for a rate limit of the source, in seconds.
        """
        ...

    async def revision(self, job: Job) -> str:
        """The commit that the job's source is at; empty when it has none."""
        ...


class InChildren:
    """Each download in a process of its own, which can be killed."""

    def __init__(self, around: Surroundings) -> None:
        self._around = around
        self._environ: Mapping[str, str] = dict(around.environ)

    async def fetch(
        self, job: Job, told: Callable[[Reported], None], limited: Callable[[float], None]
    ) -> Fetched:
        return await fetch_in_child(job, told, limited, self._environ)

    async def revision(self, job: Job) -> str:
        return await find_revision(job, self._around)


class InProcess:
    """Downloads in this process: for many agents in one, where a child for each is too much."""

    def __init__(self, around: Surroundings) -> None:
        self._around = around

    async def fetch(
        self, job: Job, told: Callable[[Reported], None], limited: Callable[[float], None]
    ) -> Fetched:
        progress = Progress(limited=limited)
        failure: StorageError | None = None
        done: Fetched | None = None
        async with anyio.create_task_group() as group:
            group.start_soon(self._report, progress, told)
            try:
                done = await fetch_model(job, self._around, progress)
            except StorageError as error:
                failure = error  # raised outside of the group, which would wrap it
            group.cancel_scope.cancel()
        if done is None:
            assert failure is not None
            raise failure
        told(reported(progress, 0.0, self._around.clock))
        return done

    async def revision(self, job: Job) -> str:
        return await find_revision(job, self._around)

    async def _report(self, progress: Progress, told: Callable[[Reported], None]) -> None:
        while True:
            await self._around.clock.sleep(_EVERY)
            told(reported(progress, 0.0, self._around.clock))
