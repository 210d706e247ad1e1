"""All watches of the process: one for each (resource, scope, selectors), shared by its readers.

Races: ``informer`` may be called before ``run``, while it runs and after it ended. A watch that is
declared while it runs starts at once in the same task group, and ends with it.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, TypeVar

import anyio

from ome.informers.informer import Informer
from ome.informers.metrics import NoMetrics
from ome.informers.projection import HasMetadata
from ome.informers.shared import SharedWatch
from ome.informers.target import Target

if TYPE_CHECKING:
    import random

    from anyio.abc import TaskGroup, TaskStatus

    from ome.clock import Clock
    from ome.informers.metrics import InformerMetrics
    from ome.informers.target import WatchClient
    from ome.kube.resource import Resource

__all__ = ["Informers"]

T = TypeVar("T", bound=HasMetadata)


class Informers:
    """Declares, runs and oversees informers."""

    def __init__(
        self,
        client: WatchClient,
        clock: Clock,
        rng: random.Random,
        *,
        metrics: InformerMetrics | None = None,
        streaming_list: bool = False,
    ) -> None:
        self._client = client
        self._clock = clock
        self._rng = rng
        self._metrics = metrics or NoMetrics()
        self._streaming = streaming_list
        self._watches: dict[Target, SharedWatch] = {}
        self._informers: list[Informer[HasMetadata]] = []
        self._tasks: TaskGroup | None = None

    def informer(
        self,
        resource: Resource,
        projection: type[T],
        *,
        namespace: str = "",
        label_selector: str = "",
        field_selector: str = "",
        metadata_only: bool = False,
        optional: bool = False,
    ) -> Informer[T]:
        """A reader of what the projection declares, of one resource in a scope ("": everywhere).

        Declare before ``run`` where possible: a reader that comes later and wants more fields of a
        watch makes it list again. ``optional``: the reader counts as in sync while the server does
        not serve the resource. Raises: ProjectionError when it contradicts another reader.
        """
        target = Target(resource, namespace, label_selector, field_selector, metadata_only)
        watch = self._watches.get(target)
        if watch is None:
            watch = self._begin(target, projection)
        informer = Informer[T](watch, watch.declare(projection), optional=optional)
        self._informers.append(informer)  # type: ignore[arg-type]  # only its state is read
        return informer

    async def run(self, *, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED) -> None:
        """Keep all watches going until cancelled; started as soon as they are under way.

        Raises: RuntimeError when it already runs.
        """
        if self._tasks is not None:
            raise RuntimeError("the informers are running already")
        try:
            async with anyio.create_task_group() as tasks:
                self._tasks = tasks
                for watch in self._watches.values():
                    tasks.start_soon(watch.run, name=f"watch {watch.target}")
                task_status.started()
                await anyio.sleep_forever()
        finally:
            self._tasks = None

    async def wait_synced(self, deadline: float = 120.0) -> None:
        """Wait until all informers are in sync, at most ``deadline`` seconds.

        Raises: TimeoutError that names those which are not, and what they are doing.
        """
        with anyio.move_on_after(deadline):
            for informer in list(self._informers):
                await informer.wait_synced(math.inf)  # ours is the deadline
            return
        missing = dict.fromkeys(
            f"{informer} ({informer.state})" for informer in self._informers if not informer.synced
        )
        raise TimeoutError(f"not in sync after {deadline:g} s: {', '.join(missing)}")

    @property
    def synced(self) -> bool:
        """True when every informer is in sync."""
        return all(informer.synced for informer in self._informers)

    def ok(self) -> list[str]:
        """Watches whose own code is stuck; an API server that is away is none of them."""
        return [problem for watch in self._watches.values() if (problem := watch.problem())]

    def freshness(self) -> dict[str, float | None]:
        """For each watch the seconds since the server was last heard."""
        return {str(target): watch.freshness for target, watch in self._watches.items()}

    def retry_now(self, resource: Resource | None = None) -> None:
        """End the waits of one resource's watches, or of all, at once."""
        for target, watch in self._watches.items():
            if resource is None or target.resource == resource:
                watch.retry_now()

    def _begin(self, target: Target, projection: type[HasMetadata]) -> SharedWatch:
        watch = SharedWatch(
            self._client,
            target,
            projection,
            clock=self._clock,
            rng=self._rng,
            metrics=self._metrics,
            streaming=self._streaming,
        )
        self._watches[target] = watch
        if self._tasks is not None:
            self._tasks.start_soon(watch.run, name=f"watch {target}")
        return watch
